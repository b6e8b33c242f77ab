// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of user-mode Linux. Kernel: arch/um/include/asm/pgtable.h.
//
// No hardware reads them: they say what the host is to map. It maps a page to be read if it is young, and to
// be written if it is dirty too and may be written; so software learns of both by faults. In the kernel what
// can be read can be executed; here there is a bit for that.
//
// Left out: NEWPAGE and NEWPROT, which spare the host a call for what has not changed. Leaves of upper levels,
// which um has not, have a bit of their own.
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD {

struct um_bits {
  using bits = std::uint64_t;
  static constexpr bits valid = 1ULL << 0;  // _PAGE_PRESENT
  static constexpr bits protnone = 1ULL << 4;
  static constexpr bits write = 1ULL << 5;  // _PAGE_RW
  static constexpr bits accessed = 1ULL << 7;
  static constexpr bits dirty = 1ULL << 8;
  static constexpr bits leaf = 1ULL << 9;
  static constexpr bits uffd_wp = 1ULL << 11;     // the kernel has no such bit here
  static constexpr bits soft_dirty = 1ULL << 10;  // the kernel has no such bit here
  static constexpr bits no_exec = 1ULL << 2;
  static constexpr bits exec = 0, software = 0;
  static constexpr bits table = valid;
  static constexpr unsigned pfn_shift = page_shift, pfn_bits = 36;
  static constexpr bits swp_exclusive = 1ULL << 10, swp_uffd_wp = 1ULL << 3, swp_mark = 1ULL << 6;
  static constexpr bits swp_soft_dirty = 1ULL << 5;
  static constexpr unsigned swp_type_shift = 62, swp_offset_shift = 12;
};

struct um_pte : generic::pte_bits<um_bits>, um_bits {
  using bits = std::uint64_t;

  // What the host's mapping of it allows.
  static constexpr bool hw_present(pte_t pte) noexcept {
    return (pte.val & (valid | accessed)) == (valid | accessed);
  }
  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (access == Access::write) return (pte.val & (write | dirty)) == (write | dirty);
    return access == Access::read || !has(pte, no_exec);
  }

  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
