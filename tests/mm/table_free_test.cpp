// SPDX-License-Identifier: GPL-2.0-or-later
// How page tables go: in batches, after the invalidate, after every walker that takes no lock; and
// the way without a batch.
#include <set>

#include "mm/free_pgtables.tcc"
#include "tests/mm/gather_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
class TableFree : public testing::Test {
 protected:
  // Tables that were never hooked in, as if they had just been unhooked.
  static void queue_tables(mmu_gather<A>& tlb, unsigned count) {
    for (unsigned n = 0; n < count; ++n) {
      page* table = alloc_table(0);
      vm_bug_on(table == nullptr, "no_memory_for_the_test");
      table_free_tlb(tlb, table, page_at(std::uint64_t{n} * ptrs_per_table));
    }
  }
  // Passes through the points at which callbacks run.
  static void idle_a_while() {
    for (int n = 0; n < 50; ++n) cpu_event(CpuEvent::kernel_exit);
  }
};
TYPED_TEST_SUITE(TableFree, Backends);

TYPED_TEST(TableFree, ABatchTakes509Tables) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mmu_gather<TypeParam> tlb;
    tlb_gather_mmu(tlb, rig.mm());
    TestFixture::queue_tables(tlb, max_table_batch - 1);
    EXPECT_NE(tlb.table_batch, nullptr);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    TestFixture::queue_tables(tlb, 1);
    EXPECT_EQ(tlb.table_batch, nullptr);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)))
        << "invalidated before it is handed on";
    EXPECT_EQ(tlb.freed_tables, flushes_with_entries());
    TestFixture::queue_tables(tlb, 1);
    tlb_finish_mmu(tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(0))) << "one page at a stride of 2 MiB";
  });
}

TYPED_TEST(TableFree, EachTableIsFreedOnceAfterItsFlush) {
  if (!TypeParam::features.table_invalidate) GTEST_SKIP() << "tables need no flush there";
  for (const unsigned tables : {1U, max_table_batch, max_table_batch + 1, 3 * max_table_batch}) {
    MmRig<TypeParam> rig;
    rig.log().keep_all(true);
    rig.run([&] {
      mmu_gather<TypeParam> tlb;
      tlb_gather_mmu(tlb, rig.mm());
      TestFixture::queue_tables(tlb, tables);
      tlb_finish_mmu(tlb);
    });
    std::set<pfn_t> queued, flushed;
    std::size_t freed = 0;
    for (const trace_event& e : rig.log().events()) {
      if (e.kind == EventKind::table_queue) {
        EXPECT_TRUE(queued.insert(e.a).second);
      }
      const bool by_core = e.kind == EventKind::gather_flush && flushes_with_entries();
      if (e.kind == EventKind::tlb_flush || by_core) flushed.merge(queued);
      if (e.kind == EventKind::table_free) freed += flushed.erase(e.a);
    }
    EXPECT_EQ(freed, tables);
    EXPECT_EQ(rig.log().count(EventKind::table_free), tables);
  }
}

// T15: the flush alone is not enough; a walker with interrupts off may still be inside.
TYPED_TEST(TableFree, TablesOutliveASectionWithInterruptsOff) {
  if (!TypeParam::features.rcu_table_free) GTEST_SKIP() << "the flush interrupts users of the mm";
  each_trial(2, 50, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .tlb = tiny_tlb});
    Signal made, inside, done;
    page* table = nullptr;
    rig.on_all([&](unsigned cpu) {
      if (cpu == 1) {
        made.await();
        local_irq_save();
        inside.give();
        done.await();
        EXPECT_NE(table->table, nullptr) << "freed under the walker";
        local_irq_restore();
        return;
      }
      use_mm<TypeParam>(rig.mm());
      table = alloc_table(0);
      made.give();
      inside.await();
      mmu_gather<TypeParam> tlb;
      tlb_gather_mmu(tlb, rig.mm());
      table_free_tlb(tlb, table, test_base);
      tlb_finish_mmu(tlb);
      TestFixture::idle_a_while();
      done.give();
    });
    EXPECT_EQ(table->table, nullptr) << "never freed";
  });
}

// Without a batch they do only where tables are reclaimed under RCU walkers; else an interrupt is waited
// for, which those with interrupts off hold back.
TYPED_TEST(TableFree, TablesOutliveAReadSideSection) {
  if (!TypeParam::features.rcu_table_free) GTEST_SKIP() << "the flush interrupts users of the mm";
  for (const bool no_batch : {false, TypeParam::features.pt_reclaim})
    each_trial(2, 50, [no_batch](const MachineOptions& options) {
      MmRig<TypeParam> rig({.machine = options, .tlb = tiny_tlb});
      Signal made, inside, done;
      page* table = nullptr;
      rig.on_all([&](unsigned cpu) {
        if (cpu == 1) {
          made.await();
          rcu_read_lock();
          inside.give();
          // Without a batch the one who frees may wait for this section itself.
          for (int n = 0; n < 20 && !done.given(); ++n) cpu_event(CpuEvent::tick);
          EXPECT_NE(table->table, nullptr) << "freed under the walker";
          rcu_read_unlock();
          return;
        }
        use_mm<TypeParam>(rig.mm());
        table = alloc_table(0);
        made.give();
        inside.await();
        if (no_batch) rig.allocations.fail(AllocSite::table_batch, FailingAllocations::always);
        mmu_gather<TypeParam> tlb;
        tlb_gather_mmu(tlb, rig.mm());
        table_free_tlb(tlb, table, test_base);
        tlb_finish_mmu(tlb);
        TestFixture::idle_a_while();
        done.give();
      });
      EXPECT_EQ(table->table, nullptr) << "never freed";
    });
}

// T17: without a batch a table goes by itself, and all the rules hold for it.
TYPED_TEST(TableFree, WithoutABatchTablesGoOneByOne) {
  if (!TypeParam::features.table_invalidate) GTEST_SKIP() << "tables need no flush there";
  MmRig<TypeParam> rig;
  rig.log().keep_all(true);
  rig.run([&] {
    rig.allocations.fail(AllocSite::table_batch, FailingAllocations::always);
    mmu_gather<TypeParam> tlb;
    tlb_gather_mmu(tlb, rig.mm());
    TestFixture::queue_tables(tlb, 3);
    EXPECT_EQ(tlb.table_batch, nullptr);
    EXPECT_EQ(rig.allocations.asked(), 3U) << "a batch is asked for each time";
    rig.allocations.fail_none();
    TestFixture::queue_tables(tlb, 1);
    EXPECT_NE(tlb.table_batch, nullptr);
    tlb_finish_mmu(tlb);
    EXPECT_EQ(rig.flushes().size(), flushes_with_entries() ? 0U : 4U);
  });
}

TYPED_TEST(TableFree, WithoutABatchASectionWithInterruptsOffIsWaitedFor) {
  each_trial(2, 50, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .tlb = tiny_tlb});
    Signal made, inside;
    Atomic<bool> left{false};
    page* table = nullptr;
    rig.allocations.fail(AllocSite::table_batch, FailingAllocations::always);
    rig.on_all([&](unsigned cpu) {
      if (cpu == 1) {
        made.await();
        local_irq_save();
        inside.give();
        for (unsigned n = 0; n < 2 * trial_rounds; ++n) {
          cpu_event(CpuEvent::tick);
          EXPECT_NE(table->table, nullptr) << "freed under the walker";
        }
        left.store(true, order::release);
        local_irq_restore();
        return;
      }
      use_mm<TypeParam>(rig.mm());
      table = alloc_table(0);
      made.give();
      inside.await();
      mmu_gather<TypeParam> tlb;
      tlb_gather_mmu(tlb, rig.mm());
      table_free_tlb(tlb, table, test_base);
      EXPECT_TRUE(left.load(order::acquire) || table->table != nullptr);
      tlb_finish_mmu(tlb);
    });
  });
}

// Whatever allocation of a batch fails, munmap of many tables frees them all.
TYPED_TEST(TableFree, MunmapFreesAllTablesWhicheverBatchCannotBeHad) {
  constexpr unsigned tables = 20;
  for (unsigned nth = 0; nth <= 3; ++nth) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, tables * ptrs_per_table);
      for (unsigned n = 0; n < tables; ++n) fill<TypeParam>(rig.mm(), n * ptrs_per_table, 1);
      EXPECT_EQ(rig.mm().pgtables.load(order::relaxed), tables + 2);
      rig.allocations.fail(AllocSite::table_batch, nth);
      EXPECT_EQ(unmap<TypeParam>(rig.mm(), 0, tables * ptrs_per_table), 0);
      EXPECT_TRUE(rig.allocations.failed() || nth > 1);
      rig.allocations.fail_none();
      EXPECT_EQ(rig.mm().pgtables.load(order::relaxed), 0);
    });
    rig.on(0, [&] { EXPECT_EQ(frames_in_use(), 1); });
  }
}

// A level has its stride, and the place of a table is inside its span (T57).
TYPED_TEST(TableFree, ATableIsRecordedAtTheLevelOfTheEntryThatPointedAtIt) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    for (unsigned level = 0; level < 4; ++level) {
      mmu_gather<TypeParam> tlb;
      tlb_gather_mmu(tlb, rig.mm());
      table_free_tlb(tlb, alloc_table(level), test_base);
      EXPECT_TRUE(tlb.freed_tables);
      EXPECT_EQ(tlb.start, test_base);
      EXPECT_EQ(tlb.end, test_base + page_size);
      EXPECT_EQ(tlb.cleared_ptes, false);
      EXPECT_EQ(tlb.cleared_pmds, level == 0);
      EXPECT_EQ(tlb.cleared_puds, level == 1);
      EXPECT_EQ(tlb.cleared_p4ds, level == 2);
      tlb_finish_mmu(tlb);
      // Where hardware never walks there is nothing to invalidate for a table.
      EXPECT_EQ(rig.flushes().size(), TypeParam::features.table_invalidate ? 1U : 0U);
    }
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
