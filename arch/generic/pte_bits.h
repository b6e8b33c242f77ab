// SPDX-License-Identifier: GPL-2.0-or-later
// Encodings that are one bit for each thing: Bits names them. What an architecture does otherwise (a
// right that is told by a bit being clear, no room for a bit) it overrides.
//
//   valid     hardware takes the entry for present        protnone  present for the kernel only
//   write     stores are allowed                          exec      fetches are; no_exec: they are not
//   dirty     accessed                                    leaf      of an upper level
//   software  what a change of protection keeps besides   uffd_wp   soft_dirty
//   pfn_shift pfn_bits                                    where the frame number lies
//
// An entry that is not present: swap entries have swp_mark, and neither valid nor protnone.
#pragma once

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

template <class Bits>
struct pte_bits {
  using bits = std::uint64_t;
  static constexpr bool has(pte_t pte, bits which) noexcept { return (pte.val & which) != 0; }
  static constexpr pte_t with(pte_t pte, bits which) noexcept { return {pte.val | which}; }
  static constexpr pte_t without(pte_t pte, bits which) noexcept { return {pte.val & ~which}; }

  static constexpr bits pfn_mask() noexcept {
    return ((1ULL << Bits::pfn_bits) - 1) << Bits::pfn_shift;
  }
  static constexpr bits frame_of(pfn_t pfn) noexcept { return pfn << Bits::pfn_shift; }
  static constexpr bits kept() noexcept {
    return pfn_mask() | Bits::accessed | Bits::dirty | Bits::leaf | Bits::uffd_wp |
           Bits::soft_dirty | Bits::software;
  }

  // Private writable memory starts read-only: the first write makes a copy or finds that none is needed.
  static constexpr bits protection(std::uint32_t prot) noexcept {
    if ((prot & vm_access_flags) == 0) return Bits::protnone;
    constexpr std::uint32_t shared_write = VM_SHARED | VM_WRITE;
    return Bits::valid | ((prot & shared_write) == shared_write ? Bits::write : 0) |
           ((prot & VM_EXEC) != 0 ? Bits::exec : Bits::no_exec);
  }

  static constexpr pte_t mk_pte(pfn_t pfn, std::uint32_t prot) noexcept {
    return {frame_of(pfn) | protection(prot) | Bits::accessed};
  }
  static constexpr pte_t mk_table(pfn_t pfn) noexcept { return {frame_of(pfn) | Bits::table}; }
  static constexpr bool pte_none(pte_t pte) noexcept { return pte.val == 0; }
  static constexpr bool pte_present(pte_t pte) noexcept {
    return has(pte, Bits::valid | Bits::protnone);
  }
  static constexpr bool pte_protnone(pte_t pte) noexcept {
    return has(pte, Bits::protnone) && !has(pte, Bits::valid);
  }
  static constexpr bool pte_write(pte_t pte) noexcept { return has(pte, Bits::write); }
  static constexpr bool pte_dirty(pte_t pte) noexcept { return has(pte, Bits::dirty); }
  static constexpr bool pte_young(pte_t pte) noexcept { return has(pte, Bits::accessed); }
  static constexpr bool pmd_leaf(pte_t pte) noexcept { return has(pte, Bits::leaf); }
  static constexpr pfn_t pte_pfn(pte_t pte) noexcept {
    return (pte.val & pfn_mask()) >> Bits::pfn_shift;
  }
  static constexpr pte_t pte_mkwrite(pte_t pte) noexcept { return with(pte, Bits::write); }
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept { return without(pte, Bits::write); }
  static constexpr pte_t pte_mkdirty(pte_t pte) noexcept {
    return with(pte, Bits::dirty | Bits::soft_dirty);
  }
  static constexpr pte_t pte_mkclean(pte_t pte) noexcept { return without(pte, Bits::dirty); }
  static constexpr pte_t pte_mkyoung(pte_t pte) noexcept { return with(pte, Bits::accessed); }
  static constexpr pte_t pte_mkold(pte_t pte) noexcept { return without(pte, Bits::accessed); }
  static constexpr pte_t pte_modify(pte_t pte, std::uint32_t prot) noexcept {
    return {(pte.val & kept()) | protection(prot)};
  }
  static constexpr bool pte_uffd_wp(pte_t pte) noexcept { return has(pte, Bits::uffd_wp); }
  // Write-protected too: the bit and the right are never seen together.
  static constexpr pte_t pte_mkuffd_wp(pte_t pte) noexcept {
    return with(without(pte, Bits::write), Bits::uffd_wp);
  }
  static constexpr pte_t pte_clear_uffd_wp(pte_t pte) noexcept {
    return without(pte, Bits::uffd_wp);
  }
  static constexpr bool pte_soft_dirty(pte_t pte) noexcept { return has(pte, Bits::soft_dirty); }
  static constexpr pte_t pte_mksoft_dirty(pte_t pte) noexcept {
    return with(pte, Bits::soft_dirty);
  }
  static constexpr pte_t pte_clear_soft_dirty(pte_t pte) noexcept {
    return without(pte, Bits::soft_dirty);
  }
  static constexpr pte_t pmd_mkhuge(pte_t pte) noexcept { return with(pte, Bits::leaf); }
  static constexpr pte_t pmd_clrhuge(pte_t pte) noexcept { return without(pte, Bits::leaf); }
  // A leaf for the kernel still, absent for hardware.
  static constexpr pte_t pmd_mkinvalid(pte_t pte) noexcept {
    return without(pte, Bits::valid | Bits::protnone);
  }
  static constexpr pte_t pte_advance_pfn(pte_t pte, std::uint64_t frames) noexcept {
    return {(pte.val & ~pfn_mask()) | ((pte.val + frame_of(frames)) & pfn_mask())};
  }

  static constexpr pte_t mk_swap_pte(swp_entry_t entry) noexcept {
    return {static_cast<bits>(entry.type) << Bits::swp_type_shift |
            entry.offset << Bits::swp_offset_shift | Bits::swp_mark};
  }
  static constexpr swp_entry_t pte_swap_entry(pte_t pte) noexcept {
    constexpr bits offset_mask = (1ULL << (Bits::swp_type_shift - Bits::swp_offset_shift)) - 1;
    return {static_cast<SwapType>(pte.val >> Bits::swp_type_shift & 1),
            pte.val >> Bits::swp_offset_shift & offset_mask};
  }
  static constexpr bool pte_swp_exclusive(pte_t pte) noexcept {
    return has(pte, Bits::swp_exclusive);
  }
  static constexpr pte_t pte_swp_mkexclusive(pte_t pte) noexcept {
    return with(pte, Bits::swp_exclusive);
  }
  static constexpr bool pte_swp_uffd_wp(pte_t pte) noexcept { return has(pte, Bits::swp_uffd_wp); }
  static constexpr pte_t pte_swp_mkuffd_wp(pte_t pte) noexcept {
    return with(pte, Bits::swp_uffd_wp);
  }
  static constexpr pte_t pte_swp_clear_uffd_wp(pte_t pte) noexcept {
    return without(pte, Bits::swp_uffd_wp);
  }

  static constexpr bool pte_swp_soft_dirty(pte_t pte) noexcept {
    return has(pte, Bits::swp_soft_dirty);
  }
  static constexpr pte_t pte_swp_mksoft_dirty(pte_t pte) noexcept {
    return with(pte, Bits::swp_soft_dirty);
  }
  static constexpr pte_t pte_swp_clear_soft_dirty(pte_t pte) noexcept {
    return without(pte, Bits::swp_soft_dirty);
  }

  // What the walker looks at, and the bit that it sets: soft-dirty is software's alone.
  static constexpr bool hw_present(pte_t pte) noexcept { return has(pte, Bits::valid); }
  static constexpr pte_t hw_mkdirty(pte_t pte) noexcept { return with(pte, Bits::dirty); }
  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (access == Access::write) return has(pte, Bits::write);
    if (access == Access::read) return true;
    return Bits::exec != 0 ? has(pte, Bits::exec) : !has(pte, Bits::no_exec);
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD::generic
