// SPDX-License-Identifier: GPL-2.0-or-later
// Memory of the real world. Frames are real 4 KiB pages from one jemalloc arena per NUMA node;
// objects come from malloc. Frames that a CPU frees stay with it up to a number, last in first out,
// so that an allocation right after costs neither a lock nor a cache miss; not where there are
// several nodes, for nothing tells which one a freed frame is of. A checked machine fills freed frames
// with junk, and under AddressSanitizer poisons them, so a use after the free shows at its line.
#pragma once

#include "harness/world/real/cpu.h"

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

namespace detail {
inline constexpr unsigned frames_kept = 1024;  // by each CPU
// Gives back what the CPU keeps. Its thread has ended.
void drain_frames(Cpu& cpu) noexcept;
}  // namespace detail

}  // namespace tlblab::inline TLBLAB_WORLD
