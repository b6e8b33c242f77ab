// SPDX-License-Identifier: GPL-2.0-or-later
// Entries that name a slot of swap. Who makes them is vmscan.tcc, who takes them back fault.tcc.
#pragma once

#include "mm/swap.h"
#include "mm/swapops.h"

namespace tlblab::inline TLBLAB_WORLD {

// Takes the entry away and its count. PTL held; no TLB has it, nothing is to be recorded.
template <ArchBackend A>
void free_swap_pte(mm_struct& mm, pte_ref ref, vaddr_t va, pte_t pte) noexcept {
  set_pte_at(mm, ref, va, {});
  if (is_migration_pte<A>(pte))
    mm.rss.fetch_sub(1, order::relaxed);
  else
    swap_free(A::pte_swap_entry(pte));
}

// fork, of a page under migration: neither is alone with it, nor may write without a fault. Both PTLs held.
template <ArchBackend A>
void copy_migration_pte(
    mm_struct& child, pte_ref to, mm_struct& parent, pte_ref from, vaddr_t va) noexcept {
  const pte_t pte = ptep_get(from);
  const std::uint64_t offset = migration_entry<A>(pte) & ~std::uint64_t{SWP_MIGRATION_WRITE};
  const pte_t plain = A::mk_swap_pte({SwapType::swap, offset});
  const pte_t shared = A::pte_swp_soft_dirty(pte) ? A::pte_swp_mksoft_dirty(plain) : plain;
  child.rss.fetch_add(1, order::relaxed);
  set_pte_at(child, to, va, shared);
  const pte_t left = A::pte_swp_uffd_wp(pte) ? A::pte_swp_mkuffd_wp(shared) : shared;
  if (left != pte) set_pte_at(parent, from, va, left);
}

// fork. Parent and child name the slot; neither is alone with it now. Both PTLs held.
template <ArchBackend A>
void copy_swap_pte(
    mm_struct& child, pte_ref to, mm_struct& parent, pte_ref from, vaddr_t va) noexcept {
  const pte_t pte = ptep_get(from);
  if (is_migration_pte<A>(pte)) return copy_migration_pte<A>(child, to, parent, from, va);
  const swp_entry_t entry = A::pte_swap_entry(pte);
  const pte_t plain = A::mk_swap_pte(entry);
  const pte_t shared = A::pte_swp_soft_dirty(pte) ? A::pte_swp_mksoft_dirty(plain) : plain;
  swap_duplicate(entry);
  set_pte_at(child, to, va, shared);
  if (!A::pte_swp_exclusive(pte)) return;
  set_pte_at(parent, from, va, A::pte_swp_uffd_wp(pte) ? A::pte_swp_mkuffd_wp(shared) : shared);
}

}  // namespace tlblab::inline TLBLAB_WORLD
