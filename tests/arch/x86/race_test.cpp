// SPDX-License-Identifier: GPL-2.0-or-later
// Flushes against switches, sleeping CPUs and each other: what was given back before a CPU was told
// so is never seen by it again.
#include "tests/arch/x86/x86_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// A page that its owner fills with a number and gives back, again and again. Whoever knows that
// number n has been given back must not read n or less, unless 0.
class Page {
 public:
  explicit Page(std::uint64_t place) : place_(place) {}
  // By its owner.
  void fill_and_give_back(mm_struct& mm, std::uint64_t n, bool with_tables) {
    if (user_write<x86>(mm, page_at(place_), n) != AccessResult::done) ADD_FAILURE();
    if (with_tables)
      dontneed<x86>(mm, place_ / ptrs_per_table * ptrs_per_table, ptrs_per_table);
    else
      dontneed<x86>(mm, place_, 1);
    given_back_.store(n, order::release);
  }
  // By anybody.
  void check(mm_struct& mm) const {
    const std::uint64_t gone = given_back_.load(order::acquire);
    const std::uint64_t seen = peek<x86>(mm, place_);
    EXPECT_TRUE(seen == 0 || seen > gone) << "read " << seen << ", given back " << gone;
  }

 private:
  std::uint64_t place_;
  Atomic<std::uint64_t> given_back_{0};
};

enum class Other { stays, sleeps, switches };

// CPU 0 gives pages back, CPU 1 comes and goes, and the rest look.
void race(const MachineOptions& options, Other other, bool with_tables) {
  X86Rig rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
  Page first(3), second(5);
  Meeting meeting;
  mm_struct* elsewhere = nullptr;
  rig.run_all([&](unsigned cpu) {
    mm_struct& mm = rig.mm();
    if (cpu == 0) {
      map<x86>(mm, 0, ptrs_per_table);
      elsewhere = mm_alloc<x86>(3);
      map<x86>(*elsewhere, 0, 1);
    }
    meeting.meet();
    for (std::uint64_t n = 1; n <= trial_rounds; ++n) {
      if (cpu == 0) {
        first.fill_and_give_back(mm, n, with_tables);
        continue;
      }
      first.check(mm);
      second.check(mm);
      if (cpu == 2) second.fill_and_give_back(mm, n, with_tables);
      if (cpu == 1 && other == Other::sleeps) unuse_mm<x86>();
      if (cpu == 1 && other == Other::switches) {
        use_mm<x86>(*elsewhere);
        EXPECT_EQ(peek<x86>(*elsewhere, 0), 0U);
      }
      use_mm<x86>(mm);
      first.check(mm);
    }
    meeting.meet();
    first.check(mm);
    second.check(mm);
    unuse_mm<x86>();
  });
  rig.on(0, [&] { mmput<x86>(*elsewhere); });
}

struct Case {
  const char* name;
  unsigned cpus;
  Other other;
  bool with_tables;
};

class X86Race : public testing::TestWithParam<Case> {};

TEST_P(X86Race, NothingGivenBackIsSeenAgain) {
  const Case& c = GetParam();
  each_trial(c.cpus, 150,
             [&](const MachineOptions& options) { race(options, c.other, c.with_tables); });
}

INSTANTIATE_TEST_SUITE_P(All,
                         X86Race,
                         testing::Values(Case{"two_stay", 2, Other::stays, false},
                                         Case{"two_switch", 2, Other::switches, false},
                                         Case{"two_sleep", 2, Other::sleeps, false},
                                         Case{"two_switch_tables", 2, Other::switches, true},
                                         Case{"two_sleep_tables", 2, Other::sleeps, true},
                                         Case{"three_stay", 3, Other::stays, false},
                                         Case{"three_stay_tables", 3, Other::stays, true},
                                         Case{"three_switch", 3, Other::switches, false},
                                         Case{"three_sleep_tables", 3, Other::sleeps, true}),
                         [](const auto& c) { return c.param.name; });

// Two address spaces, both CPUs go from one to the other while each flushes both.
TEST(X86RaceOfTwoSpaces, EachSeesItsOwn) {
  each_trial(2, 150, [](const MachineOptions& options) {
    X86Rig rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    mm_struct* spaces[2] = {&rig.mm(), nullptr};
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) {
        spaces[1] = mm_alloc<x86>(3);
        for (mm_struct* mm : spaces) map<x86>(*mm, 0, 8);
      }
      meeting.meet();
      for (unsigned n = 0; n < 2 * trial_rounds; ++n) {
        mm_struct& mm = *spaces[(n + cpu) % 2];
        use_mm<x86>(mm);
        const std::uint64_t mine = 1000 * (mm.id + 1) + n;
        EXPECT_EQ(user_write<x86>(mm, page_at(cpu), mine), AccessResult::done);
        EXPECT_EQ(peek<x86>(mm, cpu), mine);
        dontneed<x86>(mm, cpu, 1);
        EXPECT_EQ(peek<x86>(mm, cpu), 0U);
        const std::uint64_t others = peek<x86>(mm, 1 - cpu);
        EXPECT_TRUE(others == 0 || others / 1000 == mm.id + 1) << "a page of the other mm";
      }
      unuse_mm<x86>();
    });
    rig.on(0, [&] { mmput<x86>(*spaces[1]); });
  });
}

// munmap beside accesses: a reader finds the old page or none.
TEST(X86RaceOfUnmap, AReaderFindsTheOldPageOrNone) {
  each_trial(3, 150, [](const MachineOptions& options) {
    X86Rig rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      meeting.meet();
      for (unsigned n = 1; n <= trial_rounds; ++n) {
        if (cpu == 0) {
          map<x86>(mm, 0, 2);
          EXPECT_EQ(user_write<x86>(mm, page_at(1), 7), AccessResult::done);
          unmap<x86>(mm, 0, 2);
        } else if (cpu == 1) {
          const std::uint64_t seen = peek<x86>(mm, 1);
          EXPECT_TRUE(seen == 7 || seen == 0 || seen == unreadable) << seen;
        } else {  // takes what was freed, tables too
          map<x86>(mm, 1024 * 1024, 2);
          EXPECT_EQ(user_write<x86>(mm, page_at(1024 * 1024), 99), AccessResult::done);
          unmap<x86>(mm, 1024 * 1024, 2);
        }
      }
      unuse_mm<x86>();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
