// SPDX-License-Identifier: GPL-2.0-or-later
// MADV_FREE and MADV_COLD: entries stay and lose A, or A and D. Kernel file: madvise.c.
//
// What is recorded is what changed: an entry that another thread made clean a moment ago is passed
// over, although a CPU may still hold it dirty. That thread has the gather open that will flush it,
// and this call's finish sees that (the race that Minchan Kim found in 2017; trap T64 is what comes
// of a lost D).
#pragma once

#include "mm/huge_memory.tcc"
#include "mm/madvise.tcc"
#include "mm/tlb_flush_batched.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// A huge entry that the range has whole is aged whole, and with `clean` cleaned. Otherwise it is
// split. True: nothing is left to do for the PTEs.
template <ArchBackend A>
bool age_huge_range(mmu_gather<A>& tlb, vaddr_t start, vaddr_t end, bool clean) noexcept {
  if (end - start == pmd_size) return age_huge_pmd(tlb, start, clean);
  if (is_huge<A>(*tlb.mm, start)) split_huge_pmd<A>(*tlb.mm, start);
  return false;
}

// change(ref, va, pte) for every entry of the range that is not none, under its PTL.
template <ArchBackend A, class Change>
void for_each_pte(
    mmu_gather<A>& tlb, vaddr_t start, vaddr_t end, bool clean, Change change) noexcept {
  mm_struct& mm = *tlb.mm;
  for (vaddr_t va = start; va < end;) {
    const vaddr_t next = span_end(va, end, 1);
    if (age_huge_range(tlb, va, next, clean)) {
      va = next;
      continue;
    }
    tlb_change_page_size(tlb, page_shift);
    pte_ref ref = pte_offset_map_lock<A>(mm, va);
    if (ref) {
      const pte_ref locked = ref;
      flush_tlb_batched_pending<A>(mm);
      enter_lazy_mmu_mode<A>();
      for (; va < next; va += page_size, ++ref.index)
        if (const pte_t pte = ptep_gather<A>(ref, va, ptep_get(ref)); !A::pte_none(pte))
          change(ref, va, pte);
      leave_lazy_mmu_mode<A>();
      pte_unmap_unlock(mm, locked);
    }
    va = next;
  }
}

// Kernel: folio_mark_lazyfree. From here on reclaim may drop the page without writing it out, if it
// finds it clean.
inline void mark_lazyfree(page* p) noexcept {
  if (page_test(p, PG_anon) && page_test(p, PG_swapbacked) && !page_test(p, PG_swapcache))
    page_clear(p, PG_swapbacked | PG_referenced | PG_active);
}

// A copy in swap or a dirty page is given up only by its one owner. False: leave it alone.
inline bool give_up_contents(page* p) noexcept {
  if (!page_test(p, PG_swapcache | PG_dirty)) return true;
  if (!trylock_page(p)) return false;
  const bool alone = p->mapcount.load(order::relaxed) == 1 && !page_test(p, PG_swapcache);
  if (alone) page_clear(p, PG_dirty);
  unlock_page(p);
  return alone;
}

// PTL held. Taken out while it changes, so that no D set meanwhile is lost.
template <ArchBackend A>
void clear_young_dirty(mm_struct& mm, pte_ref ref, vaddr_t va) noexcept {
  const pte_t was = ptep_get_and_clear<A>(mm, ref, va);
  set_ptes<A>(mm, ref, va, A::pte_mkclean(A::pte_mkold(was)), 1);
}

template <ArchBackend A>
void free_one(mmu_gather<A>& tlb, pte_ref ref, vaddr_t va, pte_t pte) noexcept {
  if (is_migration_pte<A>(pte)) return;
  if (is_swap_pte<A>(pte)) return free_swap_pte<A>(*tlb.mm, ref, va, pte);  // sooner than read in
  if (!A::pte_present(pte)) return;
  page* p = pfn_to_page(A::pte_pfn(pte));
  if (page_test(p, PG_reserved) || !give_up_contents(p)) return;
  if (A::pte_young(pte) || A::pte_dirty(pte)) {
    clear_young_dirty<A>(*tlb.mm, ref, va);
    tlb_remove_tlb_entries(tlb, va, 1);
  }
  mark_lazyfree(p);
}

template <ArchBackend A>
void cold_one(mmu_gather<A>& tlb, pte_ref ref, vaddr_t va, pte_t pte) noexcept {
  if (!A::pte_present(pte)) return;
  page* p = pfn_to_page(A::pte_pfn(pte));
  // Others that map it have their own say.
  if (page_test(p, PG_reserved) || p->mapcount.load(order::relaxed) != 1) return;
  if (A::pte_young(pte) && A::ptep_test_and_clear_young(*tlb.mm, va, ref.word())) {
    note_change(*tlb.mm, ref, va, pte, A::pte_mkold(pte));
    tlb_remove_tlb_entries(tlb, va, 1);
  }
  page_clear(p, PG_referenced | PG_active);
}

template <ArchBackend A>
std::int64_t free_all_areas(mm_struct& mm, call_range range) noexcept {
  mmu_gather<A> tlb;
  tlb_gather_mmu(tlb, mm, range.start, range.end);
  const std::int64_t result = madvise_walk_vmas(
      mm, range, [&](vm_area_struct& vma, vaddr_t start, vaddr_t end) -> std::int64_t {
        constexpr std::uint32_t forbidden = VM_LOCKED | VM_PFNMAP;
        if ((vma.vm_flags & forbidden) != 0 || vma.vm_file != nullptr) return -EINVAL;
        tlb_start_vma(tlb, vma);
        for_each_pte(tlb, start, end, true,
                     [&](pte_ref ref, vaddr_t va, pte_t pte) { free_one(tlb, ref, va, pte); });
        tlb_end_vma(tlb);
        return 0;
      });
  tlb_finish_mmu(tlb);
  return result;
}

// May advice say that the area's pages are needed less? Kernel: can_madv_lru_vma.
inline bool can_madv_lru_vma(const vm_area_struct& vma) noexcept {
  return (vma.vm_flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB)) == 0;
}

// A gather for each area, as the kernel has it here (data rule 7).
template <ArchBackend A>
std::int64_t cold_area(vm_area_struct& vma, vaddr_t start, vaddr_t end) noexcept {
  if (!can_madv_lru_vma(vma)) return -EINVAL;
  mmu_gather<A> tlb;
  tlb_gather_mmu(tlb, *vma.vm_mm, start, end);
  tlb_start_vma(tlb, vma);
  for_each_pte(tlb, start, end, false,
               [&](pte_ref ref, vaddr_t va, pte_t pte) { cold_one(tlb, ref, va, pte); });
  tlb_end_vma(tlb);
  tlb_finish_mmu(tlb);
  return 0;
}

// What all advice that changes entries does around its work. act(range) with mmap_lock for reading.
template <class Act>
std::int64_t madvise_locked(mm_struct& mm, vaddr_t start, std::uint64_t length, Act act) noexcept {
  call_range range{};
  if (const std::int64_t error = check_advice(start, length, range)) return error;
  if (range.start == range.end) return 0;
  mm.mmap_lock.down_read();
  const std::int64_t result = act(range);
  mm.mmap_lock.up_read();
  return result;
}

// The same, and who listens is told: when it returns no CPU uses what it saw taken away.
template <class Act>
std::int64_t madvise_call(
    mm_struct& mm, vaddr_t start, std::uint64_t length, MmCall call, Act act) noexcept {
  return madvise_locked(mm, start, length, [&](call_range range) {
    trace(EventKind::call_begin, mm.id, static_cast<std::uint64_t>(call), range.start, range.end);
    const std::int64_t result = act(range);
    trace(EventKind::call_end, mm.id, static_cast<std::uint64_t>(call), range.start, range.end);
    return result;
  });
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_madvise_free(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  return detail::madvise_call(mm, start, length, MmCall::madvise_free, [&](detail::call_range at) {
    return detail::free_all_areas<A>(mm, at);
  });
}

template <ArchBackend A>
std::int64_t do_madvise_cold(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  return detail::madvise_call(mm, start, length, MmCall::madvise_cold, [&](detail::call_range at) {
    return detail::madvise_walk_vmas(mm, at, [](vm_area_struct& vma, vaddr_t from, vaddr_t end) {
      return detail::cold_area<A>(vma, from, end);
    });
  });
}

}  // namespace tlblab::inline TLBLAB_WORLD
