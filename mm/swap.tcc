// SPDX-License-Identifier: GPL-2.0-or-later
// Entries that name a slot of swap. Who makes them is vmscan.tcc, who takes them back fault.tcc.
#pragma once

#include "mm/pgtable.h"
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
  const pte_t plain = A::mk_swap_pte(entry);
  const pte_t shared = A::pte_swp_soft_dirty(pte) ? A::pte_swp_mksoft_dirty(plain) : plain;
  swap_duplicate(entry);
  set_pte_at(child, to, va, shared);
  if (!A::pte_swp_exclusive(pte)) return;
  set_pte_at(parent, from, va, A::pte_swp_uffd_wp(pte) ? A::pte_swp_mkuffd_wp(shared) : shared);
}

}  // namespace tlblab::inline TLBLAB_WORLD
