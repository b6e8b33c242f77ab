// SPDX-License-Identifier: GPL-2.0-or-later
// When s390 invalidates: with each entry if another CPU is attached, else once, when the debt is paid.
#include "tests/arch/s390/s390_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(S390, AloneItMarksAndFlushesOnce) {
  S390Rig rig;
  rig.run([&] {
    map<Chosen>(rig.mm(), 0, 4);
    fill<Chosen>(rig.mm(), 0, 4);
    rig.flushes();
    EXPECT_EQ(dontneed<Chosen>(rig.mm(), 0, 4), 0);
    EXPECT_THAT(rig.flushes(), ElementsAre(full_flush));
    EXPECT_FALSE(owes(rig.mm()));
    EXPECT_EQ(cached_by(0, 2), 0U);
  });
}

TEST_F(S390, BesideAnotherEachEntryIsPurgedEverywhere) {
  S390Rig rig({.machine = {.cpus = 2}});
  rig.run([&] {
    map<Chosen>(rig.mm(), 0, 4);
    fill<Chosen>(rig.mm(), 0, 4);
  });
  rig.on(1, [&] {
    use_mm<Chosen>(rig.mm());
    for (unsigned page = 0; page < 4; ++page) EXPECT_EQ(peek<Chosen>(rig.mm(), page), page + 1);
    unuse_mm<Chosen>();  // idle, and attached: it may walk
  });
  rig.run([&] {
    rig.flushes();
    dontneed<Chosen>(rig.mm(), 0, 3);
    EXPECT_THAT(rig.flushes(), ElementsAre(1, 1, 1)) << "and no debt at the end";
    EXPECT_EQ(cached_by(1, 1), 0U);
    EXPECT_EQ(cached_by(1, 3), 1U);
  });
}

TEST_F(S390, ForceAddsNothing) {
  S390Rig rig;
  rig.run([&] {
    gather_range tlb{.mm = &rig.mm()};
    rig.flushes();
    s390::arch_tlb_finish_mmu(tlb, 0, tlb_flush_all, true);
    EXPECT_THAT(rig.flushes(), IsEmpty());
    context_of<s390>(rig.mm()).flush_mm.store(1, order::relaxed);  // another gather's
    s390::arch_tlb_finish_mmu(tlb, 0, tlb_flush_all, true);
    EXPECT_THAT(rig.flushes(), ElementsAre(full_flush));
    EXPECT_FALSE(owes(rig.mm()));
  });
}

TEST_F(S390, WhoAttachesPaysTheDebtOfAnother) {
  S390Rig rig({.machine = {.cpus = 2}});
  pte_t was;
  rig.run([&] {
    map<Chosen>(rig.mm(), 0, 1);
    fill<Chosen>(rig.mm(), 0, 1, 7);
    was = s390::ptep_get_and_clear(rig.mm(), page_at(0), entry_of(rig.mm(), 0), false);
    EXPECT_TRUE(owes(rig.mm()));
    EXPECT_TRUE(s390::flush_owed_on(0));
    EXPECT_EQ(cached_by(0, 0), 1U);
  });
  rig.on(1, [&] {
    rig.log(1).clear();
    use_mm<Chosen>(rig.mm());
    EXPECT_THAT(rig.log(1).flushes(FlushReason::local_mm_shootdown), ElementsAre(full_flush));
    EXPECT_FALSE(owes(rig.mm()));
    EXPECT_EQ(cached_by(0, 0), 0U);
    entry_of(rig.mm(), 0).store(was.val, order::relaxed);
    EXPECT_EQ(peek<Chosen>(rig.mm(), 0), 7U);
  });
}

TEST_F(S390, OnlyTheMmThatOwesIsPaidFor) {
  S390Rig rig;
  rig.run([&] {
    mm_struct* other = mm_alloc<Chosen>(3);
    map<Chosen>(rig.mm(), 0, 1);
    fill<Chosen>(rig.mm(), 0, 1);
    const pte_t was = s390::ptep_get_and_clear(rig.mm(), page_at(0), entry_of(rig.mm(), 0), false);
    s390::flush_tlb_mm(*other);
    EXPECT_TRUE(owes(rig.mm()));
    EXPECT_TRUE(s390::flush_owed_on(0));
    s390::flush_tlb_page(rig.mm(), page_at(0));
    EXPECT_EQ(cached_by(0, 0), 1U) << "a page is flushed as its entry changes, or not at all";
    s390::flush_tlb_range(rig.mm(), page_at(0), page_at(1), page_shift, false);
    EXPECT_FALSE(s390::flush_owed_on(0));
    EXPECT_EQ(cached_by(0, 0), 0U);
    entry_of(rig.mm(), 0).store(was.val, order::relaxed);
    mmput<Chosen>(*other);
  });
}

// Who has not run in the mm since the last full flush has nothing: this CPU's TLB is enough.
TEST_F(S390, LocalClearingIsByWhoRanInIt) {
  for (const bool has_it : {true, false}) {
    choose_backend(has_it ? "s390" : "s390+no-lc");
    S390Rig rig({.machine = {.cpus = 2}});
    rig.on(1, [&] {
      use_mm<Chosen>(rig.mm());
      map<Chosen>(rig.mm(), 0, 1);
      fill<Chosen>(rig.mm(), 0, 1);
    });
    rig.run([&] {
      mm_cpumask_clear(rig.mm(), 1);  // as if it had been flushed since
      Atomic<std::uint64_t>& word = entry_of(rig.mm(), 0);
      const pte_t was = s390::ptep_clear_flush(rig.mm(), page_at(0), word);
      EXPECT_EQ(cached_by(1, 0), has_it ? 1U : 0U);
      word.store(was.val, order::relaxed);
      mm_cpumask_set(rig.mm(), 1);
    });
  }
}

// Question 4: who comes by the old address of a table that moved still reaches what was made from it.
TEST_F(S390, WhatMovedIsFoundByItsPlace) {
  choose_backend("s390+move-tables");
  S390Rig rig;
  rig.run([&] {
    constexpr std::uint64_t from = ptrs_per_table, to = 2 * ptrs_per_table;
    map<Chosen>(rig.mm(), from, ptrs_per_table);
    fill<Chosen>(rig.mm(), from, 1, 7);
    const page* table = find_table<Chosen>(rig.mm(), page_at(from), 0);
    ASSERT_GT(do_mremap<Chosen>(rig.mm(), {.old_address = page_at(from),
                                           .old_length = pmd_size,
                                           .new_length = pmd_size,
                                           .may_move = true,
                                           .fixed = true,
                                           .new_address = page_at(to)}),
              0);
    ASSERT_EQ(find_table<Chosen>(rig.mm(), page_at(to), 0), table);
    EXPECT_EQ(cached_by(0, from), 0U);
    EXPECT_EQ(peek<Chosen>(rig.mm(), to), 7U);
    EXPECT_EQ(cached_by(0, to), 1U);
    Atomic<std::uint64_t>& word = entry_of(rig.mm(), to);
    const pte_t was = s390::ptep_clear_flush(rig.mm(), page_at(from), word);
    EXPECT_EQ(cached_by(0, to), 0U);
    word.store(was.val, order::relaxed);
  });
}

// ---- young and dirty are software's -------------------------------------------------------------

TEST_F(S390, AnOldPageFaultsAndIsYoung) {
  S390Rig rig;
  rig.run([&] {
    map<Chosen>(rig.mm(), 0, 1);
    fill<Chosen>(rig.mm(), 0, 1, 5);
    Atomic<std::uint64_t>& word = entry_of(rig.mm(), 0);
    rig.flushes();
    EXPECT_TRUE(s390::ptep_test_and_clear_young(rig.mm(), page_at(0), word));
    EXPECT_THAT(rig.flushes(), ElementsAre(1));
    EXPECT_FALSE(s390::hw_present(value_of(word)));
    EXPECT_TRUE(s390::pte_present(value_of(word)));
    EXPECT_EQ(peek<Chosen>(rig.mm(), 0), 5U);
    EXPECT_TRUE(s390::pte_young(value_of(word)));
    EXPECT_THAT(rig.flushes(), IsEmpty()) << "no TLB held it";
  });
}

// RDP leaves what other CPUs have: they may do less than they could.
TEST_F(S390, TheFirstWriteResetsTheProtection) {
  for (const bool has_it : {true, false}) {
    choose_backend(has_it ? "s390" : "s390+no-rdp");
    S390Rig rig({.machine = {.cpus = 2}});
    rig.run([&] {
      map<Chosen>(rig.mm(), 0, 1);
      fill<Chosen>(rig.mm(), 0, 1, 5);
      Atomic<std::uint64_t>& word = entry_of(rig.mm(), 0);
      const pte_t clean = s390::pte_mkclean(value_of(word));
      s390::ptep_xchg_direct(rig.mm(), page_at(0), word, clean);
      EXPECT_FALSE(s390::hw_allows(value_of(word), Access::write));
    });
    rig.on(1, [&] {
      use_mm<Chosen>(rig.mm());
      EXPECT_EQ(peek<Chosen>(rig.mm(), 0), 5U);
    });
    rig.run([&] {
      rig.flushes();
      fill<Chosen>(rig.mm(), 0, 1, 6);
      EXPECT_TRUE(s390::pte_dirty(value_of(entry_of(rig.mm(), 0))));
      EXPECT_EQ(rig.flushes().size(), has_it ? 0U : 1U);
      EXPECT_EQ(cached_by(1, 0), has_it ? 1U : 0U);
    });
    rig.on(1, [&] {
      EXPECT_EQ(user_write<Chosen>(rig.mm(), page_at(0), 8), AccessResult::done);
      EXPECT_EQ(peek<Chosen>(rig.mm(), 0), 8U);
    });
  }
}

// ---- ASCEs --------------------------------------------------------------------------------------

TEST_F(S390, MoreAddressSpacesThanTagsEachSeeTheirOwn) {
  TlbGeometry two = test_tlb;
  two.asids = 3;
  S390Rig rig({.machine = {}, .tlb = two});
  rig.on(0, [&] {
    mm_struct* spaces[4];
    for (std::uint64_t n = 0; n < 4; ++n) {
      spaces[n] = mm_alloc<Chosen>(3);
      use_mm<Chosen>(*spaces[n]);
      map<Chosen>(*spaces[n], 0, 1);
      fill<Chosen>(*spaces[n], 0, 1, n + 1);
    }
    EXPECT_LE(cached_by(0, 0), 2U);
    for (const unsigned n : {3U, 2U, 3U, 0U, 1U, 0U, 2U}) {
      use_mm<Chosen>(*spaces[n]);
      EXPECT_EQ(peek<Chosen>(*spaces[n], 0), n + 1);
    }
    use_mm<Chosen>(rig.mm());
    for (mm_struct* mm : spaces) mmput<Chosen>(*mm);
  });
}

// The name of an address space comes back with the frame of its root.
TEST_F(S390, ARootThatIsTakenAgainFindsNothing) {
  S390Rig rig;
  rig.on(0, [&] {
    unsigned again = 0;
    pfn_t before = 0;
    for (int n = 0; n < 8; ++n) {
      mm_struct* mm = mm_alloc<Chosen>(3);
      again += mm->pgd->pfn == before ? 1U : 0U;
      before = mm->pgd->pfn;
      use_mm<Chosen>(*mm);
      map<Chosen>(*mm, 0, 1);
      EXPECT_EQ(cached_by(0, 0), 0U);
      EXPECT_EQ(peek<Chosen>(*mm, 0), 0U);
      fill<Chosen>(*mm, 0, 1, 77);
      use_mm<Chosen>(rig.mm());
      mmput<Chosen>(*mm);
    }
    EXPECT_GT(again, 0U);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
