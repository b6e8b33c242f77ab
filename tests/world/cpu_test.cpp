// SPDX-License-Identifier: GPL-2.0-or-later
// The CPU itself: who it is, what it chooses, what it reports.
#include <vector>

#include "tests/world/trials.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

TEST(Cpu, KnowsWhoItIs) {
  each_trial(4, [](Machine& machine) {
    EXPECT_EQ(machine.cpus(), 4U);
    Atomic<unsigned> sum{0};
    machine.run([&](unsigned cpu) {
      preempt_disable();
      EXPECT_EQ(smp_processor_id(), cpu);
      EXPECT_EQ(nr_cpu_ids(), 4U);
      sum.fetch_add(1U << (8 * cpu), order::relaxed);
      EXPECT_EQ(smp_processor_id(), cpu);
      preempt_enable();
    });
    EXPECT_EQ(sum.load(order::relaxed), 0x01010101U);
  });
}

TEST(Cpu, ExecutesAllEventsWithInterruptsOn) {
  each_trial(2, [](Machine& machine) {
    machine.run([&](unsigned) {
      for (CpuEvent event :
           {CpuEvent::tick, CpuEvent::context_switch, CpuEvent::idle, CpuEvent::kernel_exit}) {
        cpu_event(event);
        charge(Cost::tlb_hit);
        EXPECT_FALSE(irqs_disabled());
      }
      vm_bug_on(false, "never");
    });
  });
}

// ---- the hardware's freedom ---------------------------------------------------------------------

std::vector<unsigned> chosen(std::uint64_t seed, unsigned n) {
  MachineOptions options;
  options.cpus = 2;
  options.seed = seed;
  Machine machine(options);
  std::vector<unsigned> all(2 * 100);
  machine.run([&](unsigned cpu) {
    for (unsigned i = 0; i < 100; ++i) all[cpu * 100 + i] = choose(n);
  });
  return all;
}

TEST(Choose, AnswersZeroWithoutASeed) { EXPECT_EQ(chosen(0, 7), std::vector<unsigned>(200)); }

TEST(Choose, IsAFunctionOfTheSeed) {
  EXPECT_EQ(chosen(5, 7), chosen(5, 7));
  EXPECT_NE(chosen(5, 7), chosen(6, 7));
  const std::vector<unsigned> all = chosen(5, 7);
  EXPECT_NE(std::vector(all.begin(), all.begin() + 100), std::vector(all.begin() + 100, all.end()));
}

TEST(Choose, TakesEveryAnswerAndNoOther) {
  std::vector<unsigned> count(5);
  for (unsigned answer : chosen(3, 5)) {
    ASSERT_LT(answer, 5U);
    ++count[answer];
  }
  for (unsigned of_it : count) EXPECT_GT(of_it, 0U);
  EXPECT_EQ(chosen(3, 1), std::vector<unsigned>(200));
}

// ---- events -------------------------------------------------------------------------------------

// Listens to one CPU, so in real it is used by one thread only.
class Recorder final : public TraceSink {
 public:
  void event(const trace_event& what) noexcept override { events.push_back(what); }
  std::vector<trace_event> events;
};

TEST(Trace, EventsReachTheListenerOfTheirCpu) {
  each_trial(3, [](Machine& machine) {
    Recorder recorders[2];
    machine.attach(0, &recorders[0]);
    machine.attach(1, &recorders[1]);
    machine.run([&](unsigned cpu) {
      EXPECT_EQ(tracing(), cpu != 2);
      trace(EventKind::tlb_flush, 10 + cpu, 1, 2, 3, 4);
      if (cpu == 0)
        ipi_wait(ipi_post(cpumask::of(1), [](void*) { trace(EventKind::ipi_send, 99); }, nullptr));
      trace(EventKind::user_read);
    });
    ASSERT_EQ(recorders[0].events.size(), 2U);
    ASSERT_EQ(recorders[1].events.size(), 3U);
    for (unsigned cpu = 0; cpu < 2; ++cpu) {
      unsigned handlers = 0;
      for (const trace_event& event : recorders[cpu].events) {
        EXPECT_EQ(event.cpu, cpu);
        if (event.kind == EventKind::ipi_send) ++handlers;
        if (event.kind != EventKind::tlb_flush) continue;
        EXPECT_EQ(event.mm, 10 + cpu);
        EXPECT_TRUE(event.a == 1 && event.b == 2 && event.c == 3 && event.d == 4);
      }
      EXPECT_EQ(handlers, cpu);
    }
  });
}

TEST(Trace, DetachedListenerHearsNothing) {
  each_trial(1, [](Machine& machine) {
    Recorder recorder;
    machine.attach(0, &recorder);
    machine.run([](unsigned) { trace(EventKind::tlb_flush); });
    machine.attach(0, nullptr);
    machine.run([](unsigned) {
      EXPECT_FALSE(tracing());
      trace(EventKind::tlb_flush);
    });
    EXPECT_EQ(recorder.events.size(), 1U);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
