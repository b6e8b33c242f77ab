// SPDX-License-Identifier: GPL-2.0-or-later
// Taking pages out of page tables. Kernel: unmap_page_range and below, in memory.c.
//
// A dirty page of a file is special. Write-back finds mappings through the mapcount and the PTL:
// if the mapcount went down and the PTL was dropped while a CPU still writes through a dirty TLB
// entry, write-back would think the page clean and unmapped. So for such pages the invalidate is
// done before the PTL is dropped, and the mapcount goes down after it (delayed rmap). Anonymous
// pages are not written back by that path; clean entries are looked up again by hardware before a
// write (traps T11, T12).
#pragma once

#include "mm/huge_memory.tcc"
#include "mm/memory.h"
#include "mm/mmu_gather.tcc"
#include "mm/swap.tcc"
#include "mm/tlb_flush_batched.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// What a pass over one table has found so far.
struct zap_progress {
  bool force_flush = false;  // invalidate before the PTL is dropped
  bool full = false;         // no room for another page: stop here
};

// The first entry, with the A and D bits of any of them. Several change alike, as hooks for many of them
// want to know before (arch.h, FoldsEntries).
template <ArchBackend A>
pte_t get_and_clear_full_ptes(
    mm_struct& mm, pte_ref ref, vaddr_t va, unsigned nr, bool full) noexcept {
  if (nr == 1) return ptep_get_and_clear<A>(mm, ref, va, full);
  arch_contpte_unfold_partial<A>(mm, va, ref.word(), nr);
  pte_t was{};
  for (unsigned i = 0; i < nr; ++i) {
    const pte_ref at{ref.table, ref.index + i};
    const pte_t other = arch_get_and_clear_one_of<A>(mm, va + i * page_size, at.word(), full);
    note_change(mm, at, va + i * page_size, other, {});
    if (i == 0) was = other;
    if (A::pte_dirty(other)) was = A::pte_mkdirty(was);
    if (A::pte_young(other)) was = A::pte_mkyoung(was);
  }
  return was;
}

// nr pages of one folio, their entries cleared and recorded.
template <ArchBackend A>
void zap_present_pages(
    mmu_gather<A>& tlb, page* p, unsigned nr, pte_t pte, zap_progress& progress) noexcept {
  bool delay_rmap = false;
  if (!page_test(p, PG_anon) && A::pte_dirty(pte)) {
    page_set(p, PG_dirty);
    // In the older forms the page leaves rmap at once: write-back does not take the PTL for a page that
    // is not mapped.
    const DelayedRmap form = tlb.mm->fixes.delayed_rmap;
    if (form == DelayedRmap::delayed) delay_rmap = tlb_delay_rmap(tlb);
    progress.force_flush |= delay_rmap || form == DelayedRmap::in_lock;
  }
  tlb.mm->rss.fetch_sub(nr, order::relaxed);
  if (!delay_rmap) folio_remove_rmap_ptes(p, nr);
  if (tlb_remove_pages_ptl(tlb, p, nr, delay_rmap)) progress.force_flush = progress.full = true;
}

// What is zapped, and from where.
struct zap_site {
  zap_details details;
  bool file;  // the area maps one
};

// No TLB has the entry, so nothing is recorded.
template <ArchBackend A>
void zap_nonpresent_pte(mmu_gather<A>& tlb,
                        pte_ref ref,
                        vaddr_t va,
                        const zap_site& site) noexcept {
  const pte_t pte = ptep_get(ref);
  if (is_swap_pte<A>(pte)) {
    // Without even_cows a page of the program's own stays, wherever it is.
    if (site.details.even_cows) free_swap_pte<A>(*tlb.mm, ref, va, pte);
    return;
  }
  // A guard stays until its area goes; so does what userfaultfd knows of a page that the file still
  // has.
  const std::uint64_t kept = PTE_MARKER_GUARD | (site.file ? std::uint64_t{PTE_MARKER_UFFD_WP} : 0);
  const bool stays = (A::pte_swap_entry(pte).offset & kept) != 0;
  if (!stays || site.details.drop_markers) set_pte_at(*tlb.mm, ref, va, {});
}

// Returns how many entries it took care of, one or a run of pages of one folio; room: how many there
// may be.
template <ArchBackend A>
unsigned zap_pte(mmu_gather<A>& tlb,
                 pte_ref ref,
                 vaddr_t va,
                 std::uint64_t room,
                 const zap_site& site,
                 zap_progress& progress) noexcept {
  const pte_t pte = ptep_get(ref);
  if (A::pte_none(pte)) return 1;
  if (!A::pte_present(pte)) {
    zap_nonpresent_pte(tlb, ref, va, site);
    return 1;
  }
  page* p = pfn_to_page(A::pte_pfn(pte));
  if (!site.details.even_cows && page_test(p, PG_anon)) return 1;
  const bool counted = !page_test(p, PG_reserved);
  const unsigned nr = counted ? folio_pte_batch<A>(ref, p, room) : 1;
  const pte_t was = get_and_clear_full_ptes<A>(*tlb.mm, ref, va, nr, tlb.fullmm);
  tlb_remove_tlb_entries(tlb, va, nr);  // before the page is queued
  if (counted) zap_present_pages(tlb, p, nr, was, progress);
  return nr;
}

// From va until end or until the batch is full; returns where it stopped. No table: end.
template <ArchBackend A>
vaddr_t zap_locked_stretch(mmu_gather<A>& tlb,
                           vaddr_t va,
                           vaddr_t end,
                           const zap_site& site) noexcept {
  tlb_change_page_size(tlb, page_shift);
  pte_ref ref = pte_offset_map_lock<A>(*tlb.mm, va);
  if (!ref) return end;
  flush_tlb_batched_pending<A>(*tlb.mm);
  zap_progress progress;
  enter_lazy_mmu_mode<A>();
  while (va < end && !progress.full) {
    const unsigned nr = zap_pte(tlb, ref, va, (end - va) >> page_shift, site, progress);
    va += nr * page_size;
    ref.index += nr;
  }
  leave_lazy_mmu_mode<A>();  // before the invalidate and before the unlock (trap T13)
  if (progress.force_flush || tlb.mm->fixes.zap_flush) tlb_flush_mmu_tlbonly(tlb);
  if (progress.force_flush) tlb_flush_rmaps(tlb);
  pte_unmap_unlock(*tlb.mm, ref);
  if (progress.force_flush) tlb_flush_mmu(tlb);
  return va;
}

inline bool table_is_empty(const page* table) noexcept {
  for (const auto& word : table->table->entry)
    if (word.load(order::relaxed) != 0) return false;
  return true;
}

// Unhooks an empty PTE table; null if it is not empty or gone. Both locks: the PMD's so that
// nobody puts another table there, the PTL so that nobody fills this one.
template <ArchBackend A>
page* unhook_empty_table(mm_struct& mm, vaddr_t va) noexcept {
  page* pmds = find_table<A>(mm, va, 1);
  if (pmds == nullptr) return nullptr;
  lock_table(mm, pmds, 1);
  const pte_ref pmd = entry_in(pmds, va, 1);
  const pte_t was = ptep_get(pmd);
  page* table = table_below<A>(was);
  if (table != nullptr) {
    lock_table(mm, table, 0);
    const bool empty = table_is_empty(table);
    if (empty) {
      pmd.word().store(0, order::relaxed);
      note_change(mm, pmd, va, was, {});
    }
    unlock_table(mm, table, 0);
    if (!empty) table = nullptr;
  }
  unlock_table(mm, pmds, 1);
  return table;
}

// Kernel: CONFIG_PT_RECLAIM. Only if the call covers the table's whole span.
template <ArchBackend A>
void reclaim_table(mmu_gather<A>& tlb, vaddr_t start) noexcept {
  page* table = unhook_empty_table<A>(*tlb.mm, start);
  if (table == nullptr) return;
  table_free_tlb(tlb, table, start);
  tlb.mm->pgtables.fetch_sub(1, order::relaxed);
}

// Within one PTE table.
template <ArchBackend A>
void zap_pte_range(mmu_gather<A>& tlb, vaddr_t start, vaddr_t end, const zap_site& site) noexcept {
  for (vaddr_t va = start; va < end;) {
    va = zap_locked_stretch(tlb, va, end, site);
    if (va < end) cpu_event(CpuEvent::tick);
  }
  if (A::features.pt_reclaim && site.details.reclaim_pt && end - start == pmd_size)
    reclaim_table(tlb, start);
}

// Within a PMD that was huge when it was looked at. Split meanwhile, by us or by others: its PTEs.
template <ArchBackend A>
void zap_huge_range(mmu_gather<A>& tlb, vaddr_t start, vaddr_t end, const zap_site& site) noexcept {
  if (end - start != pmd_size)
    split_huge_pmd<A>(*tlb.mm, start);
  else if (zap_huge_pmd(tlb, start))
    return;
  zap_pte_range(tlb, start, end, site);
}

template <ArchBackend A>
void zap_table_range(mmu_gather<A>& tlb,
                     page* table,
                     unsigned level,
                     vaddr_t start,
                     vaddr_t end,
                     const zap_site& site) noexcept {
  for (vaddr_t va = start; va < end;) {
    const vaddr_t next = span_end(va, end, level);
    // Without a lock: a clear that is just being made is not waited for.
    const pte_t entry = ptep_get(entry_in(table, va, level));
    page* below = table_below<A>(entry);
    if (level == 1 && pmd_trans_huge<A>(entry))
      zap_huge_range(tlb, va, next, site);
    else if (below != nullptr && level == 1)
      zap_pte_range(tlb, va, next, site);
    else if (below != nullptr)
      zap_table_range(tlb, below, level - 1, va, next, site);
    va = next;
  }
}

}  // namespace detail

template <ArchBackend A>
void unmap_page_range(mmu_gather<A>& tlb,
                      vm_area_struct& vma,
                      vaddr_t start,
                      vaddr_t end,
                      zap_details details) noexcept {
  tlb_start_vma(tlb, vma);
  const detail::zap_site site{details, vma.vm_file != nullptr};
  detail::zap_table_range(tlb, tlb.mm->pgd, tlb.mm->top_level, start, end, site);
  tlb_end_vma(tlb);
}

}  // namespace tlblab::inline TLBLAB_WORLD
