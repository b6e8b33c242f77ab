// SPDX-License-Identifier: GPL-2.0-or-later
// What only the real world has: pinned threads, and more CPUs than processors.
#include <vector>

#include <sched.h>

#include "tests/world/trials.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// Up to two processing units that this process may use.
std::vector<unsigned> two_units() {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<unsigned> units;
  for (unsigned unit = 0; unit < CPU_SETSIZE && units.size() < 2; ++unit)
    if (CPU_ISSET(unit, &allowed)) units.push_back(unit);
  return units;
}

MachineOptions eight_cpus_on(const std::vector<unsigned>& units) {
  MachineOptions options;
  options.cpus = 8;
  for (unsigned cpu = 0; cpu < options.cpus; ++cpu)
    options.units.push_back(units[cpu % units.size()]);
  return options;
}

TEST(RealWorld, ThreadsStayOnTheirUnits) {
  const std::vector<unsigned> units = two_units();
  Machine machine(eight_cpus_on(units));
  machine.run([&](unsigned cpu) {
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(static_cast<unsigned>(sched_getcpu()), units[cpu % units.size()]);
      cpu_relax();
    }
  });
}

// A lock, cross calls to everybody and grace periods on eight CPUs of two units: each loop waits
// for threads that do not run at the moment.
TEST(RealWorld, EightCpusOnTwoUnitsMakeProgress) {
  Machine machine(eight_cpus_on(two_units()));
  EXPECT_TRUE(machine.oversubscribed());
  Spinlock lock;
  RwSem sem;
  Shared<unsigned> locked, written;
  Atomic<unsigned> handled{0};
  constexpr unsigned turns = 50;
  machine.run([&](unsigned) {
    cpumask all;
    for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) all.set(cpu);
    for (unsigned i = 0; i < turns; ++i) {
      lock.lock();
      locked.set(locked.get() + 1);
      lock.unlock();
      sem.down_write();
      written.set(written.get() + 1);
      sem.up_write();
      on_each_cpu_mask(
          all,
          [](void* word) { static_cast<Atomic<unsigned>*>(word)->fetch_add(1, order::relaxed); },
          &handled);
    }
    synchronize_rcu();
  });
  EXPECT_EQ(locked.get(), 8 * turns);
  EXPECT_EQ(written.get(), 8 * turns);
  EXPECT_EQ(handled.load(order::relaxed), 8 * 8 * turns);
}

TEST(RealWorld, OneCpuIsNotOversubscribed) {
  MachineOptions options;
  options.units = {two_units().front()};
  EXPECT_FALSE(Machine(options).oversubscribed());
}

TEST(RealWorldDeathTest, ABrokenInvariantStopsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(vm_bug_on(true, "planted"), "broken invariant: planted");
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
