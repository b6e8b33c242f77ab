// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of s390. Principles of Operation, chapter 3; kernel: asm/pgtable.h. Pure functions of
// an entry; arch/s390/s390.h makes them part of the backend.
//
// Hardware knows three bits of an entry: invalid, protected, no execution. It writes none. That a page was
// used, or written, is found out by faults: the entry of an old page is invalid, that of a clean one is
// protected, and the fault sets the bit of software and takes the other away. So what hardware sees follows
// from what software says: settled().
//
// Simplified: an empty entry is 0 in the lab and invalid (0x400) in the kernel, so the walker takes what is
// not present for invalid too. Leaves of upper levels have the bits of a PTE, and one that says leaf.
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD {

struct s390_bits {
  using bits = std::uint64_t;
  static constexpr bits no_exec = 0x100, protect = 0x200, invalid = 0x400;  // hardware's
  static constexpr bits leaf = 0x800;
  static constexpr bits present = 0x001;
  static constexpr bits accessed = 0x004;  // young
  static constexpr bits dirty = 0x008;
  static constexpr bits read = 0x010;
  static constexpr bits write = 0x020;
  static constexpr bits special = 0x040;
  static constexpr bits uffd_wp = 0x080;  // the kernel has no such bit here
  static constexpr bits soft_dirty = 0x002;
  static constexpr bits software_bits = 0x0ff;
  static constexpr bits valid = present, protnone = 0, exec = 0;  // for pte_bits; see below
  static constexpr bits software = special;
  static constexpr bits table = present;
  static constexpr unsigned pfn_shift = page_shift, pfn_bits = 52;
  static constexpr bits swp_exclusive = leaf, swp_uffd_wp = uffd_wp, swp_mark = invalid | protect;
  static constexpr bits swp_soft_dirty = soft_dirty;
  static constexpr unsigned swp_type_shift = 62, swp_offset_shift = 12;
};

struct s390_pte : generic::pte_bits<s390_bits>, s390_bits {
  using bits = std::uint64_t;

  static constexpr pte_t settled(pte_t pte) noexcept {
    const bool readable = has(pte, read) && has(pte, accessed);
    const bool writable = has(pte, write) && has(pte, dirty);
    return {(pte.val & ~(invalid | protect)) | (readable ? 0 : invalid) | (writable ? 0 : protect)};
  }
  static constexpr bits protection(std::uint32_t prot) noexcept {
    if ((prot & vm_access_flags) == 0) return present | no_exec;
    constexpr std::uint32_t shared_write = VM_SHARED | VM_WRITE;
    return present | read | ((prot & shared_write) == shared_write ? write : 0) |
           ((prot & VM_EXEC) != 0 ? 0 : no_exec);
  }

  static constexpr pte_t mk_pte(pfn_t pfn, std::uint32_t prot) noexcept {
    return settled({frame_of(pfn) | protection(prot) | accessed});
  }
  static constexpr bool pte_protnone(pte_t pte) noexcept {
    return pte_present(pte) && !has(pte, read);
  }
  static constexpr pte_t pte_mkwrite(pte_t pte) noexcept { return settled(with(pte, write)); }
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept { return settled(without(pte, write)); }
  static constexpr pte_t pte_mkdirty(pte_t pte) noexcept {
    return settled(with(pte, dirty | soft_dirty));
  }
  static constexpr pte_t pte_mkclean(pte_t pte) noexcept { return settled(without(pte, dirty)); }
  static constexpr pte_t pte_mkyoung(pte_t pte) noexcept { return settled(with(pte, accessed)); }
  static constexpr pte_t pte_mkold(pte_t pte) noexcept { return settled(without(pte, accessed)); }
  static constexpr pte_t pte_modify(pte_t pte, std::uint32_t prot) noexcept {
    return settled({(pte.val & kept()) | protection(prot)});
  }
  static constexpr pte_t pte_mkuffd_wp(pte_t pte) noexcept {
    return with(pte_wrprotect(pte), uffd_wp);
  }
  static constexpr pte_t pmd_mkinvalid(pte_t pmd) noexcept { return with(pmd, invalid | protect); }

  // What the walker looks at.
  static constexpr bool hw_present(pte_t pte) noexcept {
    return (pte.val & (present | invalid)) == present;
  }
  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (access == Access::write) return !has(pte, protect);
    return access == Access::read || !has(pte, no_exec);
  }

  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
