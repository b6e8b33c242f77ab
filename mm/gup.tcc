// SPDX-License-Identifier: GPL-2.0-or-later
// Kernel file: gup.c.
//
// The walk without a lock has its interrupts off from the first entry to the last: where a flush
// interrupts, tables and pages stay as they were; everywhere the section is one of RCU, so tables
// stay. A page may be freed under it where flushes are broadcasts. So each entry is read once, the
// page is taken only if it has references, and then the entry, and the one above it, must still be
// what they were: the pin is on the page that the address has (traps T61, T62). The one above matters to
// who takes a whole table away and leaves its entries for a while (khugepaged.tcc, gup-recheck-pmd).
#pragma once

#include <cerrno>

#include "mm/fault.tcc"
#include "mm/gup.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

struct gup_walk {
  GupFlags flags;
  page** pages;
  bool recheck_pmd = true;  // gup-recheck-pmd
  std::uint64_t nr = 0;     // taken so far
};

// In a table that nobody may free before interrupts are on again.
inline pte_t gup_get(pte_ref ref) noexcept {
  vm_bug_on(ref.table->table == nullptr, "walk_of_a_freed_table");
  const pte_t entry = ptep_get(ref);
  vm_bug_on(ref.table->table == nullptr, "walk_of_a_freed_table");  // meanwhile
  return entry;
}

// Not the zero page either: it is not counted, and where a machine marks it special it falls back.
template <ArchBackend A>
bool gup_may_have(pte_t entry, GupFlags flags) noexcept {
  return A::pte_present(entry) && !A::pte_protnone(entry) &&
         ((flags & FOLL_WRITE) == 0 || A::pte_write(entry));
}

// One table, whose entry `above` held `table_entry`. False: stopped before the end.
template <ArchBackend A>
bool gup_fast_pte_range(
    gup_walk& walk, pte_ref above, pte_t table_entry, vaddr_t va, vaddr_t end) noexcept {
  pte_ref ref = entry_in(table_below<A>(table_entry), va, 0);
  for (; va < end; va += page_size, ++ref.index) {
    const pte_t pte = gup_get(ref);
    if (!gup_may_have<A>(pte, walk.flags)) return false;
    page* p = pte_page<A>(pte);
    if (page_is_reserved(p)) return false;
    page* folio = try_grab_folio_fast(p, 1, walk.flags);
    if (folio == nullptr) return false;
    const bool same = gup_get(ref) == pte && (!walk.recheck_pmd || ptep_get(above) == table_entry);
    if (!same || gup_must_unshare(p, walk.flags)) {
      gup_put_folio(folio, 1, walk.flags);
      return false;
    }
    walk.pages[walk.nr++] = p;
  }
  return true;
}

// A leaf of the PMD level: one operation for all pages wanted of it.
template <ArchBackend A>
bool gup_fast_pmd_leaf(gup_walk& walk, pte_ref ref, pte_t entry, vaddr_t va, vaddr_t end) noexcept {
  if (!gup_may_have<A>(entry, walk.flags)) return false;
  page* first = led_to(entry.val, pfn_to_page(A::pte_pfn(A::pmd_clrhuge(entry))));
  if (page_test(first, PG_reserved)) return false;
  const int count = static_cast<int>((end - va) >> page_shift);
  page* folio = try_grab_folio_fast(first, count, walk.flags);
  if (folio == nullptr) return false;
  if (ptep_get(ref) != entry || gup_must_unshare(first, walk.flags)) {
    gup_put_folio(folio, count, walk.flags);
    return false;
  }
  page* p = first + table_index(va, 0);
  for (int n = 0; n < count; ++n) walk.pages[walk.nr++] = p + n;
  return true;
}

// Leaves above the PMD level are left to the walk with the lock.
template <ArchBackend A>
bool gup_fast_range(gup_walk& walk, page* table, unsigned level, vaddr_t va, vaddr_t end) noexcept {
  while (va < end) {
    const vaddr_t next = span_end(va, end, level);
    const pte_ref ref = entry_in(table, va, level);
    const pte_t entry = gup_get(ref);
    bool whole = false;
    if (!A::pte_present(entry))
      whole = false;
    else if (A::pmd_leaf(entry))
      whole = level == 1 && gup_fast_pmd_leaf<A>(walk, ref, entry, va, next);
    else if (level == 1)
      whole = gup_fast_pte_range<A>(walk, ref, entry, va, next);
    else
      whole = gup_fast_range<A>(walk, table_below<A>(entry), level - 1, va, next);
    if (!whole) return false;
    va = next;
  }
  return true;
}

inline void gup_put_all(const gup_walk& walk) noexcept {
  for (std::uint64_t n = 0; n < walk.nr; ++n) gup_put_folio(folio_of(walk.pages[n]), 1, walk.flags);
}

// Takes the page that the entry shows, if it may be had. The lock of the entry is held.
template <ArchBackend A>
bool gup_grab_locked(pte_t entry, page* p, const page* exclusive, GupFlags flags) noexcept {
  if (!gup_may_have<A>(entry, flags) || gup_must_unshare(exclusive, flags)) return false;
  try_grab_folio(folio_of(p), 1, flags);
  return true;
}

// Kernel: follow_pmd_mask for a leaf. False: not there, or not to be had without a fault.
template <ArchBackend A>
bool follow_pmd_leaf(mm_struct& mm, vaddr_t va, GupFlags flags, page*& out) noexcept {
  page* pmds = find_table<A>(mm, va, 1);
  if (pmds == nullptr || !A::pmd_leaf(ptep_get(entry_in(pmds, va, 1)))) return false;
  lock_table(mm, pmds, 1);
  const pte_t entry = ptep_get(entry_in(pmds, va, 1));
  bool taken = false;
  if (A::pte_present(entry) && A::pmd_leaf(entry)) {
    page* first = pfn_to_page(A::pte_pfn(A::pmd_clrhuge(entry)));
    // The huge zero page would be one frame; what is not a large folio has no other pages.
    out = first + (folio_test_large(folio_of(first)) ? table_index(va, 0) : 0);
    taken = gup_grab_locked<A>(entry, out, first, flags);
  }
  unlock_table(mm, pmds, 1);
  return taken;
}

template <ArchBackend A>
bool follow_page_pte(mm_struct& mm, vaddr_t va, GupFlags flags, page*& out) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(mm, va);
  if (!ref) return follow_pmd_leaf<A>(mm, va, flags, out);
  const pte_t pte = ptep_get(ref);
  bool taken = false;
  if (A::pte_present(pte)) {
    out = pfn_to_page(A::pte_pfn(pte));
    taken = gup_grab_locked<A>(pte, out, out, flags);
  }
  pte_unmap_unlock(mm, ref);
  return taken;
}

// mmap_lock for reading. 0 or -errno.
template <ArchBackend A>
std::int64_t gup_one_page(mm_struct& mm, vaddr_t va, GupFlags flags, page*& out) noexcept {
  const Access access = (flags & FOLL_WRITE) != 0 ? Access::write : Access::read;
  const vm_area_struct* vma = vma_lookup(mm, va);
  if (vma == nullptr || (vma->vm_flags & VM_PFNMAP) != 0) return -EFAULT;
  if (!access_allowed(*vma, access)) return -EFAULT;
  const FaultFlags fault_flags =
      (flags & (FOLL_PIN | FOLL_WRITE)) == FOLL_PIN ? FAULT_FLAG_UNSHARE : 0U;
  while (!follow_page_pte<A>(mm, va, flags, out)) {
    const FaultResult fault = handle_mm_fault<A>(mm, va, access, fault_flags);
    if (fault != FaultResult::done) return fault == FaultResult::oom ? -ENOMEM : -EFAULT;
  }
  return 0;
}

// From walk.nr on. 0, or the error that stopped it.
template <ArchBackend A>
std::int64_t gup_slow(mm_struct& mm, vaddr_t start, std::uint64_t nr, gup_walk& walk) noexcept {
  std::int64_t error = 0;
  mm.mmap_lock.down_read();
  while (walk.nr < nr && error == 0) {
    const vaddr_t va = start + (walk.nr << page_shift);
    error = gup_one_page<A>(mm, va, walk.flags, walk.pages[walk.nr]);
    if (error == 0) ++walk.nr;
  }
  mm.mmap_lock.up_read();
  return error;
}

// Of the pages from `from` on.
inline void trace_pins(const mm_struct& mm,
                       vaddr_t start,
                       const gup_walk& walk,
                       std::uint64_t from) noexcept {
  if (!tracing() || (walk.flags & FOLL_PIN) == 0) return;
  for (std::uint64_t n = from; n < walk.nr; ++n)
    trace(EventKind::page_pin, mm.id, walk.pages[n]->pfn, start + (n << page_shift));
}

}  // namespace detail

template <ArchBackend A>
std::uint64_t get_user_pages_fast_only(
    mm_struct& mm, vaddr_t start, std::uint64_t nr, GupFlags flags, page** pages) noexcept {
  detail::gup_walk walk{flags, pages, mm.fixes.gup_recheck_pmd};
  const vaddr_t first = start & page_mask;
  const bool pin = (flags & FOLL_PIN) != 0;
  // fork asks for this before it asks for a page's pins. Full: before the sequence is read.
  if (pin && !mm.has_pinned.load(order::relaxed)) mm.has_pinned.exchange(true, order::full);
  const unsigned seq = mm.write_protect_seq.raw_read();
  if (pin && (seq & 1) != 0) return 0;
  local_irq_save();
  detail::gup_fast_range<A>(walk, mm.pgd, mm.top_level, first, first + (nr << page_shift));
  local_irq_restore();
  // fork may have looked for pins before this one was taken, and write-protected the page after
  // it was seen. Pairs with write_begin in copy_page_range.
  if (pin && mm.write_protect_seq.read_retry(seq)) {
    detail::gup_put_all(walk);
    return 0;
  }
  detail::trace_pins(mm, first, walk, 0);
  return walk.nr;
}

template <ArchBackend A>
std::int64_t get_user_pages_fast(
    mm_struct& mm, vaddr_t start, std::uint64_t nr, GupFlags flags, page** pages) noexcept {
  const vaddr_t first = start & page_mask;
  if (first >= mm.task_size || nr > (mm.task_size - first) >> page_shift) return -EFAULT;
  detail::gup_walk walk{flags, pages};
  const std::uint64_t fast = get_user_pages_fast_only<A>(mm, first, nr, flags, pages);
  walk.nr = fast;
  std::int64_t error = 0;
  if (walk.nr < nr) error = detail::gup_slow<A>(mm, first, nr, walk);
  detail::trace_pins(mm, first, walk, fast);
  return walk.nr != 0 ? static_cast<std::int64_t>(walk.nr) : error;
}

}  // namespace tlblab::inline TLBLAB_WORLD
