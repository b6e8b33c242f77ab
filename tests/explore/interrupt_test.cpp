// SPDX-License-Identifier: GPL-2.0-or-later
// Interrupts, RCU and their freedom: when they can come, when they cannot, over every schedule.
#include <set>

#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Ends = std::map<std::string, unsigned>;

struct Cpus {
  Atomic<int> x{0}, y{0};
  Spinlock lock;
  int seen = -1;
  int handled_by = -1;
  rcu_head head;
  bool freed = false;
};

void note(void* cpus) {
  auto& s = *static_cast<Cpus*>(cpus);
  s.handled_by = static_cast<int>(smp_processor_id());
  s.x.store(1, order::relaxed);
}

void post_and_wait(Cpus& s) { ipi_wait(ipi_post(cpumask::of(1), note, &s)); }

// The handler may come before, between and after the two loads of its CPU, and when it has ended.
TEST(Interrupt, ComesAtEveryStepOfItsCpu) {
  std::set<int> seen;
  const auto ends = every_end<Cpus>(
      2,
      [](Cpus& s, unsigned cpu) {
        if (cpu == 0) return post_and_wait(s);
        const int first = s.x.load(order::relaxed);
        s.seen = first * 10 + s.x.load(order::relaxed);
      },
      [&](Cpus& s) {
        seen.insert(s.seen);
        EXPECT_EQ(s.handled_by, 1);
      });
  expect_only(ends, "");
  EXPECT_EQ(seen, (std::set<int>{0, 1, 11}));
}

TEST(Interrupt, DoesNotComeWhileInterruptsAreOff) {
  std::set<int> seen;
  const auto ends = every_end<Cpus>(
      2,
      [](Cpus& s, unsigned cpu) {
        if (cpu == 0) return post_and_wait(s);
        local_irq_save();
        const int first = s.x.load(order::relaxed);
        s.seen = first * 10 + s.x.load(order::relaxed);
        local_irq_restore();
      },
      [&](Cpus& s) { seen.insert(s.seen); });
  expect_only(ends, "");
  EXPECT_EQ(seen, (std::set<int>{0, 11}));
}

TEST(Interrupt, DoesNotComeInsideAnAccessWindow) {
  std::set<int> seen;
  const auto ends = every_end<Cpus>(
      2,
      [](Cpus& s, unsigned cpu) {
        if (cpu == 0) return post_and_wait(s);
        access_window<false> window;
        const int first = s.x.load(order::relaxed);
        s.seen = first * 10 + s.x.load(order::relaxed);
      },
      [&](Cpus& s) { seen.insert(s.seen); });
  expect_only(ends, "");
  EXPECT_EQ(seen, (std::set<int>{0, 11}));
}

TEST(Interrupt, TwoThatInterruptEachOtherAtOnceAreNoDeadlock) {
  expect_only(
      every_end<Cpus>(
          2, [](Cpus& s, unsigned cpu) { ipi_wait(ipi_post(cpumask::of(1 - cpu), note, &s)); }),
      "");
}

TEST(Interrupt, PostingWithInterruptsOffIsNamed) {
  expect_only(every_end<Cpus>(2,
                              [](Cpus& s, unsigned cpu) {
                                local_irq_save();
                                ipi_wait(ipi_post(cpumask::of(1 - cpu), note, &s));
                                local_irq_restore();
                              }),
              "ipi_with_interrupts_off");
}

TEST(Interrupt, WaitingWithInterruptsOffInACycleIsADeadlock) {
  const auto ends = every_end<Cpus>(2, [](Cpus& s, unsigned cpu) {
    const ipi_ticket ticket = ipi_post(cpumask::of(1 - cpu), note, &s);
    local_irq_save();
    ipi_wait(ticket);
    local_irq_restore();
  });
  EXPECT_GT(ends.at("deadlock"), 0U);
}

// The holder of the lock waits for an acknowledgement from the CPU that waits for the lock.
TEST(Interrupt, AWaiterForALockStillTakesInterrupts) {
  const auto waits = [](bool off) {
    return every_end<Cpus>(2, [off](Cpus& s, unsigned cpu) {
      if (cpu == 1 && off) local_irq_save();
      s.lock.lock();
      if (cpu == 0) post_and_wait(s);
      s.lock.unlock();
      if (cpu == 1 && off) local_irq_restore();
    });
  };
  expect_only(waits(false), "");
  EXPECT_GT(waits(true).at("deadlock"), 0U);
}

// A handler that takes a lock which the interrupted body may hold.
TEST(Interrupt, LockOfTheInterruptedBodyIsNamed) {
  const auto takes = [](void* cpus) {
    auto& s = *static_cast<Cpus*>(cpus);
    s.lock.lock();
    s.lock.unlock();
  };
  const auto ends = every_end<Cpus>(2, [takes](Cpus& s, unsigned cpu) {
    if (cpu == 0) return ipi_wait(ipi_post(cpumask::of(1), takes, &s));
    s.lock.lock();
    step_by(s.x);
    s.lock.unlock();
  });
  EXPECT_GT(ends.at("spinlock_taken_twice"), 0U);
  EXPECT_GT(ends.at(""), 0U);
}

// While a handler waits for a lock, nothing that its interrupted body waits for may set it going.
TEST(Interrupt, WakeUpOfTheBodyDoesNotWakeItsHandler) {
  const auto takes = [](void* cpus) {
    auto& s = *static_cast<Cpus*>(cpus);
    s.lock.lock();
    EXPECT_EQ(s.handled_by, -1);
    s.handled_by = static_cast<int>(smp_processor_id());
    step_by(s.x);
    s.handled_by = -1;
    s.lock.unlock();
  };
  const auto ends = random_ends<Cpus>(3000, 4, [takes](Cpus& s, unsigned cpu) {
    switch (cpu) {
      case 0: return synchronize_rcu();
      case 1:
        s.lock.lock();
        EXPECT_EQ(s.handled_by, -1);
        s.handled_by = 1;
        s.x.fetch_add(1, order::relaxed);
        s.handled_by = -1;
        return s.lock.unlock();
      case 2: return ipi_wait(ipi_post(cpumask::of(0), takes, &s));
      default:
        rcu_read_lock();
        s.y.fetch_add(1, order::relaxed);
        rcu_read_unlock();
    }
  });
  EXPECT_EQ(ends, (Ends{{"", 3000}}));
}

// ---- RCU ----------------------------------------------------------------------------------------

// The reader sees the old state only in sections that the grace period waits for.
template <class Enter, class Leave>
Ends reader_against_free(Enter enter, Leave leave) {
  return every_end<Cpus>(2, [=](Cpus& s, unsigned cpu) {
    if (cpu == 0) {
      s.x.store(1, order::relaxed);
      synchronize_rcu();
      s.freed = true;
      return;
    }
    enter();
    if (s.x.load(order::relaxed) == 0) {
      step_by(s.y);
      vm_bug_on(s.freed, "used_after_free");
    }
    leave();
  });
}

TEST(Rcu, GracePeriodWaitsForSectionsOfBothKinds) {
  expect_only(reader_against_free(rcu_read_lock, rcu_read_unlock), "");
  expect_only(reader_against_free(local_irq_save, local_irq_restore), "");
  EXPECT_GT(reader_against_free([] {}, [] {}).at("used_after_free"), 0U);
}

TEST(Rcu, GracePeriodDoesNotWaitForLaterSections) {
  bool overlapped = false;
  const auto ends = every_end<Cpus>(
      2,
      [](Cpus& s, unsigned cpu) {
        if (cpu == 0) {
          synchronize_rcu();
          s.freed = true;
          s.x.store(1, order::relaxed);
          return;
        }
        rcu_read_lock();
        const bool before = s.freed;
        step_by(s.y);
        if (!before && s.freed) s.seen = 1;
        rcu_read_unlock();
      },
      [&](Cpus& s) { overlapped |= s.seen == 1; });
  expect_only(ends, "");
  EXPECT_TRUE(overlapped);
}

TEST(Rcu, SynchronizeInsideASectionIsNamed) {
  expect_only(every_end<Cpus>(1,
                              [](Cpus&, unsigned) {
                                rcu_read_lock();
                                synchronize_rcu();
                              }),
              "synchronize_rcu_in_atomic_section");
}

// The callback runs on the CPU that posted it, at any of its later steps, but not under a lock.
TEST(Rcu, CallbackRunsAtStepsWithoutALock) {
  std::set<int> seen;
  const auto callback = [](rcu_head* head) {
    auto& s = *reinterpret_cast<Cpus*>(reinterpret_cast<char*>(head) - offsetof(Cpus, head));
    s.handled_by = static_cast<int>(smp_processor_id());
  };
  const auto ends = every_end<Cpus>(
      2,
      [callback](Cpus& s, unsigned cpu) {
        if (cpu == 1) {
          rcu_read_lock();
          return rcu_read_unlock();
        }
        call_rcu(&s.head, callback);
        s.lock.lock();
        const int before = s.handled_by;
        step_by(s.x);
        EXPECT_EQ(s.handled_by, before);
        s.lock.unlock();
        step_by(s.x);
        s.seen = s.handled_by;
      },
      [&](Cpus& s) {
        seen.insert(s.seen);
        EXPECT_EQ(s.handled_by, 0);  // at the latest when the bodies have ended
      });
  expect_only(ends, "");
  EXPECT_EQ(seen, (std::set<int>{-1, 0}));
}

TEST(Rcu, CallbacksOfOneCpuRunInTheirOrder) {
  struct Many {
    rcu_head heads[4];
    Atomic<int> x{0};
    std::vector<long> ran;
  };
  static Many* many;
  const auto callback = [](rcu_head* head) { many->ran.push_back(head - many->heads); };
  for (unsigned seed = 1; seed <= 500; ++seed) {
    RandomChooser chooser(seed);
    const auto result = execute<Many>(
        &chooser, 3,
        [callback](Many& s, unsigned cpu) {
          many = &s;
          if (cpu == 0) {
            for (rcu_head& head : s.heads) call_rcu(&head, callback);
          } else {
            for (int i = 0; i < 3; ++i) {
              rcu_read_lock();
              s.x.fetch_add(1, order::relaxed);
              rcu_read_unlock();
            }
          }
        },
        [](Many& s) { EXPECT_EQ(s.ran, (std::vector<long>{0, 1, 2, 3})); });
    EXPECT_EQ(result.violation, "");
  }
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
