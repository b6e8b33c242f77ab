// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of arm64, 4 KiB pages. Arm ARM D8.3; kernel: pgtable-hwdef.h, pgtable-prot.h. Pure
// functions of an entry; arch/arm64/arm64.h makes them part of the backend.
//
// Hardware keeps the dirty state (FEAT_HAFDBS): an entry that may be written (DBM, bit 51) and is clean
// has RDONLY set, and the first store clears it. Software has a dirty bit of its own, for an entry that
// may not be written any more. So "dirty" is either of the two, and who takes the right to write away
// keeps what hardware said.
//
// A table has bit 1 set and a block has not; a last-level entry has it set. An entry of PROT_NONE
// memory, and a block that is being replaced, are present and not valid (bit 11).
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD {

struct arm64_bits {
  using bits = std::uint64_t;
  static constexpr bits valid = 1ULL << 0;
  static constexpr bits not_block = 1ULL << 1;
  static constexpr bits user = 1ULL << 6;
  static constexpr bits rdonly = 1ULL << 7;
  static constexpr bits accessed = 1ULL << 10;  // AF
  static constexpr bits ng = 1ULL << 11;        // of a valid entry: not global
  static constexpr bits protnone = ng;          // PRESENT_INVALID
  static constexpr bits write = 1ULL << 51;     // DBM
  static constexpr bits cont = 1ULL << 52;      // one of 16 that go together (contpte.h)
  static constexpr bits no_exec = 1ULL << 54;   // UXN
  static constexpr bits exec = 0;
  static constexpr bits dirty = 1ULL << 55;  // software's
  static constexpr bits special = 1ULL << 56;
  static constexpr bits uffd_wp = 1ULL << 58;
  static constexpr bits soft_dirty = 1ULL << 60;  // the kernel has no such bit here
  static constexpr bits leaf = 0;                 // by not_block
  static constexpr bits software = special | rdonly | not_block;
  static constexpr bits table = valid | not_block;
  static constexpr unsigned pfn_shift = page_shift, pfn_bits = 36;
  static constexpr bits swp_exclusive = 1ULL << 2, swp_uffd_wp = 1ULL << 3, swp_mark = 1ULL << 4;
  static constexpr bits swp_soft_dirty = 1ULL << 5;
  static constexpr unsigned swp_type_shift = 62, swp_offset_shift = 12;
};

struct arm64_pte : generic::pte_bits<arm64_bits>, arm64_bits {
  using bits = std::uint64_t;

  static constexpr bits protection(std::uint32_t prot) noexcept {
    if ((prot & vm_access_flags) == 0) return protnone;
    constexpr std::uint32_t shared_write = VM_SHARED | VM_WRITE;
    return valid | user | ng | ((prot & shared_write) == shared_write ? write : 0) |
           ((prot & VM_EXEC) != 0 ? 0 : no_exec);
  }
  static constexpr bool hw_dirty(pte_t pte) noexcept {
    return has(pte, write) && !has(pte, rdonly);
  }
  static constexpr bool pte_dirty(pte_t pte) noexcept { return has(pte, dirty) || hw_dirty(pte); }

  static constexpr pte_t mk_pte(pfn_t pfn, std::uint32_t prot) noexcept {
    return {frame_of(pfn) | protection(prot) | accessed | not_block | rdonly};
  }
  // What hardware said of one entry, told by another.
  static constexpr pte_t mkdirty_alone(pte_t pte) noexcept {
    const pte_t now = with(pte, dirty);
    return pte_write(now) ? without(now, rdonly) : now;
  }
  static constexpr pte_t pte_mkdirty(pte_t pte) noexcept {
    return with(mkdirty_alone(pte), soft_dirty);
  }
  static constexpr pte_t pte_mkclean(pte_t pte) noexcept {
    return with(without(pte, dirty), rdonly);
  }
  static constexpr pte_t pte_mkwrite(pte_t pte) noexcept {
    const pte_t now = with(pte, write);
    return has(now, dirty) ? without(now, rdonly) : now;
  }
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept {
    const pte_t now = hw_dirty(pte) ? with(pte, dirty) : pte;
    return with(without(now, write), rdonly);
  }
  static constexpr pte_t pte_modify(pte_t pte, std::uint32_t prot) noexcept {
    constexpr bits kept =
        pfn_mask() | accessed | dirty | special | uffd_wp | soft_dirty | not_block;
    const pte_t was = hw_dirty(pte) ? with(pte, dirty) : pte;
    const pte_t now{(was.val & kept) | protection(prot) | rdonly};
    return has(now, dirty) ? mkdirty_alone(now) : now;
  }
  static constexpr pte_t pte_mkuffd_wp(pte_t pte) noexcept {
    return with(pte_wrprotect(pte), uffd_wp);
  }
  // Of an upper level: present and no table.
  static constexpr bool pmd_leaf(pte_t pmd) noexcept {
    return pte_present(pmd) && !has(pmd, not_block);
  }
  static constexpr pte_t pmd_mkhuge(pte_t pte) noexcept { return without(pte, not_block); }
  static constexpr pte_t pmd_clrhuge(pte_t pte) noexcept { return with(pte, not_block); }
  static constexpr pte_t pmd_mkinvalid(pte_t pmd) noexcept {
    return with(without(pmd, valid), protnone);
  }

  static constexpr bool pte_valid_cont(pte_t pte) noexcept {
    return has(pte, valid) && has(pte, cont);
  }
  static constexpr pte_t pte_mkcont(pte_t pte) noexcept { return with(pte, cont); }
  static constexpr pte_t pte_mknoncont(pte_t pte) noexcept { return without(pte, cont); }

  // What the walker looks at, and what it sets.
  static constexpr bool hw_contiguous(pte_t pte) noexcept { return pte_valid_cont(pte); }
  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (!has(pte, user)) return false;
    if (access == Access::write) return has(pte, write) || !has(pte, rdonly);
    return access == Access::read || !has(pte, no_exec);
  }
  static constexpr pte_t hw_mkdirty(pte_t pte) noexcept { return without(pte, rdonly); }

  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
