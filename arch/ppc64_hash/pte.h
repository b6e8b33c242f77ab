// SPDX-License-Identifier: GPL-2.0-or-later
// Page-table entries of 64-bit POWER with a hash page table, 4 KiB pages. Kernel: asm/book3s/64/hash.h,
// hash-4k.h. Hardware never sees them: A and D are software's, set by the hash fault.
//
// Four things are said of the entry's copy in the hash page table. BUSY: a hash fault is making or
// changing the copy, everybody else waits. HASHPTE: there may be a copy (it may have been evicted).
// F_SECOND and F_GIX: where it would be. They are of the copy, not of the page: what software makes of an
// entry does not have them (the kernel filters them in set_pte_at).
#pragma once

#include "arch/generic/book3s64.h"

namespace tlblab::inline TLBLAB_WORLD {

struct ppc64_hash_bits : generic::book3s64_bits {
  static constexpr bits busy = 1ULL << 6;
  static constexpr bits hashpte = 1ULL << 56;
  static constexpr bits f_second = 1ULL << 60;
  static constexpr unsigned f_gix_shift = 53;
  static constexpr bits f_gix = 7ULL << f_gix_shift;
  static constexpr bits hpteflags = busy | hashpte | f_second | f_gix;
};

struct ppc64_hash_pte : generic::pte_bits<ppc64_hash_bits>, ppc64_hash_bits {
  using bits = std::uint64_t;
  using Base = generic::pte_bits<ppc64_hash_bits>;

  static constexpr pte_t filter(pte_t pte) noexcept { return without(pte, hpteflags); }
  static constexpr pte_t pte_mkwrite(pte_t pte) noexcept { return filter(Base::pte_mkwrite(pte)); }
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept {
    return filter(Base::pte_wrprotect(pte));
  }
  static constexpr pte_t pte_mkdirty(pte_t pte) noexcept { return filter(Base::pte_mkdirty(pte)); }
  static constexpr pte_t pte_mkclean(pte_t pte) noexcept { return filter(Base::pte_mkclean(pte)); }
  static constexpr pte_t pte_mkyoung(pte_t pte) noexcept { return filter(Base::pte_mkyoung(pte)); }
  static constexpr pte_t pte_mkold(pte_t pte) noexcept { return filter(Base::pte_mkold(pte)); }
  static constexpr pte_t pte_mkuffd_wp(pte_t pte) noexcept {
    return filter(Base::pte_mkuffd_wp(pte));
  }
  // The one change that is stored over a present entry (userfaultfd_write): what it says of its copy
  // stays true, or the copy would be forgotten and a second one made.
  static constexpr pte_t pte_clear_uffd_wp(pte_t pte) noexcept {
    return without(Base::pte_clear_uffd_wp(pte), busy);
  }
  static constexpr pte_t pte_mksoft_dirty(pte_t pte) noexcept {
    return filter(Base::pte_mksoft_dirty(pte));
  }
  static constexpr pte_t pte_clear_soft_dirty(pte_t pte) noexcept {
    return filter(Base::pte_clear_soft_dirty(pte));
  }
  static constexpr pte_t pmd_mkhuge(pte_t pte) noexcept { return filter(Base::pmd_mkhuge(pte)); }
  static constexpr pte_t pmd_clrhuge(pte_t pte) noexcept { return filter(Base::pmd_clrhuge(pte)); }
  static constexpr pte_t pmd_mkinvalid(pte_t pmd) noexcept {
    return filter(with(without(pmd, valid), protnone));
  }

  static constexpr bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static constexpr bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
};

}  // namespace tlblab::inline TLBLAB_WORLD
