// SPDX-License-Identifier: GPL-2.0-or-later
// madvise(2). Kernel file: madvise.c. mmap_lock for reading: two threads may be at the same pages
// at once, which is what the nested flush is for (scenario madvise-parallel-2017).
#pragma once

#include <cerrno>

#include "mm/mm.h"
#include "mm/mmap.tcc"
#include "mm/zap.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// Kernel: is_valid_madvise. What lies above the program's addresses is a hole like any other.
inline std::int64_t check_advice(vaddr_t start, std::uint64_t length, call_range& range) noexcept {
  const std::uint64_t rounded = (length + page_size - 1) & page_mask;
  if ((start & ~page_mask) != 0 || (length != 0 && rounded == 0)) return -EINVAL;
  if (start + rounded < start) return -EINVAL;
  range = {start, start + rounded};
  return 0;
}

// One gather for the whole call. A hole is an error, but what lies on both sides is zapped.
template <ArchBackend A>
std::int64_t zap_all_areas(mm_struct& mm, call_range range) noexcept {
  mmu_gather<A> tlb;
  tlb_gather_mmu(tlb, mm, range.start, range.end);
  vaddr_t covered = range.start;
  bool hole = false;
  for (vm_area_struct* vma = find_vma(mm, range.start); vma != nullptr && vma->vm_start < range.end;
       vma = vma_next(mm, *vma)) {
    const vaddr_t start = vma->vm_start > range.start ? vma->vm_start : range.start;
    const vaddr_t end = vma->vm_end < range.end ? vma->vm_end : range.end;
    hole |= start != covered;
    unmap_page_range(tlb, *vma, start, end, {.reclaim_pt = true});
    covered = end;
  }
  tlb_finish_mmu(tlb);
  return hole || covered != range.end ? -ENOMEM : 0;
}

// [start, end) lies in one area. mmap_lock for writing.
inline std::int64_t change_area_flags(
    mm_struct& mm, vaddr_t start, vaddr_t end, std::uint32_t set, std::uint32_t clear) noexcept {
  vm_area_struct* vma = vma_lookup(mm, start);
  const std::uint32_t flags = (vma->vm_flags & ~clear) | set;
  if (flags == vma->vm_flags) return 0;
  if (!vma_split_at(mm, start) || !vma_split_at(mm, end)) return -ENOMEM;
  vma = vma_lookup(mm, start);
  vma_start_write(*vma);
  vma->vm_flags = flags;
  vma_merge(mm, *vma);
  return 0;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_madvise_dontneed(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  detail::call_range range{};
  if (const std::int64_t error = detail::check_advice(start, length, range)) return error;
  if (range.start == range.end) return 0;
  constexpr auto call = static_cast<std::uint64_t>(MmCall::madvise_dontneed);
  trace(EventKind::call_begin, mm.id, call, range.start, range.end);
  mm.mmap_lock.down_read();
  const std::int64_t result = detail::zap_all_areas<A>(mm, range);
  mm.mmap_lock.up_read();
  trace(EventKind::call_end, mm.id, call, range.start, range.end);
  return result;
}

// Advice that only changes what the areas are (MADV_DONTFORK and its like): no page is touched.
template <ArchBackend A>
std::int64_t do_madvise_flags(mm_struct& mm,
                              vaddr_t start,
                              std::uint64_t length,
                              std::uint32_t set,
                              std::uint32_t clear) noexcept {
  detail::call_range range{};
  if (const std::int64_t error = detail::check_advice(start, length, range)) return error;
  mm.mmap_lock.down_write();
  const bool hole = !range_is_mapped(mm, range.start, range.end);
  std::int64_t result = 0;
  for (vaddr_t at = range.start; at < range.end && result == 0;) {
    vm_area_struct* vma = find_vma(mm, at);
    if (vma == nullptr || vma->vm_start >= range.end) break;
    at = vma->vm_start > at ? vma->vm_start : at;
    const vaddr_t end = vma->vm_end < range.end ? vma->vm_end : range.end;
    result = detail::change_area_flags(mm, at, end, set, clear);
    at = end;
  }
  mmap_write_unlock(mm);
  return result != 0 ? result : hole ? -ENOMEM : 0;
}

}  // namespace tlblab::inline TLBLAB_WORLD
