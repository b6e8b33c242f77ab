// SPDX-License-Identifier: GPL-2.0-or-later
// Transparent huge pages: what is mapped, what each change costs, and what is left of it.
#include "mm/huge_memory.tcc"

#include "mm/gup.tcc"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t whole = hpage_pmd_nr;
constexpr std::uint64_t keeper = 500 * gib / page_size;  // keeps upper tables of test_base

template <class A>
class HugeMemory : public testing::Test {
 public:
  static constexpr RigOptions roomy{.machine = {}, .frames = 1 << 13};

  static void advise(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
    EXPECT_EQ(do_madvise_flags<A>(mm, page_at(page), pages * page_size, VM_HUGEPAGE, VM_NOHUGEPAGE),
              0);
  }
  static void map_huge(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
    map<A>(mm, page, pages);
    advise(mm, page, pages);
  }
  // Also a keeper, so that upper tables do not come and go.
  static void map_and_fill(mm_struct& mm, std::uint64_t value = 1) {
    map<A>(mm, keeper, 1);
    fill<A>(mm, keeper, 1);
    map_huge(mm, 0, whole);
    fill<A>(mm, 0, whole, value);
  }
  static pte_t pmd(mm_struct& mm, std::uint64_t page) {
    struct page* pmds = find_table<A>(mm, page_at(page), 1);
    return pmds == nullptr ? pte_t{} : ptep_get(entry_in(pmds, page_at(page), 1));
  }
  static bool is_huge(mm_struct& mm, std::uint64_t page) {
    return detail::pmd_trans_huge<A>(pmd(mm, page));
  }
  static struct page* page_of(mm_struct& mm, std::uint64_t n) {
    const pte_t above = pmd(mm, n);
    if (detail::pmd_trans_huge<A>(above)) return pfn_to_page(A::pte_pfn(above)) + n % whole;
    return pfn_to_page(A::pte_pfn(peek_pte<A>(mm, page_at(n))));
  }
  static void expect_run(mm_struct& mm,
                         std::uint64_t page,
                         std::uint64_t first,
                         std::uint64_t pages) {
    for (std::uint64_t n = 0; n < pages; ++n) EXPECT_EQ(peek<A>(mm, page + n), first + n) << n;
  }
  static long rss(const mm_struct& mm) { return mm.rss.load(order::relaxed); }
  static long tables(const mm_struct& mm) { return mm.pgtables.load(order::relaxed); }

 private:
  static void page_struct_check() {}
};
TYPED_TEST_SUITE(HugeMemory, Backends);

// ---- faults -------------------------------------------------------------------------------------

TYPED_TEST(HugeMemory, OneWriteMapsTheWholePmd) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_huge(mm, 0, 2 * whole);
    rig.flushes();
    fill<TypeParam>(mm, 7, 1, 70);
    EXPECT_TRUE(this->is_huge(mm, 0));
    EXPECT_FALSE(this->is_huge(mm, whole));
    EXPECT_EQ(this->rss(mm), 512);
    EXPECT_EQ(this->tables(mm), 3) << "with the one that is laid by";
    EXPECT_EQ(peek<TypeParam>(mm, 7), 70U);
    EXPECT_EQ(peek<TypeParam>(mm, whole - 1), 0U);
    fill<TypeParam>(mm, 0, whole, 1000);
    this->expect_run(mm, 0, 1000, whole);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_EQ(this->page_of(mm, 5), this->page_of(mm, 0) + 5);
    EXPECT_TRUE(page_test(this->page_of(mm, 0), PG_anon_exclusive));
  });
}

// The words of a page are where the walker and a TLB entry of 2 MiB say that they are.
TYPED_TEST(HugeMemory, EveryWordOfTheFolioIsReached) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_huge(mm, 0, whole);
    for (std::uint64_t n = 0; n < whole; ++n)
      ASSERT_EQ(user_write<TypeParam>(mm, page_at(n) + 8 * n, n), AccessResult::done);
    for (std::uint64_t n = 0; n < whole; ++n)
      EXPECT_EQ(static_cast<const std::uint64_t*>(this->page_of(mm, n)->frame)[n], n);
  });
}

TYPED_TEST(HugeMemory, OnlyWhereTheAreaAsksAndHasRoom) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, whole);
    fill<TypeParam>(mm, 0, 1);
    EXPECT_FALSE(this->is_huge(mm, 0)) << "nobody asked";
    this->map_huge(mm, 2 * whole, whole - 1);
    this->map_huge(mm, 4 * whole + 1, whole);
    fill<TypeParam>(mm, 2 * whole, 1);
    fill<TypeParam>(mm, 4 * whole + 1, whole);
    EXPECT_FALSE(this->is_huge(mm, 2 * whole)) << "a page is missing at the end";
    EXPECT_FALSE(this->is_huge(mm, 4 * whole)) << "a page is missing at the start";
    EXPECT_FALSE(this->is_huge(mm, 5 * whole));
    this->map_huge(mm, 6 * whole, whole);
    EXPECT_EQ(
        do_madvise_flags<TypeParam>(mm, page_at(6 * whole), pmd_size, VM_NOHUGEPAGE, VM_HUGEPAGE),
        0);
    fill<TypeParam>(mm, 6 * whole, 1);
    EXPECT_FALSE(this->is_huge(mm, 6 * whole)) << "taken back";
  });
}

TYPED_TEST(HugeMemory, WithoutAFolioSmallPagesDo) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_huge(mm, 0, 2 * whole);
    rig.allocations.fail(AllocSite::user_page, 1);
    fill<TypeParam>(mm, 3, 1, 33);
    EXPECT_FALSE(this->is_huge(mm, 0));
    EXPECT_EQ(this->rss(mm), 1);
    rig.allocations.fail(AllocSite::user_page, 1);
    EXPECT_EQ(peek<TypeParam>(mm, whole), 0U);
    EXPECT_FALSE(this->is_huge(mm, whole)) << "no huge zero page";
    rig.allocations.fail_none();
    EXPECT_EQ(peek<TypeParam>(mm, 3), 33U);
  });
}

TYPED_TEST(HugeMemory, EveryAllocationOfAFaultMayFail) {
  for (unsigned nth = 1;; ++nth) {
    MmRig<TypeParam> rig(this->roomy);
    bool failed = false;
    rig.run([&] {
      this->map_huge(rig.mm(), 0, whole);
      rig.allocations.fail({}, nth);
      const AccessResult result = user_write<TypeParam>(rig.mm(), page_at(9), 9);
      failed = rig.allocations.failed();
      rig.allocations.fail_none();
      if (result == AccessResult::done) {
        EXPECT_EQ(peek<TypeParam>(rig.mm(), 9), 9U);
      }
      fill<TypeParam>(rig.mm(), 9, 1, 10);
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 9), 10U);
    });
    if (!failed) break;
  }
}

TYPED_TEST(HugeMemory, AReadGetsTheHugeZeroPageAndAWriteAFolioForIt) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_huge(mm, 0, whole);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 0U);
    EXPECT_TRUE(this->is_huge(mm, 0));
    EXPECT_EQ(this->page_of(mm, 0), huge_zero_folio());
    EXPECT_EQ(this->rss(mm), 0);
    rig.flushes();
    fill<TypeParam>(mm, 5, 1, 55);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    EXPECT_TRUE(this->is_huge(mm, 0));
    EXPECT_EQ(this->rss(mm), 512);
    EXPECT_EQ(peek<TypeParam>(mm, 5), 55U);
    EXPECT_EQ(peek<TypeParam>(mm, 6), 0U);
    EXPECT_EQ(this->tables(mm), 3);
  });
}

TYPED_TEST(HugeMemory, WithoutAFolioTheHugeZeroPageIsSplit) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_huge(mm, 0, whole);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 0U);
    rig.flushes();
    rig.allocations.fail(AllocSite::user_page, 1);
    fill<TypeParam>(mm, 5, 1, 55);
    rig.allocations.fail_none();
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush, 1))) << "the split, then one page";
    EXPECT_FALSE(this->is_huge(mm, 0));
    EXPECT_EQ(this->page_of(mm, 4), zero_page());
    EXPECT_EQ(this->page_of(mm, whole - 1), zero_page());
    EXPECT_EQ(this->rss(mm), 1);
    EXPECT_EQ(peek<TypeParam>(mm, 5), 55U);
  });
}

// ---- split --------------------------------------------------------------------------------------

TYPED_TEST(HugeMemory, ASplitKeepsPagesRightsAndExclusivity) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    page* head = this->page_of(mm, 0);
    const long tables = this->tables(mm), rss = this->rss(mm);
    rig.flushes();
    split_huge_pmd<TypeParam>(mm, page_at(100));
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    EXPECT_FALSE(this->is_huge(mm, 0));
    EXPECT_EQ(this->tables(mm), tables);
    EXPECT_EQ(this->rss(mm), rss);
    EXPECT_EQ(head->refcount.load(order::relaxed), 512);
    EXPECT_EQ(head->entire_mapcount.load(order::relaxed), 0);
    for (unsigned n = 0; n < whole; ++n) {
      EXPECT_EQ(this->page_of(mm, n), head + n);
      EXPECT_EQ(page_mapcount(head + n), 1);
      EXPECT_TRUE(page_test(head + n, PG_anon_exclusive));
    }
    this->expect_run(mm, 0, 1, whole);
    fill<TypeParam>(mm, 0, whole, 5000);
    this->expect_run(mm, 0, 5000, whole);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "no right was lost";
    split_huge_pmd<TypeParam>(mm, page_at(100));
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "nothing to split";
  });
}

// T60: at no time two sizes for one address; the old entry is gone before the table is hooked.
TYPED_TEST(HugeMemory, ASplitFlushesBeforeThePtesCanBeSeen) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    const pfn_t pmds = find_table<TypeParam>(mm, page_at(0), 1)->pfn;
    rig.log().keep_all(true);
    rig.log().clear();
    split_huge_pmd<TypeParam>(mm, page_at(0));
    std::string order;
    for (const trace_event& e : rig.log().events()) {
      if (e.kind == EventKind::tlb_flush) order += "flush ";
      if (e.kind != EventKind::pte_change || e.a >> table_bits != pmds) continue;
      if (TypeParam::pmd_leaf({e.c}) && !TypeParam::hw_present({e.c})) order += "absent ";
      if (!TypeParam::pmd_leaf({e.c})) order += "table ";
    }
    // Where the change of the entry flushes, it is told after the flush.
    EXPECT_EQ(order, TypeParam::facts.debt == DebtPaid::at_finish ? "absent flush table "
                                                                  : "flush absent table ");
  });
}

TYPED_TEST(HugeMemory, AFolioGoesWhenItsLastPageIsUnmapped) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    const long before = frames_in_use();
    for (std::uint64_t page = 0; page < whole; page += 128) {
      EXPECT_EQ(frames_in_use(), before) << page;
      unmap<TypeParam>(mm, page, 128);
    }
    EXPECT_LE(frames_in_use(), before - 512);
  });
}

// Pages of one folio in a row go as one: a pair in the gather.
TYPED_TEST(HugeMemory, PagesOfOneFolioAreQueuedTogether) {
  if (TypeParam::features.no_gather) GTEST_SKIP() << TypeParam::name << " queues none";
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    split_huge_pmd<TypeParam>(mm, page_at(0));
    dontneed<TypeParam>(mm, 100, 1);
    fill<TypeParam>(mm, 100, 1);  // a small page in the middle
    rig.log().keep_all(true);
    rig.log().clear();
    dontneed<TypeParam>(mm, 10, 300);
    std::vector<std::uint64_t> runs;
    for (const trace_event& e : rig.log().events())
      if (e.kind == EventKind::gather_queue) runs.push_back(e.b);
    EXPECT_THAT(runs, ElementsAre(90, 1, 209));
    EXPECT_EQ(rig.log().count(EventKind::gather_put), 300U);
    rig.log().keep_all(false);
    this->expect_run(mm, 0, 1, 10);
    EXPECT_EQ(peek<TypeParam>(mm, 50), 0U);
    this->expect_run(mm, 310, 311, whole - 310);
  });
}

// ---- calls --------------------------------------------------------------------------------------

TYPED_TEST(HugeMemory, ProtectingAPartSplitsAndTheRestStaysWritable) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    rig.flushes();
    EXPECT_EQ(protect<TypeParam>(mm, 8, 8, VM_READ), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush, 8)));
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(8), 1), AccessResult::sigsegv);
    fill<TypeParam>(mm, 16, 1, 99);
    this->expect_run(mm, 0, 1, 16);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

TYPED_TEST(HugeMemory, ProtectingTheWholeIsOneEntry) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    rig.flushes();
    EXPECT_EQ(protect<TypeParam>(mm, 0, whole, VM_READ), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(8), 1), AccessResult::sigsegv);
    EXPECT_EQ(protect<TypeParam>(mm, 0, whole, 0), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    EXPECT_EQ(peek<TypeParam>(mm, 8), unreadable);
    EXPECT_TRUE(this->is_huge(mm, 0)) << "without rights, but there";
    EXPECT_EQ(protect<TypeParam>(mm, 0, whole, rw), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "hardware saw nothing to keep";
    this->expect_run(mm, 0, 1, whole);
    fill<TypeParam>(mm, 0, 1, 2);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

// A child has the folio too; who writes first splits and copies one page.
TYPED_TEST(HugeMemory, ForkSharesTheFolioAndAWriteCopiesAPage) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    rig.flushes();
    mm_struct* child = dup_mm<TypeParam>(mm);
    ASSERT_NE(child, nullptr);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    EXPECT_TRUE(this->is_huge(*child, 0));
    EXPECT_EQ(this->page_of(*child, 0), this->page_of(mm, 0));
    EXPECT_EQ(page_mapcount(this->page_of(mm, 9)), 2);
    fill<TypeParam>(mm, 9, 1, 900);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush, 1)));
    EXPECT_EQ(page_mapcount(this->page_of(mm, 8)), 2);
    EXPECT_EQ(page_mapcount(this->page_of(*child, 9)), 1);
    use_mm<TypeParam>(*child);
    EXPECT_TRUE(this->is_huge(*child, 0));
    this->expect_run(*child, 0, 1, whole);
    use_mm<TypeParam>(mm);
    mmput<TypeParam>(*child);
    rig.flushes();
    fill<TypeParam>(mm, 20, 1, 2000);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "the folio is the parent's alone again";
    EXPECT_EQ(peek<TypeParam>(mm, 9), 900U);
    EXPECT_EQ(peek<TypeParam>(mm, 19), 20U);
  });
}

TYPED_TEST(HugeMemory, TheLastOwnerWritesTheWholeInPlace) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    mm_struct* child = dup_mm<TypeParam>(mm);
    ASSERT_NE(child, nullptr);
    mmput<TypeParam>(*child);
    rig.flushes();
    fill<TypeParam>(mm, 0, whole, 7000);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_TRUE(this->is_huge(mm, 0));
    this->expect_run(mm, 0, 7000, whole);
  });
}

// What is pinned stays with the parent: the entry is split and pages are dealt with one by one.
TYPED_TEST(HugeMemory, APinnedFolioIsNotSharedWhole) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    page* pinned = nullptr;
    ASSERT_EQ(get_user_pages_fast<TypeParam>(mm, page_at(40), 1, FOLL_PIN | FOLL_WRITE, &pinned),
              1);
    EXPECT_EQ(pinned, this->page_of(mm, 40));
    EXPECT_TRUE(this->is_huge(mm, 0));
    mm_struct* child = dup_mm<TypeParam>(mm);
    ASSERT_NE(child, nullptr);
    EXPECT_FALSE(this->is_huge(mm, 0));
    EXPECT_FALSE(this->is_huge(*child, 0));
    use_mm<TypeParam>(*child);
    this->expect_run(*child, 0, 1, whole);
    use_mm<TypeParam>(mm);
    fill<TypeParam>(mm, 40, 1, 400);
    EXPECT_EQ(this->page_of(mm, 40), pinned) << "the device and the program see one page";
    mmput<TypeParam>(*child);
    unpin_user_page(pinned);
  });
}

TYPED_TEST(HugeMemory, EveryAllocationOfAForkMayFail) {
  for (unsigned nth = 1;; ++nth) {
    MmRig<TypeParam> rig(this->roomy);
    bool failed = false;
    rig.run([&] {
      mm_struct& mm = rig.mm();
      this->map_and_fill(mm);
      rig.allocations.fail({}, nth);
      mm_struct* child = dup_mm<TypeParam>(mm);
      failed = rig.allocations.failed();
      rig.allocations.fail_none();
      if (child != nullptr) mmput<TypeParam>(*child);
      EXPECT_EQ(peek<TypeParam>(mm, 77), 78U);
      fill<TypeParam>(mm, 0, 3, 50);
      this->expect_run(mm, 0, 50, 3);
    });
    if (!failed) break;
  }
}

TYPED_TEST(HugeMemory, AMoveTakesTheEntryAlong) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    page* head = this->page_of(mm, 0);
    for (const std::uint64_t to : {4 * whole, gib / page_size}) {  // the same table, another one
      const std::uint64_t from = to == 4 * whole ? 0 : 4 * whole;
      rig.flushes();
      EXPECT_EQ(move_to<TypeParam>(mm, from, whole, to), static_cast<std::int64_t>(page_at(to)));
      if (is_x86()) {
        EXPECT_EQ(rig.flushes().at(0), full_flush);
      }
      EXPECT_EQ(this->page_of(mm, to), head);
      EXPECT_TRUE(this->is_huge(mm, to));
      EXPECT_EQ(peek<TypeParam>(mm, from), unreadable);
    }
    this->expect_run(mm, gib / page_size, 1, whole);
    split_huge_pmd<TypeParam>(mm, page_at(gib / page_size));  // its table has come along
    this->expect_run(mm, gib / page_size, 1, whole);
  });
}

TYPED_TEST(HugeMemory, AMoveToAnotherOffsetSplits) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->map_and_fill(mm);
    EXPECT_EQ(move_to<TypeParam>(mm, 0, whole, 4 * whole + 5),
              static_cast<std::int64_t>(page_at(4 * whole + 5)));
    this->expect_run(mm, 4 * whole + 5, 1, whole);
    EXPECT_EQ(this->rss(mm), 513);
  });
}

// ---- everybody at once --------------------------------------------------------------------------

TYPED_TEST(HugeMemory, TwoFaultsMakeOneFolio) {
  each_trial(2, 60, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = 8192, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) HugeMemory<TypeParam>::map_huge(rig.mm(), 0, whole);
      meeting.meet();
      fill<TypeParam>(rig.mm(), cpu, 1, 100);
      meeting.meet();
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 1 - cpu), 100U);
      EXPECT_EQ(rig.mm().rss.load(order::relaxed), 512);
      unuse_mm<TypeParam>();
    });
  });
}

// Splits by partial DONTNEED under the mmap_lock for reading, beside writes to other pages.
TYPED_TEST(HugeMemory, NoWriteIsLostToASplit) {
  each_trial(3, 40, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = 8192, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      for (std::uint64_t round = 0; round < 3; ++round) {
        if (cpu == 0) HugeMemory<TypeParam>::map_huge(mm, 0, whole);
        meeting.meet();
        if (cpu == 0) {
          dontneed<TypeParam>(mm, 100, 8);
          dontneed<TypeParam>(mm, 300, 8);
        } else {
          for (std::uint64_t n = 0; n < 4; ++n) {
            const std::uint64_t page = 10 * cpu + n, value = 1000 * round + n + 1;
            fill<TypeParam>(mm, page, 1, value);
            EXPECT_EQ(peek<TypeParam>(mm, page), value);
          }
        }
        meeting.meet();
        for (std::uint64_t n = 0; n < 4; ++n)
          EXPECT_EQ(peek<TypeParam>(mm, 10 + n), 1000 * round + n + 1);
        meeting.meet();
        if (cpu == 0) unmap<TypeParam>(mm, 0, whole);
      }
      unuse_mm<TypeParam>();
    });
  });
}

// Nobody keeps what was given back: after the call only zeros or what came later.
TYPED_TEST(HugeMemory, AZapOfTheWholeBesideFaultsLeavesNothingOld) {
  // A PMD is looked at without its lock: who finds it clear does not wait for who is just flushing it
  // under the lock, and a forced flush has nothing to do (arch/ppc64_hash/README.md).
  if (flushes_with_entries()) GTEST_SKIP() << "a zap may return before another one has flushed";
  each_trial(3, 40, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = 8192, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      if (cpu == 0) HugeMemory<TypeParam>::map_huge(mm, 0, whole);
      meeting.meet();
      fill<TypeParam>(mm, cpu, 1, 7);
      meeting.meet();
      if (cpu == 2)
        fill<TypeParam>(mm, 50, 1, 8);
      else
        dontneed<TypeParam>(mm, 0, whole);
      if (cpu != 2) {
        EXPECT_EQ(peek<TypeParam>(mm, cpu), 0U);
      }
      meeting.meet();
      EXPECT_EQ(peek<TypeParam>(mm, 1 - cpu % 2), 0U);
      unuse_mm<TypeParam>();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
