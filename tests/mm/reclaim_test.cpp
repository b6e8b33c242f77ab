// SPDX-License-Identifier: GPL-2.0-or-later
// MADV_DONTNEED frees page tables that it has emptied, while others may be about to use them.
#include "harness/instances/mm_entry.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;

template <class A>
class Reclaim : public testing::Test {
 protected:
  void SetUp() override {
    if (!A::features.pt_reclaim) GTEST_SKIP() << A::name << " does not ask for it";
  }
  static long tables(MmRig<A>& rig) { return rig.mm().pgtables.load(order::relaxed); }
};
TYPED_TEST_SUITE(Reclaim, Backends);

constexpr unsigned whole = ptrs_per_table;  // pages of a PTE table

TYPED_TEST(Reclaim, AWholePteTableGoes) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 3 * whole);
    for (const unsigned page : {3U, whole + 3, 2 * whole + 3}) fill<TypeParam>(rig.mm(), page, 1);
    EXPECT_EQ(this->tables(rig), 5);
    EXPECT_EQ(dontneed<TypeParam>(rig.mm(), 0, whole), 0);
    EXPECT_EQ(this->tables(rig), 4);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(4))) << "its place is flushed too";
    EXPECT_EQ(dontneed<TypeParam>(rig.mm(), whole, 2 * whole), 0);
    EXPECT_EQ(this->tables(rig), 2) << "upper levels stay";
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 3), 0U);
  });
}

TYPED_TEST(Reclaim, APartOfATableKeepsIt) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 2 * whole);
    fill<TypeParam>(rig.mm(), 10, 1);
    dontneed<TypeParam>(rig.mm(), 0, whole - 1);
    EXPECT_EQ(this->tables(rig), 3);
    dontneed<TypeParam>(rig.mm(), 1, whole);  // as long, but over two tables
    EXPECT_EQ(this->tables(rig), 3);
    dontneed<TypeParam>(rig.mm(), 0, whole);
    EXPECT_EQ(this->tables(rig), 2) << "nothing was in it, but it was there";
  });
}

TYPED_TEST(Reclaim, ATableThatServesTwoAreasStays) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, whole / 2);
    map<TypeParam>(rig.mm(), whole / 2, whole / 2, VM_READ);
    fill<TypeParam>(rig.mm(), 0, 4);
    EXPECT_EQ(dontneed<TypeParam>(rig.mm(), 0, whole), 0);
    EXPECT_EQ(this->tables(rig), 3);
  });
}

TYPED_TEST(Reclaim, MunmapAndMmapOverDoNotReclaimWhatANeighbourUses) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, whole);
    fill<TypeParam>(rig.mm(), 5, 1);
    map<TypeParam>(rig.mm(), 0, whole);
    EXPECT_EQ(this->tables(rig), 0) << "an unmap of the whole";
    fill<TypeParam>(rig.mm(), 5, 1);
    unmap<TypeParam>(rig.mm(), 1, whole - 1);
    EXPECT_EQ(this->tables(rig), 3);
  });
}

TYPED_TEST(Reclaim, BackendsThatDoNotAskForItKeepTheirTables) {
  const ChangedFeatures changed(keeps_tables);
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, whole);
    fill<TypeParam>(rig.mm(), 3, 1);
    dontneed<TypeParam>(rig.mm(), 0, whole);
    EXPECT_EQ(rig.mm().pgtables.load(order::relaxed), 3);
  });
}

TYPED_TEST(Reclaim, AFullBatchInTheMiddleLosesNoTable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    rig.allocations.fail(AllocSite::gather_batch, FailingAllocations::always);
    map<TypeParam>(rig.mm(), 0, whole);
    fill<TypeParam>(rig.mm(), 0, 50);
    dontneed<TypeParam>(rig.mm(), 0, whole);
    EXPECT_EQ(this->tables(rig), 2);
    EXPECT_EQ(rig.mm().rss.load(order::relaxed), 0);
  });
}

// One CPU empties the whole table again and again, the others use pages of it. What they write is
// there until it is given back, and after the last time it stays. No table is used after it went:
// the other CPU looks into it under RCU only.
template <class A>
void use_while_reclaimed(const MachineOptions& options, bool no_batch) {
  MmRig<A> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
  Meeting meeting;
  if (no_batch) rig.allocations.fail(AllocSite::table_batch, FailingAllocations::always);
  rig.run_all([&](unsigned cpu) {
    if (cpu == 0) map<A>(rig.mm(), 0, whole);
    meeting.meet();
    for (std::uint64_t round = 1; round <= trial_rounds; ++round) {
      if (cpu == 0) {
        EXPECT_EQ(dontneed<A>(rig.mm(), 0, whole), 0);
        continue;
      }
      const std::uint64_t value = round << 8 | cpu;
      EXPECT_EQ(user_write<A>(rig.mm(), page_at(cpu), value), AccessResult::done);
      const std::uint64_t seen = peek<A>(rig.mm(), cpu);
      EXPECT_TRUE(seen == value || seen == 0) << seen;
      EXPECT_EQ(user_touch<A>(rig.mm(), page_at(100 + cpu), Access::read), AccessResult::done);
    }
    meeting.meet();
    EXPECT_EQ(user_write<A>(rig.mm(), page_at(cpu), 7 + cpu), AccessResult::done);
    meeting.meet();
    for (unsigned other = 0; other < nr_cpu_ids(); ++other)
      EXPECT_EQ(peek<A>(rig.mm(), other), 7 + other);
    unuse_mm<A>();
  });
}

TYPED_TEST(Reclaim, FaultsDuringAReclaimLoseNothing) {
  each_trial(2, 150, [](const MachineOptions& o) { use_while_reclaimed<TypeParam>(o, false); });
}
TYPED_TEST(Reclaim, FaultsOfTwoCpusDuringAReclaimLoseNothing) {
  each_trial(3, 100, [](const MachineOptions& o) { use_while_reclaimed<TypeParam>(o, false); });
}
// T16: an interrupt to every CPU is no grace period, and faults look at tables under RCU with
// interrupts on.
TYPED_TEST(Reclaim, FaultsDuringAReclaimWithoutABatchLoseNothing) {
  each_trial(2, 150, [](const MachineOptions& o) { use_while_reclaimed<TypeParam>(o, true); });
}

// Two CPUs empty the same table: one of them frees it.
TYPED_TEST(Reclaim, ATableGoesOnceWhoeverEmptiesIt) {
  each_trial(3, 100, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) map<TypeParam>(rig.mm(), 0, whole);
      for (unsigned round = 0; round < trial_rounds; ++round) {
        meeting.meet();
        if (cpu == 2) fill<TypeParam>(rig.mm(), round % whole, 1);
        meeting.meet();
        if (cpu != 2) {
          EXPECT_EQ(dontneed<TypeParam>(rig.mm(), 0, whole), 0);
        }
        meeting.meet();
        if (cpu == 2) {
          EXPECT_EQ(rig.mm().pgtables.load(order::relaxed), 2);
          EXPECT_EQ(peek<TypeParam>(rig.mm(), round % whole), 0U);
        }
      }
      unuse_mm<TypeParam>();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
