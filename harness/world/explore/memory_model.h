// SPDX-License-Identifier: GPL-2.0-or-later
// The memory models of the explorer. Knows no world.
#pragma once

#include <cstdint>

namespace tlblab {

enum class MemoryModel : std::uint8_t {
  sc,    // one memory, one order of everything
  tso,   // x86: a store is seen by others later than by its CPU
  weak,  // the kernel's model (LKMM) without load buffering: each load stays before later stores
};

}  // namespace tlblab
