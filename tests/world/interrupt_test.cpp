// SPDX-License-Identifier: GPL-2.0-or-later
// Cross calls: where and when the handler runs, what its acknowledgement promises, that nobody
// waits for ever. And access windows, which an invalidate waits for instead.
#include "tests/world/trials.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

cpumask all_cpus() {
  cpumask mask;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) mask.set(cpu);
  return mask;
}

cpumask others() {
  cpumask mask = all_cpus();
  mask.clear(smp_processor_id());
  return mask;
}

struct Runs {
  Atomic<unsigned> on_cpu[8];
  Atomic<unsigned> with_interrupts_on{0};

  static void count(void* runs) {
    auto& r = *static_cast<Runs*>(runs);
    r.on_cpu[smp_processor_id()].fetch_add(1, order::relaxed);
    if (!irqs_disabled()) r.with_interrupts_on.fetch_add(1, order::relaxed);
  }
};

TEST(CrossCall, RunsOnEachTargetWithInterruptsOffBeforeTheWaitReturns) {
  each_trial(3, [](Machine& machine) {
    Runs runs;
    machine.run([&](unsigned cpu) {
      if (cpu != 0) return;  // the targets idle
      for (unsigned i = 1; i <= rounds; ++i) {
        EXPECT_FALSE(irqs_disabled());
        ipi_wait(ipi_post(others(), Runs::count, &runs));
        EXPECT_EQ(runs.on_cpu[1].load(order::relaxed), i);
        EXPECT_EQ(runs.on_cpu[2].load(order::relaxed), i);
      }
      EXPECT_EQ(runs.on_cpu[0].load(order::relaxed), 0U);
      EXPECT_EQ(runs.with_interrupts_on.load(order::relaxed), 0U);
    });
    EXPECT_EQ(machine.counters(0).ipis_sent, 2 * rounds);
    EXPECT_EQ(machine.counters(0).interrupts, 0U);
    EXPECT_EQ(machine.counters(1).interrupts, rounds);
    EXPECT_EQ(machine.counters(2).interrupts, rounds);
  });
}

TEST(CrossCall, OnEachCpuIncludesTheCaller) {
  each_trial(3, [](Machine& machine) {
    Runs runs;
    machine.run([&](unsigned cpu) {
      if (cpu != 1) return;
      on_each_cpu_mask(all_cpus(), Runs::count, &runs);
      on_each_cpu_mask(cpumask::of(1), Runs::count, &runs);
      on_each_cpu_mask(cpumask::of(2), Runs::count, &runs);
      on_each_cpu_mask(cpumask{}, Runs::count, &runs);
    });
    EXPECT_EQ(runs.on_cpu[0].load(order::relaxed), 1U);
    EXPECT_EQ(runs.on_cpu[1].load(order::relaxed), 2U);
    EXPECT_EQ(runs.on_cpu[2].load(order::relaxed), 2U);
    EXPECT_EQ(runs.with_interrupts_on.load(order::relaxed), 0U);
  });
}

// What the sender wrote the handler sees, what the handler wrote the sender sees after the wait.
TEST(CrossCall, PostAndAcknowledgementCarryPlainWords) {
  struct Mail {
    Shared<unsigned> question, answer;
  };
  each_trial(2, [](Machine& machine) {
    Mail mail;
    machine.run([&](unsigned cpu) {
      if (cpu != 0) return;
      for (unsigned i = 1; i <= rounds; ++i) {
        mail.question.set(i);
        const auto answer = [](void* info) {
          auto& m = *static_cast<Mail*>(info);
          m.answer.set(m.question.get() * 2);
        };
        ipi_wait(ipi_post(cpumask::of(1), answer, &mail));
        EXPECT_EQ(mail.answer.get(), 2 * i);
      }
    });
  });
}

TEST(CrossCall, ComesNotWhileInterruptsAreOff) {
  struct Region {
    Atomic<unsigned> inside{0}, broken{0};
  };
  each_trial(2, [](Machine& machine) {
    Region region;
    machine.run([&](unsigned cpu) {
      for (unsigned i = 0; i < rounds; ++i) {
        if (cpu == 0) {
          const auto look = [](void* info) {
            auto& r = *static_cast<Region*>(info);
            r.broken.fetch_add(r.inside.load(order::relaxed), order::relaxed);
          };
          ipi_wait(ipi_post(cpumask::of(1), look, &region));
          continue;
        }
        local_irq_save();
        region.inside.store(1, order::relaxed);
        local_irq_save();  // nests
        EXPECT_TRUE(irqs_disabled());
        local_irq_restore();
        EXPECT_TRUE(irqs_disabled());
        region.inside.store(0, order::relaxed);
        local_irq_restore();
        EXPECT_FALSE(irqs_disabled());
      }
    });
    EXPECT_EQ(region.broken.load(order::relaxed), 0U);
  });
}

TEST(CrossCall, TwoPostsWhileInterruptsAreOffAreOneInterrupt) {
  each_trial(3, [](Machine& machine) {
    Runs runs;
    Atomic<unsigned> off{0}, posted{0};
    machine.run([&](unsigned cpu) {
      if (cpu == 1) {
        local_irq_save();
        off.store(1, order::release);
        wait_for(posted, 2);
        EXPECT_EQ(runs.on_cpu[1].load(order::relaxed), 0U);
        local_irq_restore();
        return;
      }
      wait_for(off, 1);
      const ipi_ticket ticket = ipi_post(cpumask::of(1), Runs::count, &runs);
      posted.fetch_add(1, order::release);
      ipi_wait(ticket);
    });
    EXPECT_EQ(runs.on_cpu[1].load(order::relaxed), 2U);
    EXPECT_EQ(machine.counters(1).interrupts, 1U);
    EXPECT_EQ(machine.counters(0).ipis_sent + machine.counters(2).ipis_sent, 1U);
  });
}

TEST(CrossCall, AllAtOnceToAllIsNoDeadlock) {
  each_trial(4, [](Machine& machine) {
    Runs runs;
    machine.run([&](unsigned) {
      for (unsigned i = 0; i < rounds; ++i) on_each_cpu_mask(all_cpus(), Runs::count, &runs);
    });
    for (unsigned cpu = 0; cpu < 4; ++cpu)
      EXPECT_EQ(runs.on_cpu[cpu].load(order::relaxed), 4 * rounds);
  });
}

// A post that nobody waited for: the next one to that CPU waits for it first.
TEST(CrossCall, PostsWithoutAWaitAreNotLost) {
  each_trial(2, [](Machine& machine) {
    Runs runs;
    machine.run([&](unsigned cpu) {
      if (cpu != 0) return;
      for (unsigned i = 0; i < rounds; ++i)
        static_cast<void>(ipi_post(cpumask::of(1), Runs::count, &runs));
    });
    EXPECT_EQ(runs.on_cpu[1].load(order::relaxed), rounds);
  });
}

// The holder of a lock waits for an acknowledgement from a CPU that waits for the lock.
TEST(CrossCall, AWaiterForALockAcknowledges) {
  each_trial(3, [](Machine& machine) {
    Runs runs;
    Spinlock lock;
    RwSem sem;
    machine.run([&](unsigned) {
      for (unsigned i = 0; i < rounds; ++i) {
        lock.lock();
        ipi_wait(ipi_post(others(), Runs::count, &runs));
        lock.unlock();
        sem.down_write();
        ipi_wait(ipi_post(others(), Runs::count, &runs));
        sem.up_write();
      }
    });
    for (unsigned cpu = 0; cpu < 3; ++cpu)
      EXPECT_EQ(runs.on_cpu[cpu].load(order::relaxed), 2 * 2 * rounds);
  });
}

TEST(AccessWindow, WhoWaitsFindsItClosed) {
  each_trial(3, [](Machine& machine) {
    Atomic<unsigned> opened{0}, closed{0};
    machine.run([&](unsigned cpu) {
      for (unsigned i = 1; i <= rounds; ++i) {
        if (cpu == 0) {
          access_window<true> window;
          opened.store(i, order::relaxed);
          for (int look = 0; look < 20; ++look) static_cast<void>(closed.load(order::relaxed));
          closed.store(i, order::relaxed);
        } else {
          const unsigned open = opened.load(order::relaxed);
          access_windows_wait();
          EXPECT_GE(closed.load(order::relaxed), open);
        }
      }
    });
  });
}

TEST(AccessWindow, DoesNotWaitForInterruptsOffOrReaders) {
  each_trial(2, [](Machine& machine) {
    Atomic<unsigned> waited{0};
    Meeting meeting;
    machine.run([&](unsigned cpu) {
      if (cpu == 0) {
        local_irq_save();
        rcu_read_lock();
      }
      meeting.meet();
      if (cpu == 1) {
        access_windows_wait();
        waited.store(1, order::release);
        return;
      }
      wait_for(waited, 1);
      rcu_read_unlock();
      local_irq_restore();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
