// SPDX-License-Identifier: GPL-2.0-or-later
// The encoding of x86 entries.
#include "arch/x86/pte.h"

#include <gtest/gtest.h>

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using x = x86_pte;

constexpr pfn_t high_pfn = (1ULL << 40) - 1;
constexpr std::uint32_t rw = VM_READ | VM_WRITE;
constexpr std::uint32_t shared_rw = rw | VM_SHARED;

TEST(X86Pte, AnEntryIsWhatItWasMadeOf) {
  for (const pfn_t pfn : {pfn_t{0}, pfn_t{1}, high_pfn})
    for (const std::uint32_t prot : {std::uint32_t{VM_READ}, rw, shared_rw, VM_READ | VM_EXEC}) {
      const pte_t pte = x::mk_pte(pfn, prot);
      EXPECT_EQ(x::pte_pfn(pte), pfn);
      EXPECT_TRUE(x::pte_present(pte) && x::hw_present(pte) && x::pte_young(pte));
      EXPECT_FALSE(x::pte_none(pte) || x::pte_dirty(pte) || x::pte_protnone(pte));
      EXPECT_FALSE(x::pmd_leaf(pte));
      EXPECT_EQ(x::pte_write(pte), prot == shared_rw) << "private memory starts read-only";
      EXPECT_EQ(x::hw_allows(pte, Access::exec), (prot & VM_EXEC) != 0);
      EXPECT_TRUE(x::hw_allows(pte, Access::read));
      EXPECT_EQ(x::hw_allows(pte, Access::write), prot == shared_rw);
    }
}

TEST(X86Pte, NoAccessIsPresentForTheKernelOnly) {
  const pte_t pte = x::mk_pte(high_pfn, 0);
  EXPECT_TRUE(x::pte_present(pte) && x::pte_protnone(pte));
  EXPECT_FALSE(x::hw_present(pte) || x::pte_none(pte));
  EXPECT_EQ(x::pte_pfn(pte), high_pfn);
  for (const Access access : {Access::read, Access::write, Access::exec})
    EXPECT_FALSE(x::hw_allows(pte, access));
}

TEST(X86Pte, ATableIsNoLeafAndForbidsNothing) {
  const pte_t entry = x::mk_table(5);
  EXPECT_EQ(x::pte_pfn(entry), 5U);
  EXPECT_TRUE(x::hw_present(entry) && !x::pmd_leaf(entry));
  for (const Access access : {Access::read, Access::write, Access::exec})
    EXPECT_TRUE(x::hw_allows(entry, access));
}

TEST(X86Pte, AHugeLeafKeepsItsSizeWhenItsProtectionChanges) {
  const pte_t huge = x::pmd_mkhuge(x::mk_pte(512, rw));
  EXPECT_TRUE(x::pmd_leaf(huge) && x::pmd_leaf(x::pte_modify(huge, VM_READ)));
  EXPECT_TRUE(x::pmd_leaf(x::pte_modify(huge, 0)) && x::pte_protnone(x::pte_modify(huge, 0)));
  EXPECT_EQ(x::pmd_clrhuge(huge), x::mk_pte(512, rw));
}

TEST(X86Pte, ASwapEntryIsNeitherNoneNorPresent) {
  constexpr std::uint64_t last_slot = (1ULL << 40) - 1;
  for (const SwapType type : {SwapType::swap, SwapType::marker})
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{1}, last_slot}) {
      const swp_entry_t entry{type, offset};
      for (const pte_t pte : {x::mk_swap_pte(entry), x::pte_swp_mkexclusive(x::mk_swap_pte(entry)),
                              x::pte_swp_mkuffd_wp(x::mk_swap_pte(entry))}) {
        EXPECT_FALSE(x::pte_none(pte) || x::pte_present(pte) || x::hw_present(pte));
        EXPECT_FALSE(x::pmd_leaf(pte));
        EXPECT_EQ(x::pte_swap_entry(pte), entry);
      }
    }
  const pte_t plain = x::mk_swap_pte({SwapType::swap, 3});
  EXPECT_FALSE(x::pte_swp_exclusive(plain) || x::pte_swp_uffd_wp(plain));
  EXPECT_TRUE(x::pte_swp_exclusive(x::pte_swp_mkexclusive(plain)));
  EXPECT_TRUE(x::pte_swp_uffd_wp(x::pte_swp_mkuffd_wp(plain)));
  EXPECT_EQ(x::pte_swp_clear_uffd_wp(x::pte_swp_mkuffd_wp(plain)), plain);
}

TEST(X86Pte, WatchedByUserfaultfdIsWriteProtectedAndStaysWatched) {
  const pte_t pte = x::pte_mkuffd_wp(x::mk_pte(9, shared_rw));
  EXPECT_TRUE(x::pte_uffd_wp(pte) && !x::pte_write(pte));
  EXPECT_TRUE(x::pte_uffd_wp(x::pte_modify(pte, VM_READ)));
  EXPECT_FALSE(x::pte_uffd_wp(x::pte_clear_uffd_wp(pte)));
}

TEST(X86Pte, EachChangeChangesOneThing) {
  const pte_t pte = x::mk_pte(7, VM_READ);
  struct Change {
    pte_t (*set)(pte_t) noexcept;
    pte_t (*clear)(pte_t) noexcept;
    bool (*test)(pte_t) noexcept;
  };
  for (const Change& c : {Change{x::pte_mkwrite, x::pte_wrprotect, x::pte_write},
                          Change{x::hw_mkdirty, x::pte_mkclean, x::pte_dirty},
                          Change{x::pte_mksoft_dirty, x::pte_clear_soft_dirty, x::pte_soft_dirty},
                          Change{x::pte_mkyoung, x::pte_mkold, x::pte_young}}) {
    const pte_t with = c.set(pte), without = c.clear(pte);
    EXPECT_TRUE(c.test(with) && !c.test(without));
    EXPECT_EQ(std::popcount(with.val ^ without.val), 1);
    EXPECT_EQ(c.clear(with), without);
    EXPECT_EQ(c.set(without), with);
  }
}

// Software marks what it makes dirty; hardware does not know the mark, and cleaning leaves it.
TEST(X86Pte, OnlySoftwareMakesSoftDirty) {
  const pte_t pte = x::mk_pte(7, rw);
  EXPECT_FALSE(x::pte_soft_dirty(pte) || x::pte_soft_dirty(x::hw_mkdirty(pte)));
  EXPECT_EQ(x::pte_mkdirty(pte), x::pte_mksoft_dirty(x::hw_mkdirty(pte)));
  EXPECT_TRUE(x::pte_soft_dirty(x::pte_mkclean(x::pte_mkdirty(pte))));
}

// What a change of protection keeps: the frame, A, D and the bits of software.
TEST(X86Pte, ModifyKeepsWhatIsNoProtection) {
  for (const std::uint32_t from : {0U, std::uint32_t{VM_READ}, rw, shared_rw, rw | VM_EXEC})
    for (const std::uint32_t to : {0U, std::uint32_t{VM_READ}, rw, shared_rw, rw | VM_EXEC}) {
      pte_t pte = x::mk_pte(high_pfn, from);
      pte.val |= x::software | x::dirty;
      const pte_t now = x::pte_modify(pte, to);
      EXPECT_EQ(now.val & (x::software | x::dirty), x::software | x::dirty);
      EXPECT_EQ(x::pte_pfn(now), high_pfn);
      EXPECT_EQ(now.val & ~(x::software | x::dirty), x::mk_pte(high_pfn, to).val);
      EXPECT_EQ(x::pte_protnone(now), to == 0);
    }
  EXPECT_FALSE(x::pte_dirty(x::pte_modify(x::mk_pte(1, rw), VM_READ)));
}

TEST(X86Pte, WhichChangesNeedAFlush) {
  const pte_t r = x::mk_pte(7, VM_READ), writable = x::pte_mkwrite(r), none{};
  const pte_t no_access = x::mk_pte(7, 0), fetchable = x::mk_pte(7, VM_READ | VM_EXEC);
  struct Row {
    const char* what;
    pte_t was, now;
    bool flush;
  };
  const Row rows[] = {
      {"nothing", r, r, false},
      {"none to present", none, writable, false},
      {"present to none", r, none, true},
      {"write taken", writable, r, true},
      {"write given", r, writable, true},  // as measured
      {"fetch taken", fetchable, r, true},
      {"fetch given", r, fetchable, true},
      {"access taken", r, no_access, true},
      {"access given", no_access, r, false},
      {"no access to none", no_access, none, false},
      {"dirty cleared", x::pte_mkdirty(writable), writable, true},
      {"dirty set", writable, x::pte_mkdirty(writable), false},
      {"young cleared", r, x::pte_mkold(r), false},
      {"young set", x::pte_mkold(r), r, false},
      {"another frame", r, x::mk_pte(8, VM_READ), true},
      {"bits of software", r, {r.val | x::software}, false},
      {"bits of software taken", {r.val | x::software}, r, false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(x::pte_needs_flush(row.was, row.now), row.flush) << row.what;
}

// While a huge entry is being replaced: not none, a leaf, and nothing for hardware.
TEST(X86Pte, AnInvalidHugeEntryIsThereForTheKernelOnly) {
  for (const std::uint32_t prot : {0U, rw}) {
    const pte_t huge = x::pte_mkdirty(x::pmd_mkhuge(x::mk_pte(512, prot)));
    const pte_t invalid = x::pmd_mkinvalid(huge);
    EXPECT_TRUE(x::pmd_leaf(invalid));
    EXPECT_FALSE(x::pte_none(invalid) || x::hw_present(invalid));
    EXPECT_EQ(x::pte_pfn(invalid), 512U);
    EXPECT_TRUE(x::pte_dirty(invalid));
  }
}

TEST(X86Pte, AdvancingChangesTheFrameOnly) {
  const pte_t pte = x::pte_mkdirty(x::mk_pte(512, rw));
  const pte_t next = x::pte_advance_pfn(pte, 511);
  EXPECT_EQ(x::pte_pfn(next), 1023U);
  EXPECT_EQ(x::pte_advance_pfn(next, 0 - pfn_t{511}), pte) << "and back";
  EXPECT_EQ(next.val & ~x::pfn_mask, pte.val & ~x::pfn_mask);
}

TEST(X86Pte, AHugeEntryIsFlushedForAClearedABitToo) {
  const pte_t young = x::pmd_mkhuge(x::mk_pte(512, rw));
  EXPECT_TRUE(x::huge_pmd_needs_flush(young, x::pte_mkold(young)));
  EXPECT_FALSE(x::pte_needs_flush(young, x::pte_mkold(young)));
  EXPECT_FALSE(x::huge_pmd_needs_flush(x::pte_mkold(young), young));
  EXPECT_TRUE(x::huge_pmd_needs_flush(young, x::pte_mkwrite(young)));
  EXPECT_FALSE(x::huge_pmd_needs_flush(x::pmd_mkinvalid(young), young)) << "hardware had nothing";
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
