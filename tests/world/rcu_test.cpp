// SPDX-License-Identifier: GPL-2.0-or-later
// RCU: a grace period waits for readers of both kinds, callbacks run on the CPU that posted them.
#include "tests/world/trials.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr unsigned grace_periods = 3;  // each takes milliseconds in real

// CPU 0 takes objects out of use and waits; the others read the one in use.
template <class Enter, class Leave>
void readers_never_see_a_dead_object(Enter enter, Leave leave) {
  each_trial(3, [&](Machine& machine) {
    Shared<bool> dead[grace_periods + 1];
    Atomic<Shared<bool>*> slot{&dead[0]};
    Atomic<unsigned> done{0};
    machine.run([&](unsigned cpu) {
      if (cpu == 0) {
        for (unsigned i = 0; i < grace_periods; ++i) {
          rcu_assign_pointer(slot, &dead[i + 1]);
          synchronize_rcu();
          dead[i].set(true);
        }
        done.store(1, order::release);
        return;
      }
      for (unsigned i = 0; i < rounds || done.load(order::relaxed) == 0; ++i) {
        enter();
        Shared<bool>* object = rcu_dereference(slot);
        EXPECT_FALSE(object->get());
        static_cast<void>(done.load(order::relaxed));
        EXPECT_FALSE(object->get());
        leave();
      }
    });
  });
}

TEST(Rcu, GracePeriodWaitsForReadSideSections) {
  readers_never_see_a_dead_object(rcu_read_lock, rcu_read_unlock);
}

TEST(Rcu, GracePeriodWaitsForInterruptsOff) {
  readers_never_see_a_dead_object(local_irq_save, local_irq_restore);
}

// A handler runs with interrupts off, so it is a section.
TEST(Rcu, GracePeriodWaitsForHandlers) {
  struct World {
    Shared<bool> dead[grace_periods + 1];
    Atomic<Shared<bool>*> slot{&dead[0]};
    Atomic<unsigned> other{0};
  };
  each_trial(3, [](Machine& machine) {
    World world;
    machine.run([&](unsigned cpu) {
      for (unsigned i = 0; cpu == 0 && i < grace_periods; ++i) {
        rcu_assign_pointer(world.slot, &world.dead[i + 1]);
        synchronize_rcu();
        world.dead[i].set(true);
      }
      const auto read = [](void* info) {
        auto& w = *static_cast<World*>(info);
        Shared<bool>* object = rcu_dereference(w.slot);
        static_cast<void>(w.other.load(order::relaxed));
        EXPECT_FALSE(object->get());
      };
      for (unsigned i = 0; cpu == 1 && i < rounds; ++i)
        ipi_wait(ipi_post(cpumask::of(2), read, &world));
    });
  });
}

TEST(Rcu, SectionsNest) {
  readers_never_see_a_dead_object(
      [] {
        rcu_read_lock();
        local_irq_save();
        rcu_read_lock();
        rcu_read_unlock();
        local_irq_restore();
      },
      rcu_read_unlock);
}

struct Posted {
  rcu_head head{};
  Atomic<unsigned> ran{0};
  Atomic<unsigned> on_cpu{~0U};

  static void callback(rcu_head* head) {
    auto& posted = *reinterpret_cast<Posted*>(head);
    posted.on_cpu.store(smp_processor_id(), order::relaxed);
    posted.ran.fetch_add(1, order::release);
  }
};

TEST(Rcu, CallbacksRunOnceOnTheirOwnCpu) {
  each_trial(3, [](Machine& machine) {
    Posted posted[3][4];
    machine.run([&](unsigned cpu) {
      for (Posted& one : posted[cpu]) call_rcu(&one.head, Posted::callback);
    });
    for (unsigned cpu = 0; cpu < 3; ++cpu) {
      for (Posted& one : posted[cpu]) {
        EXPECT_EQ(one.ran.load(order::acquire), 1U);
        EXPECT_EQ(one.on_cpu.load(order::relaxed), cpu);
      }
    }
  });
}

// As they were posted: whoever posts a free after another may rely on it.
TEST(Rcu, CallbacksOfOneCpuRunInTheirOrder) {
  struct Turn {
    Posted posted;
    Turn* before = nullptr;
    bool in_order = false;
  };
  each_trial(2, [](Machine& machine) {
    Turn turns[2][5];
    machine.run([&](unsigned cpu) {
      Turn* before = nullptr;
      for (Turn& turn : turns[cpu]) {
        turn.before = before;
        before = &turn;
        call_rcu(&turn.posted.head, [](rcu_head* head) {
          auto& self = *reinterpret_cast<Turn*>(head);
          self.in_order = self.before == nullptr || self.before->in_order;
        });
      }
    });
    EXPECT_TRUE(turns[0][4].in_order && turns[1][4].in_order);
  });
}

TEST(Rcu, CallbackWaitsForAReaderAndThenComesWhenTheCpuIsIdle) {
  each_trial(2, [](Machine& machine) {
    Posted posted;
    Atomic<unsigned> stage{0};
    machine.run([&](unsigned cpu) {
      if (cpu == 1) {
        rcu_read_lock();
        stage.store(1, order::release);
        wait_for(stage, 2);
        EXPECT_EQ(posted.ran.load(order::relaxed), 0U);
        rcu_read_unlock();
        return;
      }
      wait_for(stage, 1);
      call_rcu(&posted.head, Posted::callback);
      stage.store(2, order::release);
      while (posted.ran.load(order::acquire) == 0) {
        cpu_event(CpuEvent::idle);
        cpu_relax();
      }
    });
    EXPECT_EQ(posted.on_cpu.load(order::relaxed), 0U);
  });
}

TEST(Rcu, ACallbackMayPostAnother) {
  struct Twice {
    Posted first, second;
  };
  each_trial(2, [](Machine& machine) {
    Twice twice;
    machine.run([&](unsigned cpu) {
      if (cpu != 1) return;
      call_rcu(&twice.first.head, [](rcu_head* head) {
        Posted::callback(head);
        call_rcu(&reinterpret_cast<Twice*>(head)->second.head, Posted::callback);
      });
    });
    EXPECT_EQ(twice.first.ran.load(order::acquire), 1U);
    EXPECT_EQ(twice.second.ran.load(order::acquire), 1U);
    EXPECT_EQ(twice.second.on_cpu.load(order::relaxed), 1U);
  });
}

// All CPUs at once: each waits for the sections of the others, none for itself.
TEST(Rcu, EverybodyWaitsAtOnce) {
  each_trial(3, [](Machine& machine) {
    Atomic<unsigned> word{0};
    machine.run([&](unsigned) {
      rcu_read_lock();
      word.fetch_add(1, order::relaxed);
      rcu_read_unlock();
      synchronize_rcu();
    });
    EXPECT_EQ(word.load(order::relaxed), 3U);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
