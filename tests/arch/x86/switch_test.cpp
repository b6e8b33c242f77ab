// SPDX-License-Identifier: GPL-2.0-or-later
// Loading address spaces: six are remembered, each flushed as it comes back if it has to be; and
// CPUs that hold one lazily.
#include "tests/arch/x86/x86_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

// Several address spaces on CPU 0, each with its number in its first page.
class Spaces {
 public:
  Spaces(X86Rig& rig, unsigned count) : rig_(rig) {
    for (unsigned n = 0; n < count; ++n) {
      mms_.push_back(mm_alloc<x86>(3));
      use_mm<x86>(*mms_[n]);
      map<x86>(*mms_[n], 0, 1);
      fill<x86>(*mms_[n], 0, 1, n);
    }
    rig_.log().clear();
  }
  ~Spaces() {
    use_mm<x86>(rig_.mm());
    for (mm_struct* mm : mms_) mmput<x86>(*mm);
  }
  Spaces(const Spaces&) = delete;
  Spaces& operator=(const Spaces&) = delete;

  mm_struct& operator[](unsigned n) { return *mms_[n]; }
  // Loads it and says what that cost: 0, or a full flush.
  std::int64_t load(unsigned n) {
    rig_.log().clear();
    use_mm<x86>(*mms_[n]);
    const auto costs = rig_.log().flushes(FlushReason::task_switch);
    EXPECT_EQ(costs.size(), 1U);
    EXPECT_EQ(peek<x86>(*mms_[n], 0), n) << "somebody else's page";
    return costs.empty() ? 0 : costs[0];
  }

 private:
  X86Rig& rig_;
  std::vector<mm_struct*> mms_;
};

// An entry of each may lie in the same set.
const RigOptions eight_ways{.machine = {}, .tlb = {.sets = 16, .ways = 8}};

TEST(X86Switch, SixAddressSpacesKeepTheirTranslations) {
  X86Rig rig(eight_ways);
  rig.on(0, [&] {
    Spaces spaces(rig, x86::tlb_nr_dyn_asids);
    EXPECT_EQ(cached_on(0, test_base), 6U);
    for (const unsigned n : {0U, 5U, 2U, 3U, 1U, 4U}) EXPECT_EQ(spaces.load(n), 0);
    EXPECT_EQ(cached_on(0, test_base), 6U);
  });
}

TEST(X86Switch, TheSeventhTakesTheSlotsInTurn) {
  X86Rig rig(eight_ways);
  rig.on(0, [&] {
    Spaces spaces(rig, x86::tlb_nr_dyn_asids + 1);  // the last took the slot of the first
    EXPECT_EQ(cached_on(0, test_base), 6U);
    EXPECT_EQ(spaces.load(5), 0);
    EXPECT_EQ(spaces.load(0), full_flush);  // into that of the second
    EXPECT_EQ(spaces.load(6), 0);
    EXPECT_EQ(spaces.load(2), 0);
    EXPECT_EQ(spaces.load(1), full_flush);  // into that of the third
    EXPECT_EQ(spaces.load(0), 0);
    EXPECT_EQ(spaces.load(2), full_flush);
  });
}

TEST(X86Switch, LoadingWhatIsLoadedCostsNothing) {
  X86Rig rig;
  rig.run([&] {
    rig.log().clear();
    use_mm<x86>(rig.mm());
    EXPECT_THAT(rig.log().flushes(FlushReason::task_switch), IsEmpty());
  });
}

TEST(X86Switch, AFlushWhileAwayIsDoneOnTheWayBack) {
  X86Rig rig;
  rig.on(0, [&] {
    Spaces spaces(rig, 3);
    x86::flush_tlb_page(spaces[0], test_base);
    EXPECT_EQ(cached_on(0, test_base), 3U) << "not loaded anywhere: only counted";
    EXPECT_EQ(spaces.load(1), 0);
    EXPECT_EQ(spaces.load(0), full_flush);
    EXPECT_EQ(clean_up_to(0), tlb_gen(spaces[0]));
    EXPECT_EQ(spaces.load(1), 0);
    EXPECT_EQ(spaces.load(0), 0) << "once";
  });
}

// T36: the memory of a dead one comes back, its id does not.
TEST(X86Switch, ANewAddressSpaceIsNoOldOne) {
  X86Rig rig;
  rig.on(0, [&] {
    for (int n = 0; n < 20; ++n) {
      mm_struct* mm = mm_alloc<x86>(3);
      rig.log().clear();
      use_mm<x86>(*mm);
      EXPECT_THAT(rig.log().flushes(FlushReason::task_switch), ElementsAre(full_flush));
      map<x86>(*mm, 0, 1);
      EXPECT_EQ(peek<x86>(*mm, 0), 0U);
      EXPECT_EQ(user_write<x86>(*mm, test_base, 77), AccessResult::done);
      use_mm<x86>(rig.mm());
      mmput<x86>(*mm);
    }
  });
}

TEST(X86Switch, ACpuIsInTheSetOfWhatItLoads) {
  X86Rig rig({.machine = {.cpus = 3}});
  EXPECT_TRUE(mm_cpumask(rig.mm()).empty());
  rig.on(2, [&] { use_mm<x86>(rig.mm()); });
  EXPECT_TRUE(mm_cpumask_test(rig.mm(), 2));
  EXPECT_EQ(mm_cpumask(rig.mm()).weight(), 1U);
  rig.on(2, [&] {
    mm_struct* other = mm_alloc<x86>(3);
    use_mm<x86>(*other);
    EXPECT_TRUE(mm_cpumask_test(rig.mm(), 2)) << "left to the next flush";
    use_mm<x86>(rig.mm());
    mmput<x86>(*other);
  });
}

// ---- lazy ---------------------------------------------------------------------------------------

TEST(X86Lazy, WakesWithItsTranslations) {
  X86Rig rig;
  rig.run([&] {
    map<x86>(rig.mm(), 0, 1);
    fill<x86>(rig.mm(), 0, 1);
    unuse_mm<x86>();
    EXPECT_EQ(loaded_on(0), &rig.mm());
    rig.log().clear();
    use_mm<x86>(rig.mm());
    EXPECT_THAT(rig.log().flushes(FlushReason::task_switch), IsEmpty());
    EXPECT_EQ(cached_on(0, test_base), 1U);
  });
}

TEST(X86Lazy, IsNotInterruptedForPagesAndCatchesUpOnce) {
  X86Rig rig({.machine = {.cpus = 2}});
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    map<x86>(rig.mm(), 0, 4);
    fill<x86>(rig.mm(), 0, 4);
    unuse_mm<x86>();
  });
  rig.run([&] {
    for (unsigned page = 0; page < 3; ++page) dontneed<x86>(rig.mm(), page, 1);
    EXPECT_THAT(rig.log().flushes(FlushReason::remote_send_ipi), ElementsAre(1, 1, 1));
    EXPECT_THAT(rig.flushes(), ElementsAre(1, 1, 1));
  });
  EXPECT_EQ(rig.machine().counters(1).interrupts, 0U);
  EXPECT_EQ(cached_on(1, page_at(0)), 1U) << "nobody can use it";
  rig.log(1).clear();
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    EXPECT_EQ(cached_on(1, page_at(0)), 0U);
    EXPECT_EQ(peek<x86>(rig.mm(), 0), 0U);
    EXPECT_EQ(clean_up_to(1), tlb_gen(rig.mm()));
  });
  EXPECT_THAT(rig.log(1).flushes(FlushReason::task_switch), ElementsAre(full_flush));
}

// T34, and data rule 17: then it holds nothing and is left alone until it runs the mm again.
TEST(X86Lazy, IsInterruptedForTablesAndDropsOut) {
  X86Rig rig({.machine = {.cpus = 2}});
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    map<x86>(rig.mm(), 0, 4);
    fill<x86>(rig.mm(), 0, 4);
    unuse_mm<x86>();
  });
  rig.run([&] {
    unmap<x86>(rig.mm(), 0, 4);
    EXPECT_EQ(rig.machine().counters(0).ipis_sent, 1U);
    EXPECT_NE(loaded_on(1), &rig.mm());
    EXPECT_FALSE(mm_cpumask_test(rig.mm(), 1));
    map<x86>(rig.mm(), 0, 4);
    fill<x86>(rig.mm(), 0, 4);
    rig.log().clear();
    unmap<x86>(rig.mm(), 0, 4);
    EXPECT_THAT(rig.log().flushes(FlushReason::remote_send_ipi), IsEmpty());
    EXPECT_EQ(rig.machine().counters(0).ipis_sent, 1U);
  });
  EXPECT_THAT(rig.log(1).flushes(FlushReason::remote_shootdown), IsEmpty());
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    EXPECT_TRUE(mm_cpumask_test(rig.mm(), 1));
    EXPECT_EQ(peek<x86>(rig.mm(), 0), unreadable);
  });
}

TEST(X86Lazy, MayBorrowAnAddressSpaceThatDies) {
  X86Rig rig({.machine = {.cpus = 2}});
  rig.on(0, [&] {
    mm_struct* mm = mm_alloc<x86>(3);
    use_mm<x86>(*mm);
    map<x86>(*mm, 0, 1);
    fill<x86>(*mm, 0, 1);
    unuse_mm<x86>();
    mmput<x86>(*mm);
    EXPECT_NE(loaded_on(0), mm);
  });
  mm_struct* mm = nullptr;
  rig.on(1, [&] {
    mm = mm_alloc<x86>(3);
    use_mm<x86>(*mm);
    unuse_mm<x86>();
  });
  rig.on(0, [&] { mmput<x86>(*mm); });
  EXPECT_NE(loaded_on(1), mm) << "its root is freed";
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
