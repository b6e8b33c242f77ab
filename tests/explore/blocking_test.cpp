// SPDX-License-Identifier: GPL-2.0-or-later
// Waiting: nobody spins, nobody is forgotten, and who waits for ever is named.
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Ends = std::map<std::string, unsigned>;

struct Locks {
  Spinlock a, b;
  RwSem sem;
  Atomic<int> x{0}, y{0};
  int inside = 0;
};

TEST(Blocking, SpinlockExcludesInEverySchedule) {
  const auto ends = every_end<Locks>(
      2,
      [](Locks& s, unsigned) {
        s.a.lock();
        EXPECT_EQ(s.inside++, 0);
        s.x.fetch_add(1, order::relaxed);  // somewhere to be overtaken
        --s.inside;
        s.a.unlock();
      },
      [](Locks& s) { EXPECT_EQ(s.x.load(order::relaxed), 2); });
  // Nobody moves inside a section: the other CPU stands before the lock. But after it the two
  // orders of "unlock, then the other locks" leave no choice, so there are as many schedules as
  // places at which the first lock can be taken.
  EXPECT_EQ(ends, (Ends{{"", 2}}));
}

TEST(Blocking, LocksTakenInTwoOrdersDeadlock) {
  const auto crossed = [](Locks& s, unsigned cpu) {
    Spinlock& first = cpu == 0 ? s.a : s.b;
    Spinlock& second = cpu == 0 ? s.b : s.a;
    first.lock();
    second.lock();
    second.unlock();
    first.unlock();
  };
  const auto ends = every_end<Locks>(2, crossed);
  EXPECT_GT(ends.at("deadlock"), 0U);
  EXPECT_GT(ends.at(""), 0U);
  EXPECT_EQ(ends.size(), 2U);
}

TEST(Blocking, LocksTakenInOneOrderDoNot) {
  expect_only(every_end<Locks>(2,
                               [](Locks& s, unsigned) {
                                 s.a.lock();
                                 s.b.lock();
                                 s.b.unlock();
                                 s.a.unlock();
                               }),
              "");
}

TEST(Blocking, TrylockInsteadOfTheSecondLockDoesNot) {
  expect_only(every_end<Locks>(2,
                               [](Locks& s, unsigned cpu) {
                                 Spinlock& first = cpu == 0 ? s.a : s.b;
                                 Spinlock& second = cpu == 0 ? s.b : s.a;
                                 first.lock();
                                 if (second.trylock()) second.unlock();
                                 first.unlock();
                               }),
              "");
}

TEST(Blocking, TakingALockTwiceIsNamed) {
  expect_only(every_end<Locks>(1,
                               [](Locks& s, unsigned) {
                                 s.a.lock();
                                 s.a.lock();
                               }),
              "spinlock_taken_twice");
}

TEST(Blocking, UnlockByAnotherCpuIsNamed) {
  const auto ends = every_end<Locks>(2, [](Locks& s, unsigned cpu) {
    if (cpu == 0) {
      s.a.lock();
      s.x.store(1, order::release);
      s.a.unlock();
    } else {
      s.a.unlock();
    }
  });
  EXPECT_GT(ends.at("unlock_by_other_cpu"), 0U);
  EXPECT_GT(ends.at("unlock_of_free_spinlock"), 0U);
}

TEST(Blocking, EndingWithALockIsNamed) {
  expect_only(every_end<Locks>(1, [](Locks& s, unsigned) { s.a.lock(); }),
              "body_ended_with_a_spinlock");
}

TEST(Blocking, SleepingUnderASpinlockIsNamed) {
  expect_only(every_end<Locks>(1,
                               [](Locks& s, unsigned) {
                                 s.a.lock();
                                 s.sem.down_read();
                               }),
              "sleeps_in_atomic_section");
}

TEST(Blocking, ReaderTwiceWithAWriterBetweenDeadlocks) {
  const auto ends = every_end<Locks>(2, [](Locks& s, unsigned cpu) {
    if (cpu == 0) {
      s.sem.down_read();
      s.sem.down_read();
      s.sem.up_read();
      s.sem.up_read();
    } else {
      s.sem.down_write();
      s.sem.up_write();
    }
  });
  EXPECT_GT(ends.at("deadlock"), 0U);
  EXPECT_GT(ends.at(""), 0U);
}

// ---- cpu_relax ----------------------------------------------------------------------------------

TEST(Blocking, RelaxWakesWheneverTheConditionComesTrue) {
  const auto ends = every_end<Locks>(2, [](Locks& s, unsigned cpu) {
    if (cpu == 0) {
      while (s.x.load(order::acquire) == 0) cpu_relax();
    } else {
      s.y.store(1, order::relaxed);
      s.x.store(1, order::release);
    }
  });
  expect_only(ends, "");
}

TEST(Blocking, RelaxOnTwoWordsMissesNeither) {
  const auto ends = every_end<Locks>(3, [](Locks& s, unsigned cpu) {
    if (cpu == 0) {
      while (s.x.load(order::acquire) == 0 || s.y.load(order::acquire) == 0) cpu_relax();
    } else {
      (cpu == 1 ? s.x : s.y).store(1, order::release);
    }
  });
  expect_only(ends, "");
}

// Each waits for the other in turn; a wake-up lost in any schedule would be a deadlock in it.
TEST(Blocking, PingPongLosesNoWakeUp) {
  const auto ends = random_ends<Locks>(2000, 2, [](Locks& s, unsigned cpu) {
    Atomic<int>& mine = cpu == 0 ? s.x : s.y;
    Atomic<int>& other = cpu == 0 ? s.y : s.x;
    for (int round = 1; round <= 5; ++round) {
      mine.store(round, order::release);
      while (other.load(order::acquire) < round) cpu_relax();
    }
  });
  EXPECT_EQ(ends, (Ends{{"", 2000}}));
}

TEST(Blocking, WaitingForWhatNobodyDoesIsADeadlock) {
  expect_only(every_end<Locks>(2,
                               [](Locks& s, unsigned cpu) {
                                 if (cpu == 1) return;
                                 while (s.x.load(order::relaxed) == 0) cpu_relax();
                               }),
              "deadlock");
}

// A loop that only changes a word of its own does not wake itself for ever.
TEST(Blocking, OwnChangesDoNotWake) {
  expect_only(every_end<Locks>(2,
                               [](Locks& s, unsigned cpu) {
                                 if (cpu == 1) return;
                                 while (s.x.load(order::relaxed) == 0) {
                                   s.y.fetch_add(1, order::relaxed);
                                   cpu_relax();
                                 }
                               }),
              "deadlock");
}

TEST(Blocking, LoopWithoutRelaxHitsTheStepLimit) {
  const auto ends = random_ends<Locks>(20, 2, [](Locks& s, unsigned cpu) {
    if (cpu == 1) return;
    while (s.x.load(order::relaxed) == 0) {
    }
  });
  EXPECT_EQ(ends, (Ends{{"step_limit", 20}}));
}

TEST(Blocking, WaitingInsideAnAccessWindowIsNamed) {
  expect_only(every_end<Locks>(1,
                               [](Locks& s, unsigned) {
                                 access_window<false> window;
                                 s.a.lock();
                               }),
              "waits_inside_access_window");
  expect_only(every_end<Locks>(1,
                               [](Locks&, unsigned) {
                                 access_window<false> window;
                                 kfree(kmalloc(8, AllocSite::object));
                               }),
              "allocates_inside_access_window");
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
