// SPDX-License-Identifier: GPL-2.0-or-later
// mlock, munlock, and faulting in whole ranges: MADV_POPULATE_*, MAP_POPULATE. Kernel files:
// mlock.c, the populate part of gup.c. No entry loses anything here, so nothing is flushed.
#pragma once

#include <cerrno>

#include "mm/fault.tcc"
#include "mm/madvise.tcc"
#include "mm/mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// Would the access succeed without a fault? Also through a leaf above the PTEs.
template <ArchBackend A>
bool is_populated(mm_struct& mm, vaddr_t va, bool write) noexcept {
  rcu_read_lock();
  pte_t entry{};
  page* table = mm.pgd;
  for (unsigned level = mm.top_level; table != nullptr; --level) {
    entry = ptep_get(entry_in(table, va, level));
    table = level > 0 ? table_below<A>(entry) : nullptr;
  }
  rcu_read_unlock();
  const bool there = A::pte_present(entry) && !A::pte_protnone(entry);
  return there && (!write || A::pte_write(entry));
}

// Kernel: the loop of __get_user_pages. -EFAULT: fatal to touch. mmap_lock held.
template <ArchBackend A>
std::int64_t faultin_page(mm_struct& mm, vaddr_t va, bool write) noexcept {
  while (!is_populated<A>(mm, va, write)) {
    const FaultResult fault = handle_mm_fault<A>(mm, va, write ? Access::write : Access::read);
    if (fault == FaultResult::oom) return -ENOMEM;
    if (fault != FaultResult::done) return -EFAULT;
  }
  return 0;
}

template <ArchBackend A>
std::int64_t faultin_range(mm_struct& mm, vaddr_t start, vaddr_t end, bool write) noexcept {
  for (vaddr_t va = start; va < end; va += page_size) {
    if (const std::int64_t error = faultin_page<A>(mm, va, write)) return error;
    cpu_event(CpuEvent::tick);
  }
  return 0;
}

// Kernel: populate_vma_page_range. A private writable area gets its copies at once; a shared one
// would be made dirty for nothing.
template <ArchBackend A>
std::int64_t populate_area(mm_struct& mm,
                           const vm_area_struct& vma,
                           vaddr_t start,
                           vaddr_t end) noexcept {
  if ((vma.vm_flags & vm_access_flags) == 0) return -EFAULT;
  const bool write = (vma.vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
  return faultin_range<A>(mm, start, end, write);
}

// Kernel: apply_vma_lock_flags. What came before a hole stays changed.
inline std::int64_t apply_vma_lock_flags(mm_struct& mm, call_range range, bool lock) noexcept {
  for (vaddr_t at = range.start; at < range.end;) {
    const vm_area_struct* vma = vma_lookup(mm, at);
    if (vma == nullptr) return -ENOMEM;
    const vaddr_t end = vma->vm_end < range.end ? vma->vm_end : range.end;
    const std::uint32_t set = lock ? VM_LOCKED : 0U;
    const std::uint32_t clear = lock ? 0U : VM_LOCKED;
    if (const std::int64_t error = change_area_flags(mm, at, end, set, clear)) return error;
    at = end;
  }
  return 0;
}

// Rounds outwards, unlike madvise. 0 or -EINVAL.
inline std::int64_t check_lock_range(vaddr_t start,
                                     std::uint64_t length,
                                     call_range& range) noexcept {
  const vaddr_t first = start & page_mask;
  const std::uint64_t rounded = (length + (start - first) + page_size - 1) & page_mask;
  if (first + rounded < first) return -EINVAL;
  range = {first, first + rounded};
  return 0;
}

template <ArchBackend A>
std::int64_t lock_call(mm_struct& mm, vaddr_t start, std::uint64_t length, bool lock) noexcept {
  call_range range{};
  if (const std::int64_t error = check_lock_range(start, length, range)) return error;
  mm.mmap_lock.down_write();
  std::int64_t result = apply_vma_lock_flags(mm, range, lock);
  mmap_write_unlock(mm);
  if (!lock || result != 0) return result;
  mm.mmap_lock.down_read();
  result = madvise_walk_vmas(mm, range, [&](vm_area_struct& vma, vaddr_t from, vaddr_t end) {
    return populate_area<A>(mm, vma, from, end);
  });
  mm.mmap_lock.up_read();
  // What POSIX wants to hear. Kernel: __mlock_posix_error_return.
  return result == -EFAULT ? -ENOMEM : result == -ENOMEM ? -EAGAIN : result;
}

}  // namespace detail

template <ArchBackend A>
void mm_populate(mm_struct& mm, vaddr_t start, vaddr_t end) noexcept {
  mm.mmap_lock.down_read();
  static_cast<void>(detail::madvise_walk_vmas(
      mm, {start, end}, [&](const vm_area_struct& vma, vaddr_t from, vaddr_t to) {
        static_cast<void>(detail::populate_area<A>(mm, vma, from, to));
        return std::int64_t{0};
      }));
  mm.mmap_lock.up_read();
}

template <ArchBackend A>
std::int64_t do_mlock(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  return detail::lock_call<A>(mm, start, length, true);
}

template <ArchBackend A>
std::int64_t do_munlock(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  return detail::lock_call<A>(mm, start, length, false);
}

// Ends at the first hole or error, unlike other advice. Kernel: madvise_populate.
template <ArchBackend A>
std::int64_t do_madvise_populate(mm_struct& mm,
                                 vaddr_t start,
                                 std::uint64_t length,
                                 bool write) noexcept {
  detail::call_range range{};
  if (const std::int64_t error = detail::check_advice(start, length, range)) return error;
  std::int64_t result = 0;
  mm.mmap_lock.down_read();
  for (vaddr_t at = range.start; at < range.end && result == 0;) {
    const vm_area_struct* vma = vma_lookup(mm, at);
    const std::uint32_t wanted = write ? VM_WRITE : VM_READ;
    const vaddr_t end = vma != nullptr && vma->vm_end < range.end ? vma->vm_end : range.end;
    if (vma == nullptr)
      result = -ENOMEM;
    else if ((vma->vm_flags & wanted) == 0)
      result = -EINVAL;
    else
      result = detail::faultin_range<A>(mm, at, end, write);
    at = end;
  }
  mm.mmap_lock.up_read();
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
