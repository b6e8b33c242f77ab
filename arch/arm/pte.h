// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of 32-bit Arm with LPAE (ARMv7 ARM B3.6; kernel: asm/pgtable-3level.h). Pure functions
// of an entry; arch/arm/arm.h makes them part of the backend.
//
// Hardware sets nothing: an entry without AF faults, and a store to one with AP2 (read-only) does. So software
// keeps young in AF, and clean as AP2: an entry may be stored to if it is dirty and not RDONLY. That, and that
// an entry of PROT_NONE memory is not valid, is what the kernel's set_pte_ext makes of an entry that it
// writes: settled().
//
// Simplified: an invalid block is told from an empty entry by being anything but 0.
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD {

struct arm_bits {
  using bits = std::uint64_t;
  static constexpr bits valid = 1ULL << 0;
  static constexpr bits not_block = 1ULL << 1;  // a table, or a last-level entry
  static constexpr bits user = 1ULL << 6;
  static constexpr bits ap2 = 1ULL << 7;
  static constexpr bits accessed = 1ULL << 10;  // AF
  static constexpr bits no_exec = 1ULL << 54;   // XN
  static constexpr bits dirty = 1ULL << 55;
  static constexpr bits special = 1ULL << 56;
  static constexpr bits protnone = 1ULL << 57;    // L_PTE_NONE
  static constexpr bits rdonly = 1ULL << 58;      // L_PTE_RDONLY
  static constexpr bits uffd_wp = 1ULL << 59;     // the kernel has no such bit here
  static constexpr bits soft_dirty = 1ULL << 60;  // the kernel has no such bit here
  static constexpr bits write = 0, exec = 0, leaf = 0;
  static constexpr bits software = special | not_block;
  static constexpr bits table = valid | not_block;
  static constexpr unsigned pfn_shift = page_shift, pfn_bits = 28;  // addresses of 40 bits
  static constexpr bits swp_exclusive = 1ULL << 7, swp_uffd_wp = 1ULL << 3, swp_mark = 1ULL << 4;
  static constexpr bits swp_soft_dirty = 1ULL << 5;
  static constexpr unsigned swp_type_shift = 62, swp_offset_shift = 12;
};

struct arm_pte : generic::pte_bits<arm_bits>, arm_bits {
  using bits = std::uint64_t;

  static constexpr pte_t settled(pte_t pte) noexcept {
    const pte_t now = has(pte, protnone) ? without(pte, valid) : pte;
    return has(now, dirty) && !has(now, rdonly) ? without(now, ap2) : with(now, ap2);
  }
  static constexpr bits protection(std::uint32_t prot) noexcept {
    if ((prot & vm_access_flags) == 0) return protnone | rdonly | no_exec;
    constexpr std::uint32_t shared_write = VM_SHARED | VM_WRITE;
    return valid | user | ((prot & shared_write) == shared_write ? 0 : rdonly) |
           ((prot & VM_EXEC) != 0 ? 0 : no_exec);
  }

  static constexpr pte_t mk_pte(pfn_t pfn, std::uint32_t prot) noexcept {
    return settled({frame_of(pfn) | protection(prot) | accessed | not_block});
  }
  static constexpr bool pte_present(pte_t pte) noexcept {
    return has(pte, valid | protnone) && !has(pte, swp_mark);
  }
  static constexpr bool pte_write(pte_t pte) noexcept { return !has(pte, rdonly); }
  static constexpr pte_t pte_mkwrite(pte_t pte) noexcept { return settled(without(pte, rdonly)); }
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept { return settled(with(pte, rdonly)); }
  static constexpr pte_t pte_mkdirty(pte_t pte) noexcept {
    return settled(with(pte, dirty | soft_dirty));
  }
  static constexpr pte_t pte_mkclean(pte_t pte) noexcept { return settled(without(pte, dirty)); }
  static constexpr pte_t pte_modify(pte_t pte, std::uint32_t prot) noexcept {
    return settled({(pte.val & kept()) | protection(prot)});
  }
  static constexpr pte_t pte_mkuffd_wp(pte_t pte) noexcept {
    return with(pte_wrprotect(pte), uffd_wp);
  }
  // Of an upper level: anything that is no table.
  static constexpr bool pmd_leaf(pte_t pmd) noexcept {
    return !pte_none(pmd) && !has(pmd, not_block);
  }
  static constexpr pte_t pmd_mkhuge(pte_t pte) noexcept { return without(pte, not_block); }
  static constexpr pte_t pmd_clrhuge(pte_t pte) noexcept { return with(pte, not_block); }

  // What the walker looks at.
  static constexpr bool hw_present(pte_t pte) noexcept {
    return (pte.val & (valid | accessed)) == (valid | accessed);
  }
  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (access == Access::write) return !has(pte, ap2);
    return access == Access::read || !has(pte, no_exec);
  }

  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
