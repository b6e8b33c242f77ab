// SPDX-License-Identifier: GPL-2.0-or-later
// The backends of this world, by name.
#pragma once

#include <span>
#include <string_view>

#include "arch/chosen.h"

namespace tlblab::inline TLBLAB_WORLD {

struct Backend {
  std::string_view name;
  arch_facts facts;
  mmu_gather_features features;
  // Both while no machine stands: makes it what chosen_arch is, without options; switches one on.
  void (*choose)() noexcept = nullptr;
  bool (*set_option)(std::string_view) noexcept = nullptr;  // false: it has no such option
};

[[nodiscard]] std::span<const Backend> backends() noexcept;
// "arm64+no-range": with options. Throws std::invalid_argument if there is no such backend, or option.
void choose_backend(std::string_view name);

}  // namespace tlblab::inline TLBLAB_WORLD
