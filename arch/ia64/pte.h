// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of Itanium. Kernel of 2017: asm/pgtable.h. Rights are three bits that name a combination
// (AR); of the four that programs get, the upper one of two bits says write and the lower one execute.
//
// Hardware sets nothing: an access to an entry without A is an exception, and so is a store to one without D.
// The handlers of ivt.S set the bit (exceptions.cpp).
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD {

struct ia64_bits {
  using bits = std::uint64_t;
  static constexpr bits valid = 1ULL << 0;        // P
  static constexpr bits accessed = 1ULL << 5;     // A
  static constexpr bits dirty = 1ULL << 6;        // D
  static constexpr bits exec = 1ULL << 9;         // AR: RX, RWX
  static constexpr bits write = 1ULL << 10;       // AR: RW, RWX
  static constexpr bits leaf = 1ULL << 53;        // ignored by hardware
  static constexpr bits uffd_wp = 1ULL << 54;     // the kernel has no such bit here
  static constexpr bits soft_dirty = 1ULL << 55;  // the kernel has no such bit here
  static constexpr bits protnone = 1ULL << 63;
  static constexpr bits no_exec = 0, software = 0;
  static constexpr bits table = valid;
  static constexpr unsigned pfn_shift = page_shift, pfn_bits = 38;
  static constexpr bits swp_exclusive = 1ULL << 7, swp_uffd_wp = 1ULL << 3, swp_mark = 1ULL << 4;
  static constexpr bits swp_soft_dirty = 1ULL << 5;
  static constexpr unsigned swp_type_shift = 62, swp_offset_shift = 12;
};

struct ia64_pte : generic::pte_bits<ia64_bits>, ia64_bits {
  using bits = std::uint64_t;

  // What an access finds without an exception.
  static constexpr bool hw_present(pte_t pte) noexcept {
    return (pte.val & (valid | accessed)) == (valid | accessed);
  }
  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (access == Access::write) return (pte.val & (write | dirty)) == (write | dirty);
    return access == Access::read || has(pte, exec);
  }

  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
