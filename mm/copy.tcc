// SPDX-License-Identifier: GPL-2.0-or-later
// Copying page tables for fork. Kernel: copy_page_range in memory.c, dup_mmap in fork.c.
//
// Private pages become shared between parent and child, read-only in both; the first to write
// makes a copy. The parent's other threads may go on writing through their TLBs until the one flush
// at the end; that is harmless because no copy can be decided before it: a write fault needs the
// mmap_lock that fork holds for writing (trap T62).
#pragma once

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
  bool cow;
  std::uint32_t vm_flags;  // of the child's area
};

// A page that the parent may have pinned stays the parent's, the child gets a copy at once: a later
// copy, for whoever writes first, could leave the pinned one to the child. False: no memory.
template <ArchBackend A>
bool copy_present_page(const copy_site& site, pte_ref to, pte_t pte, vaddr_t va) noexcept {
  page* fresh = alloc_page(AllocSite::user_page);
  if (fresh == nullptr) return false;
  copy_user_page(fresh, pfn_to_page(A::pte_pfn(pte)));
  page_set(fresh, PG_anon | PG_anon_exclusive | PG_swapbacked);
  folio_add_rmap_pte(fresh);
  site.child.rss.fetch_add(1, order::relaxed);
  pte = A::pte_mkdirty(A::mk_pte(fresh->pfn, site.vm_flags));
  set_pte_at(site.child, to, va, (site.vm_flags & VM_WRITE) != 0 ? A::pte_mkwrite(pte) : pte);
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

// Both PTLs are held. False: no memory.
template <ArchBackend A>
bool copy_present_pte(const copy_site& site, pte_ref to, pte_ref from, vaddr_t va) noexcept {
  pte_t pte = ptep_gather<A>(from, va, ptep_get(from));
  if (A::pte_none(pte)) return true;
  if (!A::pte_present(pte)) {
    copy_nonpresent_pte<A>(site, to, from, va);
    return true;
  }
  page* p = pfn_to_page(A::pte_pfn(pte));
  if (page_test(folio_of(p), PG_anon) && !folio_try_dup_anon_rmap_pte(site.parent, p))
    return copy_present_page<A>(site, to, pte, va);
  get_page(p);
  folio_add_rmap_pte(p);
  if (!page_test(p, PG_reserved)) site.child.rss.fetch_add(1, order::relaxed);
  if (site.cow && A::pte_write(pte)) {
    A::ptep_set_wrprotect(site.parent, va, from.word());
    const pte_t now = ptep_get(from);
    note_change(site.parent, from, va, pte, now);
    pte = A::pte_wrprotect(now);
  }
  if (!site.cow) pte = A::pte_mkclean(pte);
  set_pte_of_folio<A>(site.child, to, va, A::pte_mkold(A::pte_clear_uffd_wp(pte)));
  return true;
}

// One PTE table. The child's lock first, the parent's inside it; nobody else has the child's.
template <ArchBackend A>
bool copy_pte_range(const copy_site& site, vaddr_t start, vaddr_t end) noexcept {
  if (!table_alloc<A>(site.child, start)) return false;
  pte_ref to = pte_offset_map_lock<A>(site.child, start);
  pte_ref from = pte_offset_map_lock<A>(site.parent, start);
  const pte_ref to_lock = to, from_lock = from;
  bool copied = true;
  enter_lazy_mmu_mode<A>();
  for (vaddr_t va = start; copied && va < end; va += page_size, ++to.index, ++from.index)
    copied = copy_present_pte<A>(site, to, from, va);
  leave_lazy_mmu_mode<A>();
  pte_unmap_unlock(site.parent, from_lock);
  pte_unmap_unlock(site.child, to_lock);
  return copied;
}

// An area that no anonymous page was ever put into can be filled again by faults.
inline bool vma_needs_copy(const vm_area_struct& vma) noexcept {
  return vma.anon_vma.load(order::relaxed);
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
bool copy_page_range(mm_struct& child, mm_struct& parent, vm_area_struct& vma) noexcept {
  if (!detail::vma_needs_copy(vma)) return true;
  const detail::copy_site site{child, parent, is_cow_mapping(vma), vma.vm_flags};
  if (site.cow) {
    parent.write_protect_seq.write_begin();
    // Odd before the look at the pins: whoever pins after it sees the odd number when it looks
    // again. Pairs with the pin, a full barrier, before read_retry in get_user_pages_fast_only.
    smp_mb();
  }
  const bool copied = detail::copy_tables<A>(site, vma);
  if (site.cow) parent.write_protect_seq.write_end();
  return copied;
}

}  // namespace tlblab::inline TLBLAB_WORLD
