// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of SuperH with the extended TLB (SH-X2). Kernel: asm/pgtable_32.h. The right to execute
// is a bit of the upper half there, and frame numbers have 36 bits here.
//
// Hardware takes V, the rights and D (a store to an entry without it is an exception) from what is loaded
// into the TLB; accessed is software's alone, set by the handler that loads an entry.
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD {

struct sh_bits {
  using bits = std::uint64_t;
  static constexpr bits dirty = 1ULL << 2;  // D
  static constexpr bits write = 1ULL << 5;  // PR0
  static constexpr bits leaf = 1ULL << 7;   // SZ1
  static constexpr bits valid = 1ULL << 8;  // V
  static constexpr bits protnone = 1ULL << 9;
  static constexpr bits accessed = 1ULL << 10;
  static constexpr bits special = 1ULL << 11;
  static constexpr bits exec = 1ULL << 56;        // EPR0
  static constexpr bits uffd_wp = 1ULL << 58;     // the kernel has no such bit here
  static constexpr bits soft_dirty = 1ULL << 59;  // the kernel has no such bit here
  static constexpr bits no_exec = 0;
  static constexpr bits software = special;
  static constexpr bits table = valid;  // for the kernel: hardware does not read tables
  static constexpr unsigned pfn_shift = page_shift, pfn_bits = 36;
  static constexpr bits swp_exclusive = 1ULL << 6, swp_uffd_wp = 1ULL << 3, swp_mark = 1ULL << 4;
  static constexpr bits swp_soft_dirty = 1ULL << 5;
  static constexpr unsigned swp_type_shift = 62, swp_offset_shift = 12;
};

struct sh_pte : generic::pte_bits<sh_bits>, sh_bits {
  using bits = std::uint64_t;
  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
