// SPDX-License-Identifier: GPL-2.0-or-later
// MADV_PAGEOUT: the pages of a range are reclaimed now. Kernel file: madvise.c.
//
// Pages are isolated under the PTL of their entries, a table's worth at a time, and reclaimed with the
// lock dropped. The gather is open all the while and records nothing: reclaim flushes for itself. Pages
// that others map too are theirs as well, and stay.
#pragma once

#include "mm/madvise_lru.tcc"
#include "mm/vmscan.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// PTL held.
inline void isolate_for_pageout(page* p, isolated_pages& pages) noexcept {
  if (page_test(p, PG_reserved) || folio_test_large(p)) return;
  if (p->mapcount.load(order::relaxed) != 1) return;
  page_clear(p, PG_referenced);
  static_cast<void>(pages.isolate(p));
}

template <ArchBackend A>
void isolate_pte_range(mm_struct& mm, vaddr_t start, vaddr_t end, isolated_pages& pages) noexcept {
  pte_ref ref = pte_offset_map_lock<A>(mm, start);
  if (!ref) return;
  const pte_ref locked = ref;
  flush_tlb_batched_pending<A>(mm);
  for (vaddr_t va = start; va < end; va += page_size, ++ref.index)
    if (const pte_t pte = ptep_get(ref); A::pte_present(pte))
      isolate_for_pageout(pfn_to_page(A::pte_pfn(pte)), pages);
  pte_unmap_unlock(mm, locked);
}

template <ArchBackend A>
std::int64_t pageout_area(vm_area_struct& vma, vaddr_t start, vaddr_t end) noexcept {
  if (!can_madv_lru_vma(vma)) return -EINVAL;
  mm_struct& mm = *vma.vm_mm;
  mmu_gather<A> tlb;
  tlb_gather_mmu(tlb, mm, start, end);
  tlb_start_vma(tlb, vma);
  for (vaddr_t va = start; va < end;) {
    const vaddr_t next = span_end(va, end, 1);
    isolated_pages pages;
    if (!is_huge<A>(mm, va)) isolate_pte_range<A>(mm, va, next, pages);
    static_cast<void>(shrink_folio_list<A>(pages));
    va = next;
  }
  tlb_end_vma(tlb);
  tlb_finish_mmu(tlb);
  return 0;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_madvise_pageout(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  return detail::madvise_locked(mm, start, length, [&](detail::call_range at) {
    return detail::madvise_walk_vmas(mm, at, [](vm_area_struct& vma, vaddr_t from, vaddr_t end) {
      return detail::pageout_area<A>(vma, from, end);
    });
  });
}

}  // namespace tlblab::inline TLBLAB_WORLD
