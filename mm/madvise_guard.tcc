// SPDX-License-Identifier: GPL-2.0-or-later
// MADV_GUARD_INSTALL and MADV_GUARD_REMOVE: pages of an area that are fatal to touch, without an
// area of their own. Kernel file: madvise.c (6.13; files too since 6.15). A guard is an entry that
// is not present: no TLB ever holds it, so neither making nor removing one flushes; what was mapped
// in its place is zapped before, with the zap's flush.
//
// Only the zap promises that nobody uses the old translation when it returns. Where the call finds
// an entry empty because another thread's MADV_DONTNEED has just cleared it, it puts its marker there
// and may return before that thread has flushed: as in the kernel, a CPU can then still use the page
// for a moment.
#pragma once

#include "mm/anon_vma.h"
#include "mm/madvise_lru.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

template <ArchBackend A>
bool is_guard_marker(pte_t pte) noexcept {
  if (A::pte_none(pte) || A::pte_present(pte)) return false;
  const swp_entry_t entry = A::pte_swap_entry(pte);
  return entry.type == SwapType::marker && (entry.offset & PTE_MARKER_GUARD) != 0;
}

enum class GuardResult : std::uint8_t { done, occupied, no_memory };

// Within one PTE table. What stands there already ends it.
template <ArchBackend A>
GuardResult install_guards(mm_struct& mm, vaddr_t start, vaddr_t end) noexcept {
  if (!table_alloc<A>(mm, start)) return GuardResult::no_memory;
  pte_ref ref = pte_offset_map_lock<A>(mm, start);
  if (!ref) return GuardResult::occupied;  // reclaimed again, or a huge page
  const pte_ref locked = ref;
  const pte_t guard = A::mk_swap_pte({SwapType::marker, PTE_MARKER_GUARD});
  bool free = true;
  for (vaddr_t va = start; va < end && free; va += page_size, ++ref.index) {
    const pte_t pte = ptep_get(ref);
    if (A::pte_none(pte)) set_pte_at(mm, ref, va, guard);
    free = A::pte_none(pte) || is_guard_marker<A>(pte);
  }
  pte_unmap_unlock(mm, locked);
  return free ? GuardResult::done : GuardResult::occupied;
}

template <ArchBackend A>
GuardResult install_guard_range(mm_struct& mm, vaddr_t start, vaddr_t end) noexcept {
  GuardResult result = GuardResult::done;
  for (vaddr_t va = start; va < end && result == GuardResult::done;) {
    const vaddr_t next = span_end(va, end, 1);
    result = install_guards<A>(mm, va, next);
    va = next;
  }
  return result;
}

// Others may fault pages in between the zap and the next try: then once more.
template <ArchBackend A>
std::int64_t guard_install(vm_area_struct& vma, vaddr_t start, vaddr_t end) noexcept {
  constexpr std::uint32_t forbidden = VM_PFNMAP | VM_HUGETLB | VM_LOCKED;
  if ((vma.vm_flags & forbidden) != 0) return -EINVAL;
  mm_struct& mm = *vma.vm_mm;
  // fork must look at the tables of this area from now on.
  if (!anon_vma_prepare(vma)) return -ENOMEM;
  for (;;) {
    const GuardResult result = install_guard_range<A>(mm, start, end);
    if (result == GuardResult::done) return 0;
    if (result == GuardResult::no_memory) return -ENOMEM;
    constexpr auto call = static_cast<std::uint64_t>(MmCall::madvise_guard);
    trace(EventKind::call_begin, mm.id, call, start, end);
    mmu_gather<A> tlb;
    tlb_gather_mmu(tlb, mm, start, end);
    unmap_page_range(tlb, vma, start, end, {});
    tlb_finish_mmu(tlb);
    trace(EventKind::call_end, mm.id, call, start, end);
  }
}

template <ArchBackend A>
std::int64_t guard_remove(vm_area_struct& vma, vaddr_t start, vaddr_t end) noexcept {
  if ((vma.vm_flags & (VM_PFNMAP | VM_HUGETLB)) != 0) return -EINVAL;
  mm_struct& mm = *vma.vm_mm;
  for (vaddr_t va = start; va < end;) {
    const vaddr_t next = span_end(va, end, 1);
    pte_ref ref = pte_offset_map_lock<A>(mm, va);
    const pte_ref locked = ref;
    for (; ref && va < next; va += page_size, ++ref.index)
      if (is_guard_marker<A>(ptep_get(ref))) set_pte_at(mm, ref, va, {});
    if (locked) pte_unmap_unlock(mm, locked);
    va = next;
  }
  return 0;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_madvise_guard(mm_struct& mm,
                              vaddr_t start,
                              std::uint64_t length,
                              bool install) noexcept {
  return detail::madvise_locked(mm, start, length, [&](detail::call_range at) {
    return detail::madvise_walk_vmas(mm, at, [&](vm_area_struct& vma, vaddr_t from, vaddr_t end) {
      return install ? detail::guard_install<A>(vma, from, end)
                     : detail::guard_remove<A>(vma, from, end);
    });
  });
}

}  // namespace tlblab::inline TLBLAB_WORLD
