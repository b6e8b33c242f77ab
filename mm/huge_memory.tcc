// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "mm/anon_vma.h"
#include "mm/gup.h"
#include "mm/huge_memory.h"
#include "mm/mmu_gather.tcc"
#include "mm/pgtable.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

template <ArchBackend A>
bool pmd_trans_huge(pte_t pmd) noexcept {
  return !A::pte_none(pmd) && A::pmd_leaf(pmd);
}

// Without a lock: may be split, or made huge, right after.
template <ArchBackend A>
bool is_huge(mm_struct& mm, vaddr_t va) noexcept {
  page* pmds = find_table<A>(mm, va, 1);
  return pmds != nullptr && pmd_trans_huge<A>(ptep_get(entry_in(pmds, va, 1)));
}

// A full range of PTEs as the kernel's flush_pmd_tlb_range asks on most machines: by pages, and
// upper levels too.
template <ArchBackend A>
void flush_pmd_tlb_range(mm_struct& mm, vaddr_t va) noexcept {
  const vaddr_t start = va & pmd_mask;
  A::flush_tlb_range(mm, start, start + pmd_size, page_shift, true);
}

// The lock is held: nothing of the entry can be seen in between (trap T29).
template <ArchBackend A>
pte_t pmdp_huge_clear_flush(mm_struct& mm, pte_ref ref, vaddr_t va) noexcept {
  const pte_t was = ptep_get_and_clear<A>(mm, ref, va & pmd_mask);
  flush_pmd_tlb_range<A>(mm, va);
  return was;
}

// Hardware finds it absent from here on, software a huge entry still. The lock is held.
template <ArchBackend A>
pte_t pmdp_invalidate(mm_struct& mm, pte_ref ref, vaddr_t va) noexcept {
  const pte_t invalid = A::pmd_mkinvalid(ptep_get(ref));
  const pte_t was = A::pmdp_establish(mm, va, ref.word(), invalid);
  note_change(mm, ref, va & pmd_mask, was, invalid);
  flush_pmd_tlb_range<A>(mm, va);
  return was;
}

// ---- split --------------------------------------------------------------------------------------

// The table is not hooked yet, so nobody can look: in explore one step and not 512.
template <ArchBackend A>
void fill_table(mm_struct& mm, page* table, vaddr_t start, pte_t first, bool same_frame) noexcept {
  const access_window_of<A> unit;
  if (!same_frame) return set_ptes<A>(mm, {table, 0}, start, first, ptrs_per_table);
  for (unsigned i = 0; i < ptrs_per_table; ++i)
    set_pte_at(mm, {table, i}, start + i * page_size, first);
}

// Each page of the folio is mapped by a PTE of its own now, and as exclusive as the folio was.
inline void map_pages_of_folio(page* head) noexcept {
  if (page_test(head, PG_anon_exclusive)) {
    const access_window<false> unit;
    for (page* p = head + 1; p < head + hpage_pmd_nr; ++p) page_set(p, PG_anon_exclusive);
  }
  folio_ref_add(head, hpage_pmd_nr - 1);
  folio_add_rmap_ptes(head, hpage_pmd_nr);
}

// The zero page is frame 0: from the huge one so many frames back.
template <ArchBackend A>
void split_huge_zero_page_pmd(mm_struct& mm, pte_ref ref, vaddr_t start) noexcept {
  const pte_t was = pmdp_huge_clear_flush<A>(mm, ref, start);
  page* table = pgtable_trans_huge_withdraw(ref.table);
  const pte_t small = A::pte_advance_pfn(A::pmd_clrhuge(was), 0 - A::pte_pfn(was));
  fill_table<A>(mm, table, start, small, true);
  set_pte_at(mm, ref, start, A::mk_table(table->pfn));
}

template <ArchBackend A>
void split_huge_pmd_locked(mm_struct& mm, pte_ref ref, vaddr_t start) noexcept {
  page* head = pfn_to_page(A::pte_pfn(ptep_get(ref)));
  if (page_test(head, PG_reserved)) return split_huge_zero_page_pmd<A>(mm, ref, start);
  const pte_t was = pmdp_invalidate<A>(mm, ref, start);
  if (A::pte_dirty(was)) page_set(head, PG_dirty);
  map_pages_of_folio(head);
  page* table = pgtable_trans_huge_withdraw(ref.table);  // after the invalidate (Power needs it)
  fill_table<A>(mm, table, start, A::pmd_clrhuge(was), false);
  folio_remove_rmap_pmd(head);
  // A release store: the PTEs before the table is hooked; pairs with the walkers' loads.
  set_pte_at(mm, ref, start, A::mk_table(table->pfn));
}

}  // namespace detail

template <ArchBackend A>
pte_ref pmd_trans_huge_lock(mm_struct& mm, vaddr_t va) noexcept {
  page* pmds = find_table<A>(mm, va, 1);
  if (pmds == nullptr) return {};
  lock_table(mm, pmds, 1);
  const pte_ref ref = entry_in(pmds, va, 1);
  if (detail::pmd_trans_huge<A>(ptep_get(ref))) return ref;
  unlock_table(mm, pmds, 1);
  return {};
}

template <ArchBackend A>
void split_huge_pmd(mm_struct& mm, vaddr_t va) noexcept {
  const pte_ref ref = pmd_trans_huge_lock<A>(mm, va);
  if (!ref) return;
  detail::split_huge_pmd_locked<A>(mm, ref, va & pmd_mask);
  unlock_table(mm, ref.table, 1);
}

template <ArchBackend A>
void vma_adjust_trans_huge(mm_struct& mm, vaddr_t va) noexcept {
  const vaddr_t start = va & pmd_mask;
  const vm_area_struct* vma = start == va ? nullptr : vma_lookup(mm, va);
  if (vma == nullptr || vma->vm_start > start || vma->vm_end < start + pmd_size) return;
  page* pmds = find_table<A>(mm, va, 1);
  if (pmds != nullptr && detail::pmd_trans_huge<A>(ptep_get(entry_in(pmds, va, 1))))
    split_huge_pmd<A>(mm, va);
}

// ---- zap, change --------------------------------------------------------------------------------

template <ArchBackend A>
bool zap_huge_pmd(mmu_gather<A>& tlb, vaddr_t va) noexcept {
  mm_struct& mm = *tlb.mm;
  tlb_change_page_size(tlb, level_shift(1));
  const pte_ref ref = pmd_trans_huge_lock<A>(mm, va);
  if (!ref) return false;
  const pte_t was = ptep_get_and_clear<A>(mm, ref, va, tlb.fullmm);
  tlb_remove_pmd_tlb_entry(tlb, va);  // before the page is queued
  page* table = pgtable_trans_huge_withdraw(ref.table);
  page* head = pfn_to_page(A::pte_pfn(was));
  const bool counted = !page_test(head, PG_reserved);
  if (counted) {
    // No delay for dirty ones, and no flush under the lock: anonymous only.
    folio_remove_rmap_pmd(head);
    mm.rss.fetch_sub(hpage_pmd_nr, order::relaxed);
  }
  unlock_table(mm, ref.table, 1);
  free_table(table);  // no walker ever saw it
  mm.pgtables.fetch_sub(1, order::relaxed);
  if (counted) tlb_remove_page(tlb, head);
  return true;
}

// Both below: the entry is never none on the way. MADV_DONTNEED beside us, which looks without the lock,
// would take it for done and return, and the page would come back (huge-pmd-invalidate).
template <ArchBackend A, class Change>
bool change_huge_pmd(mmu_gather<A>& tlb, vaddr_t va, Change change) noexcept {
  mm_struct& mm = *tlb.mm;
  tlb_change_page_size(tlb, level_shift(1));
  const pte_ref ref = pmd_trans_huge_lock<A>(mm, va);
  if (!ref) return false;
  const pte_t meanwhile = mm.fixes.huge_pmd_invalidate ? A::pmd_mkinvalid(ptep_get(ref)) : pte_t{};
  const pte_t was = A::pmdp_establish(mm, va, ref.word(), meanwhile);
  const pte_t now = change(was);
  ref.word().store(now.val, order::release);
  note_change(mm, ref, va & pmd_mask, was, now);
  if (A::huge_pmd_needs_flush(was, now)) tlb_flush_level_range(tlb, va & pmd_mask, pmd_size, 1);
  unlock_table(mm, ref.table, 1);
  return true;
}

template <ArchBackend A>
bool age_huge_pmd(mmu_gather<A>& tlb, vaddr_t va, bool clean) noexcept {
  mm_struct& mm = *tlb.mm;
  const pte_ref ref = pmd_trans_huge_lock<A>(mm, va);
  if (!ref) return false;
  const pte_t seen = ptep_get(ref);
  page* head = pfn_to_page(A::pte_pfn(seen));
  const bool ours = !page_test(head, PG_reserved) && page_mapcount(head) == 1;
  if (ours && (A::pte_young(seen) || (clean && A::pte_dirty(seen)))) {
    const pte_t was = mm.fixes.huge_pmd_invalidate ? detail::pmdp_invalidate<A>(mm, ref, va)
                                                   : ptep_get_and_clear<A>(mm, ref, va & pmd_mask);
    const pte_t old = A::pte_mkold(was);
    set_pte_at(mm, ref, va, clean ? A::pte_mkclean(old) : old);
    tlb_remove_pmd_tlb_entry(tlb, va);
  }
  if (ours) page_clear(head, PG_referenced | PG_active | (clean ? PG_swapbacked | PG_dirty : 0U));
  unlock_table(mm, ref.table, 1);
  return true;
}

// ---- fork, mremap -------------------------------------------------------------------------------

namespace detail {

// The head's flag was that of every page: who listens for pins counts them by page.
inline void note_tails_shared(const page* head) noexcept {
  for (unsigned n = 1; n < hpage_pmd_nr; ++n)
    trace(EventKind::anon_exclusive_clear, 0, head->pfn + n);
}

// Both locks are held, the entry is huge. False: pinned, the child must get copies of its own.
template <ArchBackend A>
bool share_huge_pmd(
    mm_struct& child, mm_struct& parent, pte_ref to, pte_ref from, vaddr_t va) noexcept {
  page* head = pfn_to_page(A::pte_pfn(ptep_get(from)));
  if (!page_test(head, PG_reserved)) {
    const bool exclusive = page_test(head, PG_anon_exclusive);
    if (!folio_try_dup_anon_rmap_pte(parent, head)) return false;
    if (exclusive && tracing()) note_tails_shared(head);
    get_page(head);
    folio_add_rmap_pmd(head);
    child.rss.fetch_add(hpage_pmd_nr, order::relaxed);
  }
  const pte_t was = ptep_get(from);
  A::ptep_set_wrprotect(parent, va, from.word());
  const pte_t now = ptep_get(from);
  note_change(parent, from, va, was, now);
  set_pte_at(child, to, va, A::pte_mkold(A::pte_clear_uffd_wp(A::pte_wrprotect(now))));
  return true;
}

}  // namespace detail

template <ArchBackend A>
CopyHuge copy_huge_pmd(mm_struct& child, mm_struct& parent, vaddr_t va) noexcept {
  page* table = alloc_table(0);
  if (table == nullptr || !table_alloc<A>(child, va, 1)) {
    if (table != nullptr) free_table(table);
    return CopyHuge::oom;
  }
  page* pmds = find_table<A>(child, va, 1);
  lock_table(child, pmds, 1);
  const pte_ref from = pmd_trans_huge_lock<A>(parent, va);
  const bool shared =
      from && detail::share_huge_pmd<A>(child, parent, entry_in(pmds, va, 1), from, va);
  if (shared) {
    pgtable_trans_huge_deposit(pmds, table);
    child.pgtables.fetch_add(1, order::relaxed);
  }
  if (from) unlock_table(parent, from.table, 1);
  unlock_table(child, pmds, 1);
  if (shared) return CopyHuge::copied;
  free_table(table);
  split_huge_pmd<A>(parent, va);
  return CopyHuge::ptes;
}

template <ArchBackend A>
bool move_huge_pmd(mm_struct& mm, vaddr_t from, vaddr_t to, bool clear_uffd_wp) noexcept {
  const pte_ref target = entry_in(find_table<A>(mm, to, 1), to, 1);
  if (!A::pte_none(ptep_get(target))) return false;
  const pte_ref source = pmd_trans_huge_lock<A>(mm, from);
  if (!source) return false;
  const bool same = source.table == target.table;
  if (!same) lock_table(mm, target.table, 1);
  const pte_t pmd = A::pte_mksoft_dirty(ptep_get_and_clear<A>(mm, source, from));
  if (!same) pgtable_trans_huge_deposit(target.table, pgtable_trans_huge_withdraw(source.table));
  set_pte_at(mm, target, to, clear_uffd_wp ? A::pte_clear_uffd_wp(pmd) : pmd);
  detail::flush_pmd_tlb_range<A>(mm, from);
  if (!same) unlock_table(mm, target.table, 1);
  unlock_table(mm, source.table, 1);
  return true;
}

// ---- faults -------------------------------------------------------------------------------------

namespace detail {

struct huge_fault {
  mm_struct& mm;
  vm_area_struct& vma;
  vaddr_t start;  // of the PMD's span
  bool write;
  FaultFlags flags;
};

// A folio of this mm alone, writable if the area is.
template <ArchBackend A>
pte_t huge_anon_entry(const huge_fault& site, page* head) noexcept {
  page_set_fresh(head, PG_anon | PG_anon_exclusive | PG_swapbacked);
  folio_set_anon(head, site.vma, site.start);
  const pte_t pte = A::pte_mkdirty(A::mk_pte(head->pfn, site.vma.vm_flags));
  return A::pmd_mkhuge((site.vma.vm_flags & VM_WRITE) != 0 ? A::pte_mkwrite(pte) : pte);
}

inline void count_huge_anon(mm_struct& mm, page* head) noexcept {
  folio_add_rmap_pmd(head);
  mm.rss.fetch_add(hpage_pmd_nr, order::relaxed);
}

// False: the place is taken, nothing done. Takes over head and table if true.
template <ArchBackend A>
bool install_if_none(const huge_fault& site, page* pmds, page* head, page* table) noexcept {
  const pte_ref ref = entry_in(pmds, site.start, 1);
  const pte_t zero = A::pmd_mkhuge(A::mk_pte(head->pfn, site.vma.vm_flags));
  const bool counted = !page_test(head, PG_reserved);
  const pte_t entry = counted ? huge_anon_entry<A>(site, head) : zero;
  lock_table(site.mm, pmds, 1);
  const bool empty = A::pte_none(ptep_get(ref));
  if (empty) {
    if (counted) count_huge_anon(site.mm, head);
    pgtable_trans_huge_deposit(pmds, table);
    set_pte_at(site.mm, ref, site.start, entry);
    arch_update_mmu_cache<A>(site.mm, site.start, entry);
    site.mm.pgtables.fetch_add(1, order::relaxed);
  }
  unlock_table(site.mm, pmds, 1);
  return empty;
}

template <ArchBackend A>
std::optional<FaultResult> do_huge_pmd_anonymous_page(const huge_fault& site, page* pmds) noexcept {
  if (!transhuge_vma_suitable(site.vma, site.start)) return std::nullopt;
  if (const FaultResult none = vmf_anon_prepare(site.vma, site.flags); none != FaultResult::done)
    return none;
  page* head = site.write ? alloc_zeroed_folio(hpage_pmd_order) : huge_zero_folio();
  if (head == nullptr) return std::nullopt;
  page* table = alloc_table(0);
  if (table != nullptr && install_if_none<A>(site, pmds, head, table)) return FaultResult::done;
  if (table != nullptr) free_table(table);
  put_page(head);
  return table != nullptr ? FaultResult::done : FaultResult::oom;
}

// A write over the huge zero page gets a folio of its own at once; the table that is laid by stays.
// Nothing: no folio to be had.
template <ArchBackend A>
std::optional<FaultResult> do_huge_zero_wp_pmd(const huge_fault& site, pte_t orig) noexcept {
  page* head = alloc_zeroed_folio(hpage_pmd_order);
  if (head == nullptr) return std::nullopt;
  const pte_t entry = huge_anon_entry<A>(site, head);
  const pte_ref ref = pmd_trans_huge_lock<A>(site.mm, site.start);
  const bool unchanged = ref && ptep_get(ref) == orig;
  if (unchanged) {
    pmdp_huge_clear_flush<A>(site.mm, ref, site.start);
    count_huge_anon(site.mm, head);
    set_pte_at(site.mm, ref, site.start, entry);
    arch_update_mmu_cache<A>(site.mm, site.start, entry);
  }
  if (ref) unlock_table(site.mm, ref.table, 1);
  if (!unchanged) put_page(head);
  return FaultResult::done;
}

// The folio is this mm's alone, or is again: written in place.
inline bool can_reuse_huge(const vm_area_struct& vma, page* head) noexcept {
  if (page_test(head, PG_anon_exclusive)) return true;
  if (head->refcount.load(order::relaxed) != 1) return false;
  page_set(head, PG_anon_exclusive);
  folio_move_anon_rmap(head, vma);
  return true;
}

// The entry is the one seen and its lock held, or it is somebody else's turn. Adds rights or A and
// D: no flush.
template <ArchBackend A>
bool reuse_huge_pmd(const huge_fault& site, pte_t orig) noexcept {
  const pte_ref ref = pmd_trans_huge_lock<A>(site.mm, site.start);
  if (!ref) return true;
  const bool same = ptep_get(ref) == orig;
  const bool reuse = same && can_reuse_huge(site.vma, pfn_to_page(A::pte_pfn(orig)));
  const pte_t now = A::pte_mkwrite(A::pte_mkdirty(A::pte_mkyoung(orig)));
  if (reuse && A::ptep_set_access_flags(site.mm, site.start, ref.word(), now, true))
    note_change(site.mm, ref, site.start, orig, now);
  unlock_table(site.mm, ref.table, 1);
  return reuse || !same;
}

// A write to a huge entry that forbids it. A folio that others have too is not copied whole: the
// entry is split and the page in question copied.
template <ArchBackend A>
std::optional<FaultResult> do_huge_pmd_wp_page(const huge_fault& site, pte_t orig) noexcept {
  std::optional<FaultResult> result;
  const bool watched = A::pte_uffd_wp(orig);  // told page by page
  const bool zero = page_test(pte_page<A>(orig), PG_reserved);
  if (!watched && zero)
    result = do_huge_zero_wp_pmd<A>(site, orig);
  else if (!watched && reuse_huge_pmd<A>(site, orig))
    result = FaultResult::done;
  if (!result) split_huge_pmd<A>(site.mm, site.start);
  return result;
}

// Present and allowed: spurious, or on its way to something else. A and D as hardware would.
template <ArchBackend A>
FaultResult huge_pmd_set_accessed(const huge_fault& site, pte_t orig) noexcept {
  const pte_ref ref = pmd_trans_huge_lock<A>(site.mm, site.start);
  if (!ref) return FaultResult::done;
  const pte_t young = A::pte_mkyoung(orig);
  const pte_t now = site.write ? A::pte_mkdirty(young) : young;
  if (ptep_get(ref) == orig &&
      A::ptep_set_access_flags(site.mm, site.start, ref.word(), now, site.write))
    note_change(site.mm, ref, site.start, orig, now);
  unlock_table(site.mm, ref.table, 1);
  return FaultResult::done;
}

}  // namespace detail

template <ArchBackend A>
std::optional<FaultResult> huge_pmd_fault(
    mm_struct& mm, vm_area_struct& vma, vaddr_t va, bool write, FaultFlags flags) noexcept {
  page* pmds = find_table<A>(mm, va, 1);
  const detail::huge_fault site{mm, vma, va & pmd_mask, write, flags};
  const pte_t pmd = ptep_get(entry_in(pmds, va, 1));
  if (A::pte_none(pmd)) return detail::do_huge_pmd_anonymous_page<A>(site, pmds);
  if (!A::pmd_leaf(pmd)) return std::nullopt;
  if ((flags & FAULT_FLAG_UNSHARE) != 0) {
    split_huge_pmd<A>(mm, va);  // the one page that is wanted is copied
    return std::nullopt;
  }
  if (write && !A::pte_write(pmd)) return detail::do_huge_pmd_wp_page<A>(site, pmd);
  return detail::huge_pmd_set_accessed<A>(site, pmd);
}

}  // namespace tlblab::inline TLBLAB_WORLD
