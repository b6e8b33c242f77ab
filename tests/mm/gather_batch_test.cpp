// SPDX-License-Identifier: GPL-2.0-or-later
// How much a gather holds, and what it does with it. The limits are the kernel's.
#include <set>

#include "tests/mm/gather_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
class GatherBatch : public testing::Test {
 protected:
  void SetUp() override {
    if (A::features.no_gather) GTEST_SKIP() << A::name << " frees pages at once";
    if (A::features.owns_gather) GTEST_SKIP() << A::name << " has no list of batches";
  }
  static constexpr RigOptions roomy{.machine = {}, .frames = 1 << 15};
};
TYPED_TEST_SUITE(GatherBatch, Backends);

TYPED_TEST(GatherBatch, LocalTakesSevenSinglePages) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    EXPECT_EQ(gather.queue_times(local_singles - 1), 0U);
    EXPECT_EQ(gather.tlb.active, &gather.tlb.local);
    EXPECT_EQ(gather.tlb.batch_count, 0U);
    EXPECT_FALSE(gather.queue());
    EXPECT_NE(gather.tlb.active, &gather.tlb.local);
    EXPECT_EQ(gather.tlb.batch_count, 1U);
    tlb_finish_mmu(gather.tlb);
  });
}

TYPED_TEST(GatherBatch, FullAtSevenIfThereIsNoMemory) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    rig.allocations.fail(AllocSite::gather_batch, FailingAllocations::always);
    for (int drains = 0; drains < 3; ++drains) {
      EXPECT_EQ(gather.queue_until_full(), local_singles);
      tlb_flush_mmu(gather.tlb);
      EXPECT_EQ(frames_in_use(), 1) << "all but the root of the tables";
    }
    tlb_finish_mmu(gather.tlb);
  });
}

TYPED_TEST(GatherBatch, LinkedTakes509SinglePages) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    gather.queue_times(local_singles + batch_singles - 1);
    EXPECT_EQ(gather.tlb.batch_count, 1U);
    gather.queue();
    EXPECT_EQ(gather.tlb.batch_count, 2U);
    tlb_finish_mmu(gather.tlb);
  });
}

TYPED_TEST(GatherBatch, Holds9678SmallPagesAndAgainAfterADrain) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    EXPECT_EQ(gather.queue_until_full(), gather_limit);
    EXPECT_EQ(gather.tlb.batch_count, max_gather_batch_count);
    tlb_flush_mmu(gather.tlb);
    EXPECT_EQ(frames_in_use(), 1);
    rig.allocations.fail(AllocSite::gather_batch, FailingAllocations::always);
    EXPECT_EQ(gather.queue_until_full(), gather_limit) << "the batches are kept";
    EXPECT_EQ(rig.allocations.asked(), 0U);
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush, full_flush)));
  });
}

TYPED_TEST(GatherBatch, DrainsByItselfWhereNoLockIsHeld) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    for (unsigned n = 0; n < gather_limit + 1; ++n) {
      page* p = gather.make();
      folio_remove_rmap_pte(p);
      tlb_remove_tlb_entries(gather.tlb, page_at(n), 1);
      tlb_remove_page(gather.tlb, p);
    }
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    EXPECT_EQ(frames_in_use(), 2);
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
  });
}

// Data rule 6, through the call.
TYPED_TEST(GatherBatch, MunmapOfOnePageMoreThanTheLimitFlushesTwice) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    for (const unsigned pages : {gather_limit - 1, gather_limit, gather_limit + 1}) {
      map<TypeParam>(rig.mm(), 0, pages);
      map<TypeParam>(rig.mm(), pages, 1, VM_READ);  // a neighbour: no table goes
      fill<TypeParam>(rig.mm(), 0, pages);
      rig.flushes();
      EXPECT_EQ(unmap<TypeParam>(rig.mm(), 0, pages), 0);
      // The drain, under the lock and then for what it frees; the tables below make a last one.
      const auto flushes = rig.flushes();
      if (is_x86()) {
        EXPECT_EQ(flushes.size(), pages < gather_limit ? 1U : 2U) << pages;
      }
      unmap<TypeParam>(rig.mm(), pages, 1);
    }
  });
}

TYPED_TEST(GatherBatch, APairTakesTwoSlots) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    for (unsigned pairs = 1; pairs <= 3; ++pairs) {
      gather.queue_run(gather.make_run(4), 4);
      EXPECT_EQ(gather.tlb.local.nr, 2 * pairs);
      EXPECT_EQ(gather.tlb.active, &gather.tlb.local);
    }
    gather.queue_run(gather.make_run(4), 4);
    EXPECT_EQ(gather.tlb.local.nr, 8U) << "six slots leave room for a pair";
    EXPECT_EQ(gather.tlb.batch_count, 1U);
    tlb_finish_mmu(gather.tlb);
    EXPECT_EQ(frames_in_use(), 1);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(16)));
  });
}

TYPED_TEST(GatherBatch, APairIsNeverSplitOverTwoBatches) {
  for (const unsigned singles :
       {local_singles - 1, local_singles, local_singles + batch_singles - 1,
        local_singles + batch_singles}) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      rig.log().keep_all(true);
      HandGather<TypeParam> gather(rig.mm());
      gather.begin();
      gather.queue_times(singles);
      mmu_gather_batch* before = gather.tlb.active;
      const unsigned used = before->nr;
      gather.queue_run(gather.make_run(4), 4);
      EXPECT_EQ(before->nr, used + 2) << singles;
      EXPECT_LE(before->nr, before->max);
      tlb_finish_mmu(gather.tlb);
      EXPECT_EQ(frames_in_use(), 1);
      expect_freed_once_after_a_flush(rig.log());
    });
  }
}

// The number in a pair's second slot, shifted left, may look like any flag.
TYPED_TEST(GatherBatch, PairsOfEveryLengthAreFreedWhole) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    rig.log().keep_all(true);
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    for (unsigned nr = 2; nr <= 63; ++nr) {
      page* run = gather.make_run(64);  // in two pieces
      gather.queue_run(run, nr);
      gather.queue_run(run + nr, 64 - nr);
    }
    tlb_finish_mmu(gather.tlb);
    EXPECT_EQ(frames_in_use(), 1);
    expect_freed_once_after_a_flush(rig.log());
  });
}

TYPED_TEST(GatherBatch, EveryPageIsFreedOnceWhicheverBatchCannotBeHad) {
  for (unsigned nth = 0; nth <= max_gather_batch_count + 1; ++nth) {
    MmRig<TypeParam> rig(this->roomy);
    rig.run([&] {
      rig.log().keep_all(true);
      rig.allocations.fail(AllocSite::gather_batch, nth);  // 0: all of them
      HandGather<TypeParam> gather(rig.mm());
      gather.begin();
      for (unsigned n = 0; n < gather_limit + 10; ++n)
        if (gather.queue()) tlb_flush_mmu(gather.tlb);
      tlb_finish_mmu(gather.tlb);
      EXPECT_EQ(rig.log().count(EventKind::page_free), gather_limit + 10);
      expect_freed_once_after_a_flush(rig.log());
    });
    if (testing::Test::HasFailure()) return;
  }
}

// A batch that was refused is asked for again, after the flush.
TYPED_TEST(GatherBatch, ARefusalIsNotForEver) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    rig.allocations.fail(AllocSite::gather_batch, 1);
    EXPECT_EQ(gather.queue_until_full(), local_singles);
    tlb_flush_mmu(gather.tlb);
    EXPECT_EQ(gather.queue_times(local_singles + 1), 0U);
    EXPECT_EQ(gather.tlb.batch_count, 1U);
    tlb_finish_mmu(gather.tlb);
  });
}

TYPED_TEST(GatherBatch, BatchPagesAreGivenBack) {
  MmRig<TypeParam> rig;
  std::set<const void*> seen;
  constexpr unsigned gathers = 400;
  rig.run([&] {
    for (unsigned n = 0; n < gathers; ++n) {
      HandGather<TypeParam> gather(rig.mm());
      gather.begin();
      gather.queue_times(local_singles + batch_singles);  // two linked ones
      for (const mmu_gather_batch* b = gather.tlb.local.next; b != nullptr; b = b->next)
        seen.insert(b);
      tlb_finish_mmu(gather.tlb);
      EXPECT_EQ(gather.tlb.local.next, nullptr);
    }
  });
  EXPECT_GE(seen.size(), 2U);
  EXPECT_LT(seen.size(), gathers) << "each gather had pages that none had before it";
}

// D40: nothing of one use is left for the next.
TYPED_TEST(GatherBatch, AGatherCanBeUsedAgain) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    for (int use = 0; use < 2; ++use) {
      gather.begin();
      EXPECT_FALSE(gather.tlb.recorded());
      EXPECT_EQ(gather.tlb.end, 0U);
      EXPECT_EQ(gather.tlb.batch_count, 0U);
      gather.tlb.need_flush_all = true;
      EXPECT_EQ(gather.queue_until_full(), gather_limit) << "use " << use;
      tlb_finish_mmu(gather.tlb);
      EXPECT_EQ(rig.mm().tlb_flush_pending.load(order::relaxed), 0);
      EXPECT_EQ(gather.tlb.table_batch, nullptr);
    }
    gather.begin();
    gather.queue();
    rig.flushes();
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1))) << "need_flush_all was of the last use";
  });
}

// ---- delayed rmap -------------------------------------------------------------------------------

TYPED_TEST(GatherBatch, MapcountsGoDownAfterTheFlushAndBeforeTheFree) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    page* single = gather.make();
    page* run = gather.make_run(4);
    page* at_once = gather.make();
    EXPECT_TRUE(tlb_delay_rmap(gather.tlb));
    gather.queue_run(single, 1, true);
    gather.queue_run(run, 4, true);
    gather.queue_run(at_once, 1, false);
    const auto mapcounts = [&] {
      return std::vector<int>{
          single->mapcount.load(order::relaxed), run[0].mapcount.load(order::relaxed),
          run[2].mapcount.load(order::relaxed), at_once->mapcount.load(order::relaxed)};
    };
    EXPECT_THAT(mapcounts(), ElementsAre(1, 1, 1, 0));
    tlb_flush_mmu_tlbonly(gather.tlb);
    EXPECT_THAT(mapcounts(), ElementsAre(1, 1, 1, 0));
    tlb_flush_rmaps(gather.tlb);
    EXPECT_THAT(mapcounts(), ElementsAre(0, 0, 0, 0));
    tlb_flush_rmaps(gather.tlb);  // nothing is left to do
    EXPECT_EQ(frames_in_use(), 7);
    tlb_finish_mmu(gather.tlb);
    EXPECT_EQ(frames_in_use(), 1);
  });
}

// T10: more would be found by nobody.
TYPED_TEST(GatherBatch, DelayedMapcountsFitIntoTheLocalAndOneMoreBatch) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    static_cast<void>(tlb_delay_rmap(gather.tlb));
    unsigned queued = 1;
    while (!gather.queue(true)) ++queued;
    EXPECT_EQ(queued, local_singles + batch_singles);
    tlb_flush_mmu_tlbonly(gather.tlb);
    tlb_flush_rmaps(gather.tlb);
    EXPECT_FALSE(gather.tlb.delayed_rmap);
    tlb_flush_mmu(gather.tlb);  // page_freed_while_mapped, if one was forgotten
    EXPECT_EQ(gather.queue_times(local_singles + 2 * batch_singles), 0U)
        << "without delayed mapcounts there is room again";
    tlb_finish_mmu(gather.tlb);
  });
}

// The first delayed page may come when the active batch is not the second one.
TYPED_TEST(GatherBatch, DelayedMapcountsInALaterBatchAreFound) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    gather.queue_times(local_singles + batch_singles + 100);
    static_cast<void>(tlb_delay_rmap(gather.tlb));
    unsigned queued = 1;
    while (!gather.queue(true)) ++queued;
    EXPECT_EQ(queued, batch_singles - 100);
    tlb_flush_mmu_tlbonly(gather.tlb);
    tlb_flush_rmaps(gather.tlb);
    tlb_flush_mmu(gather.tlb);
    tlb_finish_mmu(gather.tlb);
    EXPECT_EQ(frames_in_use(), 1);
  });
}

TYPED_TEST(GatherBatch, NoDelayWhereClearingInvalidates) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    const ChangedFeatures changed(invalidates_at_once);
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    EXPECT_FALSE(tlb_delay_rmap(gather.tlb));
    EXPECT_FALSE(gather.tlb.delayed_rmap);
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
