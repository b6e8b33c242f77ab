// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of MIPS64 with RIXI. Kernel: asm/pgtable-bits.h. The lab's tables have entries of
// 64 bits and pages of 4 KiB on every architecture.
//
// What hardware takes of an entry are V, D ("dirty": stores are allowed), RI and XI. Software gives V while
// the page is young and may be read, and D while it is dirty and may be written; handlers of the TLB
// exceptions set young and dirty, and V and D with them.
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD {

struct mips_bits {
  using bits = std::uint64_t;
  static constexpr bits present = 1ULL << 0;
  static constexpr bits write = 1ULL << 1;
  static constexpr bits accessed = 1ULL << 2;
  static constexpr bits dirty = 1ULL << 3;  // _PAGE_MODIFIED
  static constexpr bits leaf = 1ULL << 4;   // _PAGE_HUGE
  static constexpr bits special = 1ULL << 5;
  static constexpr bits no_exec = 1ULL << 6;
  static constexpr bits no_read = 1ULL << 7;
  static constexpr bits valid = 1ULL << 9;      // V, _PAGE_SILENT_READ
  static constexpr bits hw_dirty = 1ULL << 10;  // D, _PAGE_SILENT_WRITE
  static constexpr bits uffd_wp = 1ULL << 58;
  static constexpr bits soft_dirty = 1ULL << 59;  // the kernel has no such bit here
  static constexpr bits exec = 0;
  static constexpr bits protnone = present;
  static constexpr bits software = special;
  static constexpr bits table = present;  // for the kernel: hardware does not read tables
  static constexpr unsigned pfn_shift = page_shift, pfn_bits = 36;
  static constexpr bits swp_exclusive = 1ULL << 2, swp_uffd_wp = 1ULL << 3, swp_mark = 1ULL << 5;
  static constexpr bits swp_soft_dirty = 1ULL << 6;
  static constexpr unsigned swp_type_shift = 62, swp_offset_shift = 12;
};

struct mips_pte : generic::pte_bits<mips_bits>, mips_bits {
  using bits = std::uint64_t;

  static constexpr pte_t settled(pte_t pte) noexcept {
    bits now = pte.val & ~(valid | hw_dirty);
    if ((now & (present | accessed | no_read)) == (present | accessed)) now |= valid;
    if ((now & (write | dirty)) == (write | dirty)) now |= hw_dirty;
    return {now};
  }
  static constexpr bits protection(std::uint32_t prot) noexcept {
    if ((prot & vm_access_flags) == 0) return present | no_read | no_exec;
    constexpr std::uint32_t shared_write = VM_SHARED | VM_WRITE;
    return present | ((prot & shared_write) == shared_write ? write : 0) |
           ((prot & VM_EXEC) != 0 ? 0 : no_exec);
  }

  static constexpr pte_t mk_pte(pfn_t pfn, std::uint32_t prot) noexcept {
    return settled({frame_of(pfn) | protection(prot) | accessed});
  }
  static constexpr bool pte_present(pte_t pte) noexcept { return has(pte, present); }
  static constexpr bool pte_protnone(pte_t pte) noexcept {
    return has(pte, present) && has(pte, no_read);
  }
  static constexpr pte_t pte_mkwrite(pte_t pte) noexcept { return settled(with(pte, write)); }
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept {
    return without(pte, write | hw_dirty);
  }
  static constexpr pte_t pte_mkdirty(pte_t pte) noexcept {
    return settled(with(pte, dirty | soft_dirty));
  }
  static constexpr pte_t pte_mkclean(pte_t pte) noexcept { return without(pte, dirty | hw_dirty); }
  static constexpr pte_t pte_mkyoung(pte_t pte) noexcept { return settled(with(pte, accessed)); }
  static constexpr pte_t pte_mkold(pte_t pte) noexcept { return without(pte, accessed | valid); }
  static constexpr pte_t pte_modify(pte_t pte, std::uint32_t prot) noexcept {
    return settled({(pte.val & kept()) | protection(prot)});
  }
  static constexpr pte_t pte_mkuffd_wp(pte_t pte) noexcept {
    return with(pte_wrprotect(pte), uffd_wp);
  }
  static constexpr pte_t pmd_mkinvalid(pte_t pmd) noexcept {
    return without(pmd, present | valid | hw_dirty);
  }

  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (access == Access::write) return has(pte, hw_dirty);
    return access == Access::read || !has(pte, no_exec);
  }
  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
