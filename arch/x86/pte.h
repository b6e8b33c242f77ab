// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of x86-64. Intel SDM vol. 3 section 4.5; kernel: pgtable_types.h. Pure
// functions of an entry; arch/x86/x86.h makes them part of the backend.
//
// An entry of PROT_NONE memory is present for the kernel and not for the hardware: bit 0 clear,
// bit 8 (global, meaningless then) set.
#pragma once

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD {

struct x86_pte {
  using bits = std::uint64_t;
  static constexpr bits present = 1ULL << 0;
  static constexpr bits rw = 1ULL << 1;
  static constexpr bits user = 1ULL << 2;
  static constexpr bits accessed = 1ULL << 5;
  static constexpr bits dirty = 1ULL << 6;
  static constexpr bits pse = 1ULL << 7;  // above the PTEs: a leaf
  static constexpr bits protnone = 1ULL << 8;
  static constexpr bits special = 1ULL << 9;
  static constexpr bits uffd_wp = 1ULL << 10;
  static constexpr bits soft_dirty = 1ULL << 11;
  static constexpr bits nx = 1ULL << 63;
  // Of an entry that is not present; bits 0, 7 and 8 stay clear.
  static constexpr bits swp_exclusive = 1ULL << 1;
  static constexpr bits swp_uffd_wp = 1ULL << 2;
  static constexpr bits swp_soft_dirty = 1ULL << 4;
  static constexpr bits swp_mark = 1ULL << 3;  // tells a swap entry 0 from none
  static constexpr unsigned swp_offset_shift = 14, swp_type_shift = 59;
  static constexpr bits pfn_mask = ((1ULL << 52) - 1) & page_mask;
  static constexpr bits software = special | uffd_wp | soft_dirty;
  // What a change of protection keeps.
  static constexpr bits kept = pfn_mask | accessed | dirty | pse | software;

  static constexpr bool has(pte_t pte, bits which) noexcept { return (pte.val & which) != 0; }
  static constexpr pte_t with(pte_t pte, bits which) noexcept { return {pte.val | which}; }
  static constexpr pte_t without(pte_t pte, bits which) noexcept { return {pte.val & ~which}; }

  // Protection bits of an area's flags. Private writable memory starts read-only: the first write
  // makes a copy or finds that none is needed.
  static constexpr std::uint64_t protection(std::uint32_t prot) noexcept {
    if ((prot & vm_access_flags) == 0) return protnone | accessed;
    constexpr std::uint32_t shared_write = VM_SHARED | VM_WRITE;
    return present | user | accessed | ((prot & shared_write) == shared_write ? rw : 0) |
           ((prot & VM_EXEC) != 0 ? 0 : nx);
  }

  static constexpr pte_t mk_pte(pfn_t pfn, std::uint32_t prot) noexcept {
    return {pfn << page_shift | protection(prot)};
  }
  static constexpr pte_t mk_table(pfn_t pfn) noexcept {
    return {pfn << page_shift | present | rw | user | accessed};
  }
  static constexpr bool pte_none(pte_t pte) noexcept { return pte.val == 0; }
  static constexpr bool pte_present(pte_t pte) noexcept { return has(pte, present | protnone); }
  static constexpr bool pte_protnone(pte_t pte) noexcept {
    return has(pte, protnone) && !has(pte, present);
  }
  static constexpr bool pte_write(pte_t pte) noexcept { return has(pte, rw); }
  static constexpr bool pte_dirty(pte_t pte) noexcept { return has(pte, dirty); }
  static constexpr bool pte_young(pte_t pte) noexcept { return has(pte, accessed); }
  static constexpr bool pmd_leaf(pte_t pte) noexcept { return has(pte, pse); }
  static constexpr pfn_t pte_pfn(pte_t pte) noexcept { return (pte.val & pfn_mask) >> page_shift; }
  static constexpr pte_t pte_mkwrite(pte_t pte) noexcept { return with(pte, rw); }
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept { return without(pte, rw); }
  static constexpr pte_t pte_mkdirty(pte_t pte) noexcept { return with(pte, dirty | soft_dirty); }
  static constexpr pte_t pte_mkclean(pte_t pte) noexcept { return without(pte, dirty); }
  static constexpr pte_t pte_mkyoung(pte_t pte) noexcept { return with(pte, accessed); }
  static constexpr pte_t pte_mkold(pte_t pte) noexcept { return without(pte, accessed); }
  static constexpr pte_t pte_modify(pte_t pte, std::uint32_t prot) noexcept {
    return {(pte.val & kept) | protection(prot)};
  }
  static constexpr bool pte_uffd_wp(pte_t pte) noexcept { return has(pte, uffd_wp); }
  // Write-protected too: the bit and the right are never seen together.
  static constexpr pte_t pte_mkuffd_wp(pte_t pte) noexcept {
    return with(without(pte, rw), uffd_wp);
  }
  static constexpr pte_t pte_clear_uffd_wp(pte_t pte) noexcept { return without(pte, uffd_wp); }
  static constexpr bool pte_soft_dirty(pte_t pte) noexcept { return has(pte, soft_dirty); }
  static constexpr pte_t pte_mksoft_dirty(pte_t pte) noexcept { return with(pte, soft_dirty); }
  static constexpr pte_t pte_clear_soft_dirty(pte_t pte) noexcept {
    return without(pte, soft_dirty);
  }
  static constexpr pte_t pmd_mkhuge(pte_t pte) noexcept { return with(pte, pse); }
  static constexpr pte_t pmd_clrhuge(pte_t pte) noexcept { return without(pte, pse); }
  // A leaf for the kernel still, absent for hardware.
  static constexpr pte_t pmd_mkinvalid(pte_t pte) noexcept {
    return without(pte, present | protnone);
  }
  static constexpr pte_t pte_advance_pfn(pte_t pte, std::uint64_t frames) noexcept {
    return {pte.val + (frames << page_shift)};
  }

  static constexpr pte_t mk_swap_pte(swp_entry_t entry) noexcept {
    return {static_cast<bits>(entry.type) << swp_type_shift | entry.offset << swp_offset_shift |
            swp_mark};
  }
  static constexpr swp_entry_t pte_swap_entry(pte_t pte) noexcept {
    constexpr bits offset_mask = (1ULL << (swp_type_shift - swp_offset_shift)) - 1;
    return {static_cast<SwapType>(pte.val >> swp_type_shift),
            pte.val >> swp_offset_shift & offset_mask};
  }
  static constexpr bool pte_swp_exclusive(pte_t pte) noexcept { return has(pte, swp_exclusive); }
  static constexpr pte_t pte_swp_mkexclusive(pte_t pte) noexcept {
    return with(pte, swp_exclusive);
  }
  static constexpr bool pte_swp_uffd_wp(pte_t pte) noexcept { return has(pte, swp_uffd_wp); }
  static constexpr pte_t pte_swp_mkuffd_wp(pte_t pte) noexcept { return with(pte, swp_uffd_wp); }
  static constexpr pte_t pte_swp_clear_uffd_wp(pte_t pte) noexcept {
    return without(pte, swp_uffd_wp);
  }

  static constexpr bool pte_swp_soft_dirty(pte_t pte) noexcept { return has(pte, swp_soft_dirty); }
  static constexpr pte_t pte_swp_mksoft_dirty(pte_t pte) noexcept {
    return with(pte, swp_soft_dirty);
  }
  static constexpr pte_t pte_swp_clear_soft_dirty(pte_t pte) noexcept {
    return without(pte, swp_soft_dirty);
  }

  // What the walker looks at, and the bit that it sets: soft-dirty is software's alone.
  static constexpr bool hw_present(pte_t pte) noexcept { return has(pte, present); }
  static constexpr pte_t hw_mkdirty(pte_t pte) noexcept { return with(pte, dirty); }
  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (!has(pte, user)) return false;
    if (access == Access::write) return has(pte, rw);
    return access == Access::read || !has(pte, nx);
  }

  // No flush for what hardware looks up again (rights that a fault would find) or never cached (an
  // entry that was not present). A cleared D bit and any change of a right need one; a cleared A
  // bit alone does not, ageing is approximate. Measured on 6.18: R to RW flushes.
  static constexpr bool pte_needs_flush(pte_t was, pte_t now) noexcept {
    return needs_flush(was, now, dirty | present);
  }
  // Of a huge entry a cleared A bit counts too.
  static constexpr bool huge_pmd_needs_flush(pte_t was, pte_t now) noexcept {
    return needs_flush(was, now, dirty | present | accessed);
  }

 private:
  static constexpr bool needs_flush(pte_t was, pte_t now, bits when_cleared) noexcept {
    if (!hw_present(was)) return false;
    constexpr bits when_changed = rw | user | pse | protnone | nx | pfn_mask;
    const bits change = was.val ^ now.val;
    return (change & was.val & when_cleared) != 0 || (change & when_changed) != 0;
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
