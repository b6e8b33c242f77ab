// SPDX-License-Identifier: GPL-2.0-or-later
// Copying page tables for fork. Kernel: copy_page_range in memory.c, dup_mmap in fork.c.
//
// Private pages become shared between parent and child, read-only in both; the first to write
// makes a copy. The parent's other threads may go on writing through their TLBs until the one flush
// at the end; that is harmless because no copy can be decided before it: a write fault needs the
// mmap_lock that fork holds for writing (trap T62).
#pragma once

#include "mm/anon_vma.h"
#include "mm/gup.h"
#include "mm/huge_memory.tcc"
#include "mm/memory.h"
#include "mm/pgtable.tcc"
#include "mm/swap.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

struct copy_site {
  mm_struct& child;
  mm_struct& parent;
  const vm_area_struct& area;  // the child's
  bool cow;
};

// A page that the parent may have pinned stays the parent's, the child gets a copy at once: a later
// copy, for whoever writes first, could leave the pinned one to the child. False: no memory.
template <ArchBackend A>
bool copy_present_page(const copy_site& site, pte_ref to, pte_t pte, vaddr_t va) noexcept {
  page* fresh = alloc_page(AllocSite::user_page);
  if (fresh == nullptr) return false;
  copy_user_page(fresh, pfn_to_page(A::pte_pfn(pte)));
  page_set_fresh(fresh, PG_anon | PG_anon_exclusive | PG_swapbacked);
  folio_set_anon(fresh, site.area, va);
  folio_add_rmap_pte(fresh);
  site.child.rss.fetch_add(1, order::relaxed);
  pte = A::pte_mkdirty(A::mk_pte(fresh->pfn, site.area.vm_flags));
  set_pte_at(site.child, to, va, (site.area.vm_flags & VM_WRITE) != 0 ? A::pte_mkwrite(pte) : pte);
  return true;
}

// A marker of userfaultfd stays behind, as its context does.
template <ArchBackend A>
void copy_nonpresent_pte(const copy_site& site, pte_ref to, pte_ref from, vaddr_t va) noexcept {
  const pte_t pte = ptep_get(from);
  if (is_swap_pte<A>(pte)) return copy_swap_pte<A>(site.child, to, site.parent, from, va);
  constexpr std::uint64_t inherited = PTE_MARKER_GUARD | PTE_MARKER_POISONED;
  const std::uint64_t marker = A::pte_swap_entry(pte).offset & inherited;
  if (marker != 0) set_pte_at(site.child, to, va, A::mk_swap_pte({SwapType::marker, marker}));
}

// How many entries from ref on show pages of p's folio that parent and child may share, p first; room:
// how many there may be. 0: p has to be copied.
template <ArchBackend A>
unsigned dup_anon_pages(const copy_site& site, pte_ref ref, page* p, std::uint64_t room) noexcept {
  const bool anon = page_test(folio_of(p), PG_anon);
  const auto may = [&](unsigned i) {
    return !anon || folio_try_dup_anon_rmap_pte(site.parent, p + i);
  };
  if (!may(0)) return 0;
  const unsigned nr = folio_pte_batch<A>(ref, p, room, vma_soft_dirty_enabled(site.area));
  unsigned shared = 1;
  while (shared < nr && may(shared)) ++shared;
  return shared;
}

template <ArchBackend A>
bool any_writable(pte_ref ref, pte_t first, unsigned nr) noexcept {
  bool found = A::pte_write(first);
  for (unsigned i = 1; i < nr && !found; ++i)
    found = A::pte_write(ptep_get({ref.table, ref.index + i}));
  return found;
}

// Takes the right to write from nr entries, all alike. Returns the first as it is now; pte: as it was.
template <ArchBackend A>
pte_t wrprotect_ptes(mm_struct& mm, pte_ref ref, vaddr_t va, pte_t pte, unsigned nr) noexcept {
  if (nr > 1) arch_contpte_unfold_partial<A>(mm, va, ref.word(), nr);
  pte_t first{};
  for (unsigned i = 0; i < nr; ++i) {
    const pte_ref at{ref.table, ref.index + i};
    const pte_t was = i == 0 ? pte : ptep_get(at);
    if (nr == 1)
      A::ptep_set_wrprotect(mm, va, at.word());
    else
      arch_set_wrprotect_one_of<A>(mm, va + i * page_size, at.word());
    const pte_t now = ptep_get(at);
    note_change(mm, at, va + i * page_size, was, now);
    if (i == 0) first = now;
  }
  return first;
}

// nr pages of one folio become the child's too; pte: the parent's first.
template <ArchBackend A>
void share_ptes(
    const copy_site& site, pte_ref to, pte_ref from, vaddr_t va, pte_t pte, unsigned nr) noexcept {
  if (site.cow && any_writable<A>(from, pte, nr))
    pte = A::pte_wrprotect(wrprotect_ptes<A>(site.parent, from, va, pte, nr));
  pte = ptep_gather<A>(from, va, pte);
  const bool marked = A::pte_soft_dirty(pte);
  for (unsigned i = 1; i < nr; ++i)
    if (A::pte_dirty(ptep_get({from.table, from.index + i}))) pte = A::pte_mkdirty(pte);
  if (!marked) pte = A::pte_clear_soft_dirty(pte);  // pte_mkdirty
  if (!site.cow) pte = A::pte_mkclean(pte);
  set_ptes<A>(site.child, to, va, A::pte_mkold(A::pte_clear_uffd_wp(pte)), nr);
}

// Both PTLs are held. Returns how many entries it took care of, one or a run of pages of one folio; room:
// how many there may be. 0: no memory.
template <ArchBackend A>
unsigned copy_present_ptes(
    const copy_site& site, pte_ref to, pte_ref from, vaddr_t va, std::uint64_t room) noexcept {
  const pte_t pte = ptep_get(from);
  if (A::pte_none(pte)) return 1;
  if (!A::pte_present(pte)) {
    copy_nonpresent_pte<A>(site, to, from, va);
    return 1;
  }
  page* p = pfn_to_page(A::pte_pfn(pte));
  const unsigned nr = dup_anon_pages<A>(site, from, p, room);
  if (nr == 0) return copy_present_page<A>(site, to, pte, va) ? 1 : 0;
  folio_ref_add(p, static_cast<int>(nr));
  folio_add_rmap_ptes(p, nr);
  if (!page_test(p, PG_reserved)) site.child.rss.fetch_add(nr, order::relaxed);
  share_ptes<A>(site, to, from, va, pte, nr);
  return nr;
}

// One PTE table. The child's lock first, the parent's inside it; nobody else has the child's.
template <ArchBackend A>
bool copy_pte_range(const copy_site& site, vaddr_t start, vaddr_t end) noexcept {
  if (!table_alloc<A>(site.child, start)) return false;
  pte_ref to = pte_offset_map_lock<A>(site.child, start);
  pte_ref from = pte_offset_map_lock<A>(site.parent, start);
  const pte_ref to_lock = to, from_lock = from;
  unsigned nr = 1;
  enter_lazy_mmu_mode<A>();
  for (vaddr_t va = start; nr != 0 && va < end; va += nr * page_size) {
    nr = copy_present_ptes<A>(site, to, from, va, (end - va) >> page_shift);
    to.index += nr;
    from.index += nr;
  }
  leave_lazy_mmu_mode<A>();
  pte_unmap_unlock(site.parent, from_lock);
  pte_unmap_unlock(site.child, to_lock);
  return nr != 0;
}

// An area that no anonymous page was ever put into can be filled again by faults.
inline bool vma_needs_copy(const vm_area_struct& vma) noexcept {
  return vma.anon_vma.load(order::relaxed) != nullptr;
}

template <ArchBackend A>
bool copy_tables(const copy_site& site, const vm_area_struct& vma) noexcept {
  for (vaddr_t va = vma.vm_start; va < vma.vm_end;) {
    const vaddr_t next = span_end(va, vma.vm_end, 1);
    if (is_huge<A>(site.parent, va)) {  // never reaches over the end of an area
      const CopyHuge copied = copy_huge_pmd<A>(site.child, site.parent, va);
      if (copied == CopyHuge::oom) return false;
      if (copied == CopyHuge::copied) {
        va = next;
        continue;
      }
    }
    const bool present = find_table<A>(site.parent, va, 0) != nullptr;
    if (present && !copy_pte_range<A>(site, va, next)) return false;
    va = next;
  }
  return true;
}

}  // namespace detail

template <ArchBackend A>
bool copy_page_range(const vm_area_struct& area, vm_area_struct& vma) noexcept {
  mm_struct& child = *area.vm_mm;
  mm_struct& parent = *vma.vm_mm;
  if (!detail::vma_needs_copy(vma)) return true;
  const detail::copy_site site{child, parent, area, is_cow_mapping(vma)};
  if (site.cow) {
    parent.write_protect_seq.write_begin();
    // Odd before the look at the pins: whoever pins after it sees the odd number when it looks
    // again. Pairs with the pin, a full barrier, before read_retry in get_user_pages_fast_only.
    smp_mb(Fence::fork_pin);
  }
  const bool copied = detail::copy_tables<A>(site, vma);
  if (site.cow) parent.write_protect_seq.write_end();
  return copied;
}

}  // namespace tlblab::inline TLBLAB_WORLD
