// SPDX-License-Identifier: GPL-2.0-or-later
// Putting one mapped page out to swap. Kernel: try_to_unmap_one in rmap.c and the part of vmscan.c
// that writes the page and frees it.
//
// The entry is cleared and invalidated; then pins are looked for, and the page's exclusivity goes
// into the swap entry; only after that it is written. So nothing writes to the page meanwhile, and
// a device that has it pinned keeps it.
#pragma once

#include <cerrno>

#include "mm/gup.h"
#include "mm/swap.h"

namespace tlblab::inline TLBLAB_WORLD {

// An entry that is not empty, not present, and names a slot.
template <ArchBackend A>
bool is_swap_pte(pte_t pte) noexcept {
  return !A::pte_none(pte) && !A::pte_present(pte) && A::pte_swap_entry(pte).type == SwapType::swap;
}

// Takes the entry away and its count. PTL held; no TLB has it, nothing is to be recorded.
template <ArchBackend A>
void free_swap_pte(mm_struct& mm, pte_ref ref, vaddr_t va, pte_t pte) noexcept {
  set_pte_at(mm, ref, va, {});
  swap_free(A::pte_swap_entry(pte));
}

// fork. Parent and child name the slot; neither is alone with it now. Both PTLs held.
template <ArchBackend A>
void copy_swap_pte(
    mm_struct& child, pte_ref to, mm_struct& parent, pte_ref from, vaddr_t va) noexcept {
  const pte_t pte = ptep_get(from);
  const swp_entry_t entry = A::pte_swap_entry(pte);
  const pte_t shared = A::mk_swap_pte(entry);
  swap_duplicate(entry);
  set_pte_at(child, to, va, shared);
  if (!A::pte_swp_exclusive(pte)) return;
  set_pte_at(parent, from, va, A::pte_swp_uffd_wp(pte) ? A::pte_swp_mkuffd_wp(shared) : shared);
}

namespace detail {

// The anonymous page that va shows, with a reference; null: there is none.
template <ArchBackend A>
page* get_anon_page(mm_struct& mm, vaddr_t va) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(mm, va);
  if (!ref) return nullptr;
  const pte_t pte = ptep_get(ref);
  page* p = A::pte_present(pte) ? pfn_to_page(A::pte_pfn(pte)) : nullptr;
  if (p != nullptr && (folio_test_large(p) || !page_test(p, PG_anon))) p = nullptr;
  if (p != nullptr) get_page(p);
  pte_unmap_unlock(mm, ref);
  return p;
}

template <ArchBackend A>
pte_t swap_pte_for(page* p, pte_t was, bool exclusive) noexcept {
  const pte_t pte = A::mk_swap_pte(folio_swap_entry(p));
  const pte_t noted = A::pte_uffd_wp(was) ? A::pte_swp_mkuffd_wp(pte) : pte;
  return exclusive ? A::pte_swp_mkexclusive(noted) : noted;
}

// PTL held; the entry maps p, and p is in the swap cache. False: pinned.
template <ArchBackend A>
bool unmap_to_swap(mm_struct& mm, pte_ref ref, vaddr_t va, page* p) noexcept {
  const pte_t was = ptep_clear_flush<A>(mm, ref, va);
  const bool exclusive = page_test(p, PG_anon_exclusive);
  if (exclusive && !folio_try_share_anon_rmap_pte(p)) {
    set_pte_at(mm, ref, va, was);
    return false;
  }
  swap_duplicate(folio_swap_entry(p));
  set_pte_at(mm, ref, va, swap_pte_for<A>(p, was, exclusive));
  mm.rss.fetch_sub(1, order::relaxed);
  folio_remove_rmap_pte(p);
  return true;
}

// The caller holds a reference on p. 0 or -errno.
template <ArchBackend A>
std::int64_t try_to_unmap_one(mm_struct& mm, vaddr_t va, page* p) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(mm, va);
  if (!ref) return -ENOENT;
  const pte_t pte = ptep_get(ref);
  const bool maps = A::pte_present(pte) && A::pte_pfn(pte) == p->pfn;
  const bool unmapped = maps && unmap_to_swap<A>(mm, ref, va, p);
  pte_unmap_unlock(mm, ref);
  if (unmapped) put_page(p);  // the mapping's
  return unmapped ? 0 : maps ? -EBUSY : -ENOENT;
}

// The page's slot is held; gives it back. 0 or -errno.
template <ArchBackend A>
std::int64_t swap_out_held(mm_struct& mm, vaddr_t va, page* p) noexcept {
  const swp_entry_t entry = folio_swap_entry(p);
  std::int64_t error = try_to_unmap_one<A>(mm, va, p);
  if (error == 0 && !swap_writepage(p)) error = -ENOMEM;
  if (error == 0) delete_from_swap_cache(p);
  swap_release(entry);
  return error;
}

}  // namespace detail

// Puts the anonymous page at va out, and frees it unless somebody else has it. 0; -ENOENT: no such
// page; -ENOMEM: no slot, or no memory for the contents (the page stays in the swap cache then);
// -EBUSY: pinned. REQUIRES: mmap_lock for reading.
template <ArchBackend A>
std::int64_t swap_out_page(mm_struct& mm, vaddr_t va) noexcept {
  va &= page_mask;
  page* p = detail::get_anon_page<A>(mm, va);
  if (p == nullptr) return -ENOENT;
  const std::int64_t error = folio_alloc_swap(p) ? detail::swap_out_held<A>(mm, va, p) : -ENOMEM;
  put_page(p);
  return error;
}

}  // namespace tlblab::inline TLBLAB_WORLD
