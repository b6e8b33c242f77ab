// SPDX-License-Identifier: GPL-2.0-or-later
// x86 with INVLPGB: who gets a global ASID, how CPUs come to it, and what a broadcast takes.
#include "arch/x86/invlpgb.h"

#include "arch/chosen.h"
#include "tests/arch/x86/x86_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Rig = MmRig<chosen_arch>;

class X86Invlpgb : public testing::Test {
 protected:
  X86Invlpgb() { chosen_arch::choose<x86_invlpgb>(); }
  ~X86Invlpgb() override { chosen_arch::choose<x86>(); }

  // A program of the mm on each CPU, with the pages cached there.
  static void everywhere(Rig& rig, unsigned pages) {
    rig.run([&] {
      map<chosen_arch>(rig.mm(), 0, pages);
      fill<chosen_arch>(rig.mm(), 0, pages);
    });
    for (unsigned cpu = 1; cpu < rig.cpus(); ++cpu)
      rig.on(cpu, [&] {
        use_mm<chosen_arch>(rig.mm());
        for (unsigned page = 0; page < pages; ++page)
          static_cast<void>(peek<chosen_arch>(rig.mm(), page));
      });
  }
  static void flush(Rig& rig, std::uint64_t first, std::uint64_t end) {
    rig.run([&] {
      x86_invlpgb::flush_tlb_range(rig.mm(), page_at(first), page_at(end), page_shift, false);
    });
  }
  static void touch(Rig& rig, unsigned pages) {
    for (unsigned cpu = 0; cpu < rig.cpus(); ++cpu)
      rig.on(cpu, [&] {
        for (unsigned page = 0; page < pages; ++page)
          static_cast<void>(peek<chosen_arch>(rig.mm(), page));
      });
  }
  static std::uint64_t interrupts(Rig& rig) {
    std::uint64_t all = 0;
    for (unsigned cpu = 0; cpu < rig.cpus(); ++cpu) all += rig.machine().counters(cpu).interrupts;
    return all;
  }
};

TEST_F(X86Invlpgb, FourCpusAreWorthAGlobalAsid) {
  for (const unsigned cpus : {3U, 4U}) {
    Rig rig({.machine = {.cpus = cpus}});
    everywhere(rig, 1);
    EXPECT_EQ(mm_global_asid(rig.mm()), 0U);
    flush(rig, 0, 1);
    EXPECT_EQ(mm_global_asid(rig.mm()) != 0, cpus == 4) << cpus;
    EXPECT_EQ(mm_in_asid_transition(rig.mm()), cpus == 4) << cpus;
  }
}

TEST_F(X86Invlpgb, SleepersDoNotCount) {
  Rig rig({.machine = {.cpus = 4}});
  everywhere(rig, 1);
  rig.on(3, [&] { unuse_mm<chosen_arch>(); });
  flush(rig, 0, 1);
  EXPECT_EQ(mm_global_asid(rig.mm()), 0U);
}

// Interrupts until every CPU has come to the global ASID, and none afterwards.
TEST_F(X86Invlpgb, TheTransitionEnds) {
  ASSERT_TRUE(x86_invlpgb::set_option("eager"));
  Rig rig({.machine = {.cpus = 3}});
  everywhere(rig, 1);
  flush(rig, 0, 1);
  const unsigned global = mm_global_asid(rig.mm());
  ASSERT_NE(global, 0U);
  EXPECT_EQ(interrupts(rig), 2U);
  EXPECT_NE(x86::cpu(1).loaded_mm_asid, global);
  flush(rig, 0, 1);
  EXPECT_EQ(interrupts(rig), 4U);
  for (unsigned cpu = 0; cpu < 3; ++cpu) EXPECT_EQ(x86::cpu(cpu).loaded_mm_asid, global);
  EXPECT_TRUE(mm_in_asid_transition(rig.mm()));
  touch(rig, 1);
  flush(rig, 0, 1);
  EXPECT_FALSE(mm_in_asid_transition(rig.mm()));
  EXPECT_EQ(interrupts(rig), 4U);
  for (unsigned cpu = 0; cpu < 3; ++cpu) EXPECT_EQ(cached_on(cpu, test_base), 0U);
}

// Planted: the ASID is published without the transition, and nobody looks for stragglers.
TEST_F(X86Invlpgb, WithoutTheTransitionAStragglerKeepsItsEntries) {
  for (const bool planted : {false, true}) {
    ASSERT_TRUE(x86_invlpgb::set_option("eager"));
    Rig rig({.machine = {.cpus = 2}});
    everywhere(rig, 2);
    flush(rig, 0, 1);
    EXPECT_EQ(cached_on(1, page_at(1)), 1U);
    if (planted) context_of<x86_invlpgb>(rig.mm()).asid_transition.store(false, order::relaxed);
    flush(rig, 1, 2);
    rig.on(1, [&] {
      hw::Mmu& mmu = x86::this_cpu().mmu;
      EXPECT_EQ(mmu.tlb.lookup(mmu.asid(), page_at(1)) != nullptr, planted);
    });
  }
}

TEST_F(X86Invlpgb, ABroadcastTakesItsPagesAndNoOthers) {
  ASSERT_TRUE(x86_invlpgb::set_option("eager"));
  Rig rig({.machine = {.cpus = 2}});
  constexpr unsigned pages = 40;
  everywhere(rig, pages);
  flush(rig, 0, 1);
  flush(rig, 0, 1);  // on the global ASID, both
  touch(rig, pages);
  // In chunks of 8, the last of 5.
  flush(rig, 3, 32);
  rig.on(1, [&] {
    hw::Mmu& mmu = x86::this_cpu().mmu;
    for (unsigned page = 0; page < pages; ++page)
      EXPECT_EQ(mmu.tlb.lookup(mmu.asid(), page_at(page)) == nullptr, page >= 3 && page < 32)
          << page;
  });
  flush(rig, 0, 34);  // more than the ceiling
  rig.on(1, [&] {
    hw::Mmu& mmu = x86::this_cpu().mmu;
    EXPECT_EQ(mmu.tlb.lookup(mmu.asid(), page_at(39)), nullptr);
  });
}

TEST_F(X86Invlpgb, UpperLevelsGoWithTheirPages) {
  ASSERT_TRUE(x86_invlpgb::set_option("eager"));
  Rig rig({.machine = {.cpus = 2}});
  everywhere(rig, 1);
  flush(rig, 0, 1);
  flush(rig, 0, 1);
  touch(rig, 1);
  const auto cached = [&] {
    const hw::Mmu& mmu = x86::mmu_of(1);
    return mmu.walk_cache.lookup(mmu.asid(), test_base, 0) != nullptr;
  };
  EXPECT_TRUE(cached());
  flush(rig, 512, 513);
  EXPECT_TRUE(cached()) << "of another table";
  flush(rig, 0, 1);
  EXPECT_FALSE(cached());
}

// Two to give out, and address spaces that come and go: one that gets a dead one's finds nothing of it.
TEST_F(X86Invlpgb, AnAsidOfTheDeadComesBackEmpty) {
  ASSERT_TRUE(x86_invlpgb::set_option("eager"));
  TlbGeometry few = test_tlb;
  few.asids = 2;
  Rig rig({.machine = {.cpus = 2}, .tlb = few});
  unsigned with_one = 0;
  for (std::uint64_t n = 1; n <= 7; ++n) {
    mm_struct* mm = nullptr;
    rig.on(0, [&] {
      mm = mm_alloc<chosen_arch>(3);
      use_mm<chosen_arch>(*mm);
      map<chosen_arch>(*mm, 0, 2);
      fill<chosen_arch>(*mm, 0, 2, n);
    });
    const auto look = [&] { EXPECT_EQ(peek<chosen_arch>(*mm, 0), n); };
    rig.on(1, [&] {
      use_mm<chosen_arch>(*mm);
      look();
    });
    for (unsigned round = 0; round < 2; ++round) {
      rig.on(0, [&] { x86_invlpgb::flush_tlb_page(*mm, page_at(1)); });
      rig.on(0, look);
      rig.on(1, look);
    }
    with_one += mm_global_asid(*mm) != 0 ? 1U : 0U;
    rig.on(1, [&] { use_mm<chosen_arch>(rig.mm()); });
    rig.on(0, [&] {
      use_mm<chosen_arch>(rig.mm());
      mmput<chosen_arch>(*mm);
    });
  }
  EXPECT_EQ(with_one, 7U);
}

// Against switches and sleeping CPUs, from before the global ASID on.
TEST_F(X86Invlpgb, NothingGivenBackIsSeenAgain) {
  ASSERT_TRUE(x86_invlpgb::set_option("eager"));
  TlbGeometry few = tiny_tlb;
  few.asids = 2;
  each_trial(3, 150, [&](const MachineOptions& options) {
    Rig rig({.machine = options, .frames = trial_frames, .tlb = few});
    Meeting meeting;
    Atomic<std::uint64_t> given_back{0};
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      if (cpu == 0) map<chosen_arch>(mm, 0, ptrs_per_table);
      meeting.meet();
      for (std::uint64_t n = 1; n <= trial_rounds; ++n) {
        if (cpu == 0) {
          EXPECT_EQ(user_write<chosen_arch>(mm, page_at(3), n), AccessResult::done);
          dontneed<chosen_arch>(mm, n % 2 == 0 ? 3 : 0, n % 2 == 0 ? 1 : ptrs_per_table);
          given_back.store(n, order::release);
          continue;
        }
        if (cpu == 2) {
          unuse_mm<chosen_arch>();
          use_mm<chosen_arch>(mm);
        }
        const std::uint64_t gone = given_back.load(order::acquire);
        const std::uint64_t seen = peek<chosen_arch>(mm, 3);
        EXPECT_TRUE(seen == 0 || seen > gone) << "read " << seen << ", given back " << gone;
      }
      unuse_mm<chosen_arch>();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
