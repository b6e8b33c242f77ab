// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of RISC-V (Sv39 to Sv57). Privileged specification 12.3 and 12.4; kernel:
// asm/pgtable-bits.h, pgtable-64.h. Pure functions of an entry; arch/riscv/riscv.h makes them part of the
// backend.
//
// An entry that gives a right (R, W, X) is a leaf, at any level; one that gives none is a table. An entry
// of PROT_NONE memory is not valid, keeps R so that it is a leaf still, and has the global bit set.
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD {

struct riscv_bits {
  using bits = std::uint64_t;
  static constexpr bits valid = 1ULL << 0;
  static constexpr bits read = 1ULL << 1;
  static constexpr bits write = 1ULL << 2;
  static constexpr bits exec = 1ULL << 3;
  static constexpr bits no_exec = 0;
  static constexpr bits user = 1ULL << 4;
  static constexpr bits protnone = 1ULL << 5;
  static constexpr bits accessed = 1ULL << 6;
  static constexpr bits dirty = 1ULL << 7;
  static constexpr bits special = 1ULL << 8;
  static constexpr bits uffd_wp = 1ULL << 60;     // Svrsw60t59b
  static constexpr bits soft_dirty = 1ULL << 59;  // Svrsw60t59b
  static constexpr bits leaf = 0;                 // by the rights
  static constexpr bits software = special;
  static constexpr bits table = valid;
  static constexpr unsigned pfn_shift = 10, pfn_bits = 44;
  static constexpr bits swp_exclusive = accessed, swp_uffd_wp = user, swp_mark = dirty;
  static constexpr bits swp_soft_dirty = special;
  static constexpr unsigned swp_type_shift = 62, swp_offset_shift = 12;
};

struct riscv_pte : generic::pte_bits<riscv_bits>, riscv_bits {
  using bits = std::uint64_t;

  static constexpr bits protection(std::uint32_t prot) noexcept {
    if ((prot & vm_access_flags) == 0) return protnone | read;
    return pte_bits::protection(prot) | user | read;
  }
  static constexpr pte_t mk_pte(pfn_t pfn, std::uint32_t prot) noexcept {
    return {frame_of(pfn) | protection(prot) | accessed};
  }
  static constexpr pte_t pte_modify(pte_t pte, std::uint32_t prot) noexcept {
    return {(pte.val & kept()) | protection(prot)};
  }
  static constexpr bool pmd_leaf(pte_t pmd) noexcept { return has(pmd, read | write | exec); }
  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    return has(pte, user) && pte_bits::hw_allows(pte, access);
  }

  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
