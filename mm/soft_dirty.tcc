// SPDX-License-Identifier: GPL-2.0-or-later
//
// Entries lose the right to write, and another CPU may have it cached. Two things are owed for that. The
// caller is told "cleared": by then every TLB must have lost the right, or stores go on that leave no
// mark. And a write fault meanwhile finds the entry read-only and may decide to copy the page, while a
// stale translation still takes stores to it: the copy lacks them. mprotect excludes such faults with
// mmap_lock for writing, and today so does clear_refs, the lock of every area that it walks included.
//
// How it came to that (thread 003 of the threads; fixes.h, clear-refs). From 4.13 the walk stood between
// tlb_gather_mmu and tlb_finish_mmu, for all of the mm. A gather is for freeing memory: one that has
// recorded nothing has nothing to flush, and since 0758cd830494 (2020) flushes nothing, unless another one
// was open meanwhile. Counting as pending, a flush of the mm and counting back does what is wanted, as
// Andrea Arcangeli asked (912efa17e512). With mmap_lock for reading only there would still be the copies:
// 29a951dfb3c3 takes it for writing.
//
// Who looks at tlb_flush_pending (KSM, peers' finish) sees all three forms.
#pragma once

#include <cerrno>

#include "mm/gup.h"
#include "mm/huge_memory.tcc"
#include "mm/mmu_gather.tcc"
#include "mm/pgtable.tcc"
#include "mm/soft_dirty.h"
#include "mm/swap.tcc"
#include "mm/swapops.h"
#include "mm/tlb_flush_pending.h"
#include "mm/vma_lock.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// ---- one entry ----------------------------------------------------------------------------------

// A device may write to it at any time, and its program is not to lose it to a copy: it stays marked.
template <ArchBackend A>
bool pte_is_pinned(const vm_area_struct& vma, pte_t pte) noexcept {
  return A::pte_write(pte) && is_cow_mapping(vma) && vma.vm_mm->has_pinned.load(order::relaxed) &&
         folio_maybe_dma_pinned(folio_of(pfn_to_page(A::pte_pfn(pte))));
}

// A page under migration comes back with the rights that its entry names. Linux 6.12 takes the mark only,
// and the store after that leaves none: scenario clear-refs-vs-migration.
template <ArchBackend A>
pte_t swp_without_soft_dirty(const mm_struct& mm, pte_t pte) noexcept {
  if (mm.fixes.clear_refs_migration && is_migration_pte<A>(pte))
    pte = migration_pte_wrprotect<A>(pte);
  return A::pte_swp_clear_soft_dirty(pte);
}

template <ArchBackend A>
void clear_soft_dirty(const vm_area_struct& vma, pte_ref ref, vaddr_t va) noexcept {
  mm_struct& mm = *vma.vm_mm;
  const pte_t pte = ptep_get(ref);
  if (is_swap_pte<A>(pte)) set_pte_at(mm, ref, va, swp_without_soft_dirty<A>(mm, pte));
  if (!A::pte_present(pte) || pte_is_pinned<A>(vma, pte)) return;
  ptep_modify_prot<A>(mm, ref, va,
                      [](pte_t was) { return A::pte_clear_soft_dirty(A::pte_wrprotect(was)); });
}

template <ArchBackend A>
void clear_soft_dirty_pmd(mm_struct& mm, pte_ref ref, vaddr_t va) noexcept {
  const pte_t was = pmdp_invalidate<A>(mm, ref, va);
  set_pte_at(mm, ref, va, A::pte_clear_soft_dirty(A::pte_wrprotect(was)));
}

// Of either size. Nobody is told: whoever ages pages can do with an old answer.
template <ArchBackend A>
void clear_referenced(mm_struct& mm, pte_ref ref, vaddr_t va) noexcept {
  const pte_t pte = ptep_get(ref);
  if (!A::pte_present(pte)) return;
  page* p = pfn_to_page(A::pte_pfn(pte));
  if (page_test(p, PG_reserved)) return;
  if (A::ptep_test_and_clear_young(mm, va, ref.word()))
    note_change(mm, ref, va, pte, A::pte_mkold(pte));
  page_clear(folio_of(p), PG_referenced);
}

// ---- the walk -----------------------------------------------------------------------------------

template <ArchBackend A>
void clear_refs_pte_range(const vm_area_struct& vma,
                          vaddr_t start,
                          vaddr_t end,
                          clear_refs_types type) noexcept {
  mm_struct& mm = *vma.vm_mm;
  if (const pte_ref huge = pmd_trans_huge_lock<A>(mm, start)) {
    if (type == CLEAR_REFS_SOFT_DIRTY)
      clear_soft_dirty_pmd<A>(mm, huge, start);
    else
      clear_referenced<A>(mm, huge, start);
    return unlock_table(mm, huge.table, 1);
  }
  pte_ref ref = pte_offset_map_lock<A>(mm, start);
  if (!ref) return;
  const pte_ref locked = ref;
  for (vaddr_t va = start; va < end; va += page_size, ++ref.index)
    if (type == CLEAR_REFS_SOFT_DIRTY)
      clear_soft_dirty<A>(vma, ref, va);
    else
      clear_referenced<A>(mm, ref, va);
  pte_unmap_unlock(mm, locked);
}

template <ArchBackend A>
void clear_refs_table(const vm_area_struct& vma,
                      page* table,
                      unsigned level,
                      vaddr_t start,
                      vaddr_t end,
                      clear_refs_types type) noexcept {
  for (vaddr_t va = start; va < end;) {
    const vaddr_t next = span_end(va, end, level);
    const pte_t entry = ptep_get(entry_in(table, va, level));
    if (level == 1 && !A::pte_none(entry))
      clear_refs_pte_range<A>(vma, va, next, type);
    else if (page* below = table_below<A>(entry); below != nullptr)
      clear_refs_table<A>(vma, below, level - 1, va, next, type);
    va = next;
  }
}

// Kernel: clear_refs_test_walk.
inline bool clear_refs_skips(const vm_area_struct& vma, clear_refs_types type) noexcept {
  if ((vma.vm_flags & VM_PFNMAP) != 0) return true;
  return (type == CLEAR_REFS_ANON && vma.vm_file != nullptr) ||
         (type == CLEAR_REFS_MAPPED && vma.vm_file == nullptr);
}

inline bool clear_refs_excludes(const mm_struct& mm) noexcept {
  return mm.fixes.clear_refs == ClearRefsForm::write_flush;
}

// mmap_lock. Where it is for writing faults under areas' own locks are kept out too (kernel: PGWALK_WRLOCK).
template <ArchBackend A>
void clear_refs_walk(mm_struct& mm, clear_refs_types type) noexcept {
  for (vm_area_struct& vma : mm.vmas) {
    if (clear_refs_skips(vma, type)) continue;
    if (clear_refs_excludes(mm)) vma_start_write(vma);
    clear_refs_table<A>(vma, mm.pgd, mm.top_level, vma.vm_start, vma.vm_end, type);
  }
}

// ---- the forms ----------------------------------------------------------------------------------

// All of the mm was asked for, which made it a gather for the whole mm; it frees nothing.
template <ArchBackend A>
void clear_refs_in_gather(mm_struct& mm, clear_refs_types type) noexcept {
  mmu_gather<A> tlb;
  tlb_gather_mmu_fullmm(tlb, mm);
  clear_refs_walk<A>(mm, type);
  tlb_finish_mmu(tlb);
}

template <ArchBackend A>
void clear_refs_and_flush(mm_struct& mm, clear_refs_types type) noexcept {
  if (type != CLEAR_REFS_SOFT_DIRTY) return clear_refs_walk<A>(mm, type);
  inc_tlb_flush_pending(mm);
  clear_refs_walk<A>(mm, type);
  late_tlb_flush_pending(mm);
  A::flush_tlb_mm(mm);
  dec_tlb_flush_pending(mm);
}

// mmap_lock for writing.
inline void clear_soft_dirty_of_areas(mm_struct& mm) noexcept {
  for (vm_area_struct& vma : mm.vmas)
    if (!vma_soft_dirty_enabled(vma)) {
      vma_start_write(vma);
      vm_flags_reset(vma, vma.vm_flags & ~VM_SOFTDIRTY);
    }
}

// mmap_lock.
inline bool any_area_marked(mm_struct& mm) noexcept {
  for (const vm_area_struct& vma : mm.vmas)
    if (!vma_soft_dirty_enabled(vma)) return true;
  return false;
}

// For reading, flags of areas change under it for writing all the same, if there is one to change.
inline void clear_refs_lock(mm_struct& mm, clear_refs_types type) noexcept {
  const bool soft_dirty = type == CLEAR_REFS_SOFT_DIRTY;
  if (clear_refs_excludes(mm)) {
    mm.mmap_lock.down_write();
    if (soft_dirty) clear_soft_dirty_of_areas(mm);
    return;
  }
  mm.mmap_lock.down_read();
  if (!soft_dirty || !any_area_marked(mm)) return;
  mm.mmap_lock.up_read();
  mm.mmap_lock.down_write();
  clear_soft_dirty_of_areas(mm);
  mmap_write_downgrade(mm);
}

inline void clear_refs_unlock(mm_struct& mm) noexcept {
  if (clear_refs_excludes(mm))
    mmap_write_unlock(mm);
  else
    mm.mmap_lock.up_read();
}

}  // namespace detail

// Kernel: clear_refs_write.
template <ArchBackend A>
std::int64_t do_clear_refs(mm_struct& mm, clear_refs_types type) noexcept {
  if (type < CLEAR_REFS_ALL || type > CLEAR_REFS_SOFT_DIRTY) return -EINVAL;
  constexpr auto call = static_cast<std::uint64_t>(MmCall::clear_refs);
  detail::clear_refs_lock(mm, type);
  trace(EventKind::call_begin, mm.id, call, 0, mm.task_size);
  if (mm.fixes.clear_refs == ClearRefsForm::gather)
    detail::clear_refs_in_gather<A>(mm, type);
  else
    detail::clear_refs_and_flush<A>(mm, type);
  trace(EventKind::call_end, mm.id, call, 0, mm.task_size);
  detail::clear_refs_unlock(mm);
  return 0;
}

template <ArchBackend A>
bool page_soft_dirty(mm_struct& mm, vaddr_t va) noexcept {
  mm.mmap_lock.down_read();
  const vm_area_struct* vma = vma_lookup(mm, va);
  bool marked = vma != nullptr && !vma_soft_dirty_enabled(*vma);
  if (vma != nullptr && !marked) {
    const pte_ref huge = pmd_trans_huge_lock<A>(mm, va);
    const pte_ref ref = huge ? huge : pte_offset_map_lock<A>(mm, va);
    const pte_t pte = ref ? ptep_get(ref) : pte_t{};
    if (ref) unlock_table(mm, ref.table, huge ? 1 : 0);
    marked = A::pte_present(pte) ? A::pte_soft_dirty(pte)
                                 : is_swap_pte<A>(pte) && A::pte_swp_soft_dirty(pte);
  }
  mm.mmap_lock.up_read();
  return marked;
}

}  // namespace tlblab::inline TLBLAB_WORLD
