// SPDX-License-Identifier: GPL-2.0-or-later
// Freeing the tables of an unmapped range. Kernel: free_pgtables and free_pgd_range in memory.c.
//
// A table goes only if its whole span lies between the areas before and after the range. No PTL is
// taken: the areas are out of the tree, so nobody can fault here, and reverse mapping no longer
// leads here. What remains are walkers that take no lock, of hardware and software: hence the
// order parent entry cleared, place recorded, table queued (trap T56).
//
// Addresses 0 as end or ceiling mean the top, so ends are compared less one.
#pragma once

#include "mm/anon_vma.h"
#include "mm/memory.h"
#include "mm/mmu_gather.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

struct table_span {
  vaddr_t start, end;      // what was unmapped, within the table's parent
  vaddr_t floor, ceiling;  // what is in use on both sides
};

inline bool serves_nobody_else(table_span span, unsigned level) noexcept {
  const vaddr_t mask = ~(level_size(level) - 1);
  if ((span.start & mask) < span.floor) return false;
  const vaddr_t ceiling = span.ceiling & mask;
  if (span.ceiling != 0 && ceiling == 0) return false;
  return span.end - 1 <= ceiling - 1;
}

template <ArchBackend A>
void free_tables_below(mmu_gather<A>& tlb, page* table, unsigned level, table_span span) noexcept {
  vaddr_t va = span.start;
  do {
    const vaddr_t next = span_end(va, span.end, level);
    const pte_ref ref = entry_in(table, va, level);
    const pte_t entry = ptep_get(ref);
    if (page* below = table_below<A>(entry); below != nullptr) {
      const table_span inner{va, next, span.floor, span.ceiling};
      if (level > 1) free_tables_below(tlb, below, level - 1, inner);
      if (serves_nobody_else(inner, level)) {
        ref.word().store(0, order::relaxed);
        note_change(*tlb.mm, ref, va, entry, {});
        table_free_tlb(tlb, below, va & ~(level_size(level) - 1));
        tlb.mm->pgtables.fetch_sub(1, order::relaxed);
      }
    }
    va = next;
  } while (va != span.end);
}

}  // namespace detail

template <ArchBackend A>
void free_pgd_range(
    mmu_gather<A>& tlb, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling) noexcept {
  // Often not even one PTE table can go: found out here without a look at the tables.
  start &= pmd_mask;
  if (start < floor) start += pmd_size;
  if (start == 0 && floor != 0) return;
  const bool has_ceiling = ceiling != 0;
  ceiling &= pmd_mask;
  if (has_ceiling && ceiling == 0) return;
  if (end - 1 > ceiling - 1) end -= pmd_size;
  if (start > end - 1) return;
  tlb_change_page_size(tlb, page_shift);
  detail::free_tables_below(tlb, tlb.mm->pgd, tlb.mm->top_level, {start, end, floor, ceiling});
}

// Areas closer to each other than a PMD are one run: a table between them serves both.
// Whoever comes from a page looks into the tables of the areas that may map it, without mmap_lock:
// the areas are unlinked first.
template <ArchBackend A>
void free_pgtables(mmu_gather<A>& tlb, vma_tree& areas, vaddr_t floor, vaddr_t ceiling) noexcept {
  for (vm_area_struct& vma : areas) {
    unlink_anon_vmas(vma);
    unlink_file_vma(vma);
  }
  for (auto vma = areas.begin(); vma != areas.end();) {
    const vaddr_t start = vma->vm_start;
    vaddr_t end = vma->vm_end;
    for (++vma; vma != areas.end() && vma->vm_start <= end + pmd_size; ++vma) end = vma->vm_end;
    free_pgd_range(tlb, start, end, floor, vma != areas.end() ? vma->vm_start : ceiling);
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD
