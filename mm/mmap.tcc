// SPDX-License-Identifier: GPL-2.0-or-later
// mmap, munmap, brk. Kernel files: mmap.c, vma.c.
//
// munmap takes its areas out of the tree under mmap_lock for writing and then goes on with the
// lock for reading only: zapping and freeing tables run beside faults and madvise elsewhere in the
// mm. So nested gathers are common, and one of them may free tables (7a30df49f63a).
#pragma once

#include <cerrno>

#include "mm/free_pgtables.tcc"
#include "mm/mm.h"
#include "mm/page_cache.h"
#include "mm/vma_lock.h"
#include "mm/zap.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

struct call_range {
  vaddr_t start, end;
};

// What the kernel checks of every call with a range; 0 or -errno.
inline std::int64_t check_range(const mm_struct& mm,
                                vaddr_t start,
                                std::uint64_t length,
                                call_range& range) noexcept {
  const std::uint64_t rounded = (length + page_size - 1) & page_mask;
  if ((start & ~page_mask) != 0 || (length != 0 && rounded == 0)) return -EINVAL;
  if (start > mm.task_size || rounded > mm.task_size - start) return -EINVAL;
  range = {start, start + rounded};
  return 0;
}

// Areas on their way out, in order.
struct detached_areas {
  vma_tree areas;
  vaddr_t floor = 0, ceiling = 0;  // ends of the neighbours that stay; 0: none
  ~detached_areas() {
    areas.clear_and_dispose([](vm_area_struct* vma) { vma_free(*vma); });
  }
};

// Cuts and takes out what lies in the range. mmap_lock for writing. -ENOMEM: nothing taken out.
inline std::int64_t detach_areas(mm_struct& mm, call_range range, detached_areas& out) noexcept {
  if (!vma_split_at(mm, range.start) || !vma_split_at(mm, range.end)) return -ENOMEM;
  vm_area_struct* vma = find_vma(mm, range.start);
  if (vma != nullptr)
    if (const vm_area_struct* prev = vma_prev(mm, *vma); prev != nullptr) out.floor = prev->vm_end;
  while (vma != nullptr && vma->vm_start < range.end) {
    vm_area_struct* next = vma_next(mm, *vma);
    vma_detach(mm, *vma);
    out.areas.insert(*vma);
    vma = next;
  }
  if (vma != nullptr) out.ceiling = vma->vm_start;
  return 0;
}

// Kernel: unmap_region.
template <ArchBackend A>
void unmap_region(mm_struct& mm, detached_areas& detached) noexcept {
  if (detached.areas.empty()) return;
  mmu_gather<A> tlb;
  tlb_gather_mmu(tlb, mm, detached.areas.begin()->vm_start, detached.areas.rbegin()->vm_end);
  for (vm_area_struct& vma : detached.areas)
    unmap_page_range(tlb, vma, vma.vm_start, vma.vm_end, {.drop_markers = true});
  free_pgtables(tlb, detached.areas, detached.floor, detached.ceiling);
  tlb_finish_mmu(tlb);
}

// mmap_lock for writing, kept: for calls that put something into the place.
template <ArchBackend A>
std::int64_t unmap_locked(mm_struct& mm, call_range range) noexcept {
  detached_areas detached;
  if (const std::int64_t error = detach_areas(mm, range, detached)) return error;
  unmap_region<A>(mm, detached);
  return 0;
}

template <ArchBackend A>
std::int64_t mmap_region(mm_struct& mm, const mmap_request& request, call_range range) noexcept {
  if (request.fixed)
    if (const std::int64_t error = unmap_locked<A>(mm, range)) return error;
  if (!range_is_free(mm, range.start, range.end)) return -EEXIST;
  const bool device = request.file != nullptr && request.file->made_as.kind == FileKind::device;
  if (device && (request.flags & VM_SHARED) == 0) return -EINVAL;  // as drivers say
  const std::uint32_t flags = request.flags | (device ? std::uint32_t{VM_PFNMAP} : 0U);
  if (request.file != nullptr) get_file(*request.file);
  const std::uint64_t pgoff = request.file != nullptr ? request.pgoff : anon_pgoff(range.start);
  const vm_area_struct* vma = vma_insert(mm, {range.start, range.end, flags, request.file, pgoff});
  return vma == nullptr ? -ENOMEM : static_cast<std::int64_t>(range.start);
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_mmap(mm_struct& mm, const mmap_request& request) noexcept {
  detail::call_range range{};
  if (const std::int64_t error = detail::check_range(mm, request.address, request.length, range))
    return error == -EINVAL && (request.address & ~page_mask) == 0 ? -ENOMEM : error;
  if (range.start == range.end) return -EINVAL;
  mm.mmap_lock.down_write();
  trace(EventKind::call_begin, mm.id, static_cast<std::uint64_t>(MmCall::mmap), range.start,
        range.end);
  std::int64_t result = -ENOMEM;
  if (request.address == 0 && !request.fixed) {
    const vaddr_t place = get_unmapped_area(mm, range.end - range.start);
    range = {place, place + (range.end - range.start)};
  }
  if (range.start != 0) result = detail::mmap_region<A>(mm, request, range);
  trace(EventKind::call_end, mm.id, static_cast<std::uint64_t>(MmCall::mmap), range.start,
        range.end);
  mmap_write_unlock(mm);
  if (request.populate && result > 0) mm_populate<A>(mm, range.start, range.end);
  return result;
}

template <ArchBackend A>
std::int64_t do_munmap(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  detail::call_range range{};
  if (const std::int64_t error = detail::check_range(mm, start, length, range)) return error;
  if (range.start == range.end) return -EINVAL;
  trace(EventKind::call_begin, mm.id, static_cast<std::uint64_t>(MmCall::munmap), range.start,
        range.end);
  detail::detached_areas detached;
  mm.mmap_lock.down_write();
  const std::int64_t error = detail::detach_areas(mm, range, detached);
  mmap_write_downgrade(mm);
  if (error == 0) detail::unmap_region<A>(mm, detached);
  trace(EventKind::call_end, mm.id, static_cast<std::uint64_t>(MmCall::munmap), range.start,
        range.end);
  mm.mmap_lock.up_read();
  return error;
}

template <ArchBackend A>
vaddr_t do_brk(mm_struct& mm, vaddr_t brk) noexcept {
  mm.mmap_lock.down_write();
  const vaddr_t old_end = (mm.brk + page_size - 1) & page_mask;
  const vaddr_t new_end = (brk + page_size - 1) & page_mask;
  trace(EventKind::call_begin, mm.id, static_cast<std::uint64_t>(MmCall::brk), new_end, old_end);
  // Up to the top, so that rounding does not wrap; kernel: check_brk_limits.
  bool moved = brk >= mm.start_brk && brk <= mm.task_size;
  if (moved && new_end < old_end)
    moved = detail::unmap_locked<A>(mm, {new_end, old_end}) == 0;
  else if (moved && new_end > old_end)
    moved = range_is_free(mm, old_end, new_end) &&
            vma_insert(mm, {old_end, new_end, VM_READ | VM_WRITE, nullptr, anon_pgoff(old_end)}) !=
                nullptr;
  if (moved) mm.brk = brk;
  const vaddr_t result = mm.brk;
  trace(EventKind::call_end, mm.id, static_cast<std::uint64_t>(MmCall::brk), new_end, old_end);
  mmap_write_unlock(mm);
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
