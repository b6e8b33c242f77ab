// SPDX-License-Identifier: GPL-2.0-or-later
// The memory models of the explorer. Knows no world.
#pragma once

#include <cstdint>
#include <string_view>

namespace tlblab {

enum class MemoryModel : std::uint8_t {
  sc,    // one memory, one order of everything
  tso,   // x86: a store is seen by others later than by its CPU
  weak,  // the kernel's model (LKMM) without load buffering: each load stays before later stores
};

constexpr const char* name_of(MemoryModel model) noexcept {
  switch (model) {
    case MemoryModel::sc: return "sc";
    case MemoryModel::tso: return "tso";
    case MemoryModel::weak: break;
  }
  return "weak";
}
constexpr bool is_model(std::string_view name) noexcept {
  return name == "sc" || name == "tso" || name == "weak";
}
// Of a name that is one of these.
constexpr MemoryModel model_named(std::string_view name) noexcept {
  if (name == "sc") return MemoryModel::sc;
  return name == "tso" ? MemoryModel::tso : MemoryModel::weak;
}

}  // namespace tlblab
