// SPDX-License-Identifier: GPL-2.0-or-later
// madvise(2). Kernel file: madvise.c. mmap_lock for reading: two threads may be at the same pages
// at once, which is what the nested flush is for (scenario madvise-parallel-2017). Here: what all
// advice shares, DONTNEED, and advice that only changes what an area is. The rest: madvise_lru.tcc
// (FREE, COLD), madvise_guard.tcc, madvise_file.tcc (REMOVE, WILLNEED), mlock.tcc (POPULATE).
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

// visit(area, start, end) for the part of each area in the range; the first error of a visit ends
// the walk. A hole is an error too, but what lies behind it is still visited. mmap_lock held; a
// visit may drop it meanwhile, and may cut and merge areas. Kernel: madvise_walk_vmas.
template <class Visit>
std::int64_t madvise_walk_vmas(mm_struct& mm, call_range range, Visit visit) noexcept {
  bool hole = false;
  for (vaddr_t at = range.start; at < range.end;) {
    vm_area_struct* vma = find_vma(mm, at);
    if (vma == nullptr || vma->vm_start >= range.end) return -ENOMEM;
    hole |= vma->vm_start > at;
    const vaddr_t start = vma->vm_start > at ? vma->vm_start : at;
    const vaddr_t end = vma->vm_end < range.end ? vma->vm_end : range.end;
    if (const std::int64_t error = visit(*vma, start, end)) return error;
    at = end;
  }
  return hole ? -ENOMEM : 0;
}

// One gather for the whole call: a range over several areas is flushed once (data rule 7).
template <ArchBackend A>
std::int64_t zap_all_areas(mm_struct& mm, call_range range, bool locked) noexcept {
  const std::uint32_t forbidden = VM_PFNMAP | (locked ? 0U : VM_LOCKED);
  mmu_gather<A> tlb;
  tlb_gather_mmu(tlb, mm, range.start, range.end);
  const std::int64_t result = madvise_walk_vmas(
      mm, range, [&](vm_area_struct& vma, vaddr_t start, vaddr_t end) -> std::int64_t {
        if ((vma.vm_flags & forbidden) != 0) return -EINVAL;
        unmap_page_range(tlb, vma, start, end, {.reclaim_pt = true});
        return 0;
      });
  tlb_finish_mmu(tlb);
  return result;
}

// Kernel: the cases of madvise_vma_behavior that only change vm_flags, and ksm_madvise.
inline bool advice_is_allowed(const vm_area_struct& vma, std::uint32_t set) noexcept {
  const bool private_anonymous = vma.vm_file == nullptr && is_cow_mapping(vma);
  return (set & VM_WIPEONFORK) == 0 || private_anonymous;
}
inline std::uint32_t advice_that_applies(const vm_area_struct& vma, std::uint32_t set) noexcept {
  constexpr std::uint32_t not_mergeable = VM_SHARED | VM_PFNMAP | VM_HUGETLB;
  return (vma.vm_flags & not_mergeable) != 0 ? set & ~VM_MERGEABLE : set;
}

// [start, end) lies in one area. mmap_lock for writing.
inline std::int64_t change_area_flags(
    mm_struct& mm, vaddr_t start, vaddr_t end, std::uint32_t set, std::uint32_t clear) noexcept {
  vm_area_struct* vma = vma_lookup(mm, start);
  if (!advice_is_allowed(*vma, set)) return -EINVAL;
  const std::uint32_t flags = (vma->vm_flags & ~clear) | advice_that_applies(*vma, set);
  if (flags == vma->vm_flags) return 0;
  if (!vma_split_at(mm, start) || !vma_split_at(mm, end)) return -ENOMEM;
  vma = vma_lookup(mm, start);
  vma_start_write(*vma);
  vm_flags_reset(*vma, flags);
  vma_merge(mm, *vma);
  return 0;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_madvise_dontneed(mm_struct& mm,
                                 vaddr_t start,
                                 std::uint64_t length,
                                 bool locked) noexcept {
  detail::call_range range{};
  if (const std::int64_t error = detail::check_advice(start, length, range)) return error;
  if (range.start == range.end) return 0;
  constexpr auto call = static_cast<std::uint64_t>(MmCall::madvise_dontneed);
  trace(EventKind::call_begin, mm.id, call, range.start, range.end);
  mm.mmap_lock.down_read();
  const std::int64_t result = detail::zap_all_areas<A>(mm, range, locked);
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
  const std::int64_t result =
      detail::madvise_walk_vmas(mm, range, [&](const vm_area_struct&, vaddr_t from, vaddr_t end) {
        return detail::change_area_flags(mm, from, end, set, clear);
      });
  mmap_write_unlock(mm);
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
