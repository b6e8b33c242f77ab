// SPDX-License-Identifier: GPL-2.0-or-later
// Memory of the explore world: one execution's, see explore/arena.h. May be used before and after
// the CPUs run too, then on behalf of CPU 0.
#pragma once

#include "harness/world/explore/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

// 4 KiB, aligned, contents undefined; null if there is none or a test made this site fail.
[[nodiscard]] void* alloc_frame(AllocSite site) noexcept;
void free_frame(void* frame) noexcept;
// The same for 1 << order frames that are contiguous, aligned to their size. Order 1 to 9. Freed as
// they were taken, all at once.
[[nodiscard]] void* alloc_frames(AllocSite site, unsigned order) noexcept;
void free_frames(void* frames, unsigned order) noexcept;

// Zeroed object memory; null if there is none or a test made this site fail.
[[nodiscard]] void* kmalloc(std::size_t bytes, AllocSite site) noexcept;
void kfree(void* object) noexcept;

// What was allocated on this machine and not freed. Exact only while nobody allocates.
[[nodiscard]] HeldMemory memory_held() noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
