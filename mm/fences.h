// SPDX-License-Identifier: GPL-2.0-or-later
// Fences that have a name: a run can be made without one, to see what it is for. Kernel: what stands where
// each is used; mm/fixes.h lists them.
#pragma once

#include <cstdint>

#include "mm/fixes.h"
#include "mm/world.h"

namespace tlblab::inline TLBLAB_WORLD {

// A bit for each fence that does not stand. Written while no CPU runs.
inline std::uint32_t dropped_fences = 0;

inline bool stands(Fence fence) noexcept {
  return (dropped_fences >> static_cast<unsigned>(fence) & 1) == 0;
}
inline void smp_mb(Fence fence) noexcept {
  if (stands(fence)) [[likely]]
    smp_mb();
}
inline void smp_rmb(Fence fence) noexcept {
  if (stands(fence)) [[likely]]
    smp_rmb();
}
inline void smp_mb__after_atomic(Fence fence) noexcept {
  if (stands(fence)) [[likely]]
    smp_mb__after_atomic();
}

}  // namespace tlblab::inline TLBLAB_WORLD
