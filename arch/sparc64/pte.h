// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of sparc64 as UltraSPARC has them (sun4u). Kernel: asm/pgtable_64.h.
//
// An entry is a TTE, ready to be loaded. Hardware knows nothing of young and dirty: an entry is valid
// only while it is young and may be read, and has the hardware's right to write only while it is dirty
// and writable; everything else is a fault. The frame number begins at bit 12 here, for the
// lab's pages are of 4 KiB, so the executable bit has moved up.
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD {

struct sparc64_bits {
  using bits = std::uint64_t;
  static constexpr bits valid = 1ULL << 63;
  static constexpr bits exec = 1ULL << 58;
  static constexpr bits no_exec = 0;
  static constexpr bits special = 1ULL << 57;
  static constexpr bits leaf = 1ULL << 56;  // _PAGE_PMD_HUGE
  static constexpr bits uffd_wp = 1ULL << 55;
  static constexpr bits soft_dirty = 1ULL << 54;  // the kernel has no such bit here
  static constexpr bits dirty = 1ULL << 11;       // _PAGE_MODIFIED
  static constexpr bits accessed = 1ULL << 10;
  static constexpr bits read = 1ULL << 9;   // software's
  static constexpr bits write = 1ULL << 8;  // software's
  static constexpr bits present = 1ULL << 7;
  static constexpr bits protnone = present;
  static constexpr bits hw_write = 1ULL << 1;  // _PAGE_W
  static constexpr bits software = special;
  static constexpr bits table = present;  // for the kernel: hardware does not read tables
  static constexpr unsigned pfn_shift = page_shift, pfn_bits = 31;
  static constexpr bits swp_exclusive = 1ULL << 2, swp_uffd_wp = 1ULL << 3, swp_mark = 1ULL << 4;
  static constexpr bits swp_soft_dirty = 1ULL << 5;
  static constexpr unsigned swp_type_shift = 62, swp_offset_shift = 12;
};

struct sparc64_pte : generic::pte_bits<sparc64_bits>, sparc64_bits {
  using bits = std::uint64_t;

  // The two bits that hardware looks at follow from what software says.
  static constexpr pte_t settled(pte_t pte) noexcept {
    constexpr bits readable = present | read | accessed, writable = write | dirty;
    bits now = pte.val & ~(valid | hw_write);
    if ((now & readable) == readable) now |= valid;
    if ((now & writable) == writable) now |= hw_write;
    return {now};
  }
  static constexpr bits protection(std::uint32_t prot) noexcept {
    if ((prot & vm_access_flags) == 0) return present;
    constexpr std::uint32_t shared_write = VM_SHARED | VM_WRITE;
    return present | read | ((prot & shared_write) == shared_write ? write : 0) |
           ((prot & VM_EXEC) != 0 ? exec : 0);
  }

  static constexpr pte_t mk_pte(pfn_t pfn, std::uint32_t prot) noexcept {
    return settled({frame_of(pfn) | protection(prot) | accessed});
  }
  static constexpr bool pte_present(pte_t pte) noexcept { return has(pte, present); }
  static constexpr bool pte_protnone(pte_t pte) noexcept {
    return has(pte, present) && !has(pte, read);
  }
  static constexpr pte_t pte_mkwrite(pte_t pte) noexcept { return settled(with(pte, write)); }
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept {
    return without(pte, write | hw_write);
  }
  static constexpr pte_t pte_mkdirty(pte_t pte) noexcept {
    return settled(with(pte, dirty | soft_dirty));
  }
  static constexpr pte_t pte_mkclean(pte_t pte) noexcept { return without(pte, dirty | hw_write); }
  static constexpr pte_t pte_mkyoung(pte_t pte) noexcept { return settled(with(pte, accessed)); }
  static constexpr pte_t pte_mkold(pte_t pte) noexcept { return without(pte, accessed | valid); }
  static constexpr pte_t pte_modify(pte_t pte, std::uint32_t prot) noexcept {
    return settled({(pte.val & kept()) | protection(prot)});
  }
  static constexpr pte_t pte_mkuffd_wp(pte_t pte) noexcept {
    return with(pte_wrprotect(pte), uffd_wp);
  }
  static constexpr pte_t pmd_mkinvalid(pte_t pmd) noexcept { return without(pmd, valid); }

  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (access == Access::write) return has(pte, hw_write);
    return access == Access::read || has(pte, exec);
  }
  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
