// SPDX-License-Identifier: GPL-2.0-or-later
// The machine of the explore world: its bounds, its memory, what it says afterwards.
#include <cstring>
#include <stdexcept>

#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

MachineOptions with_cpus(unsigned cpus) {
  MachineOptions options;
  options.cpus = cpus;
  return options;
}

TEST(ExploredMachine, RefusesMoreCpusThanItHasActorsFor) {
  try {
    Machine machine(with_cpus(max_explored_cpus + 1));
    FAIL() << "took " << max_explored_cpus + 1;
  } catch (const std::invalid_argument& refusal) {
    EXPECT_STREQ(refusal.what(), "the explore world takes 1 to 21 CPUs, not 22");
  }
  EXPECT_THROW(Machine{with_cpus(0)}, std::invalid_argument);
}

TEST(ExploredMachine, TakesAsManyAsItSays) {
  Machine machine(with_cpus(max_explored_cpus));
  Atomic<unsigned> sum{0};
  machine.run([&](unsigned cpu) {
    sum.fetch_add(cpu, order::relaxed);
    ipi_wait(ipi_post(
        cpumask::of((cpu + 1) % max_explored_cpus),
        [](void* word) { static_cast<Atomic<unsigned>*>(word)->fetch_add(1000, order::relaxed); },
        &sum));
  });
  EXPECT_EQ(machine.result().violation, "");
  EXPECT_EQ(sum.load(order::relaxed), 210U + 21000U);
}

// Several runs of one machine are one execution: memory stays, what was before is ordered before.
TEST(ExploredMachine, RunsFollowEachOther) {
  Machine machine(with_cpus(2));
  Shared<int> word;
  machine.run([&](unsigned cpu) {
    if (cpu == 0) word.set(1);
  });
  machine.run([&](unsigned cpu) {
    if (cpu == 1) word.set(word.get() + 1);
  });
  EXPECT_EQ(machine.result().violation, "");
  EXPECT_EQ(word.get(), 2);
}

TEST(ExploredMachine, AnEndedExecutionIsNotTakenUpAgain) {
  Machine machine(with_cpus(1));
  machine.run([](unsigned) { vm_bug("planted"); });
  bool ran = false;
  machine.run([&](unsigned) { ran = true; });
  EXPECT_FALSE(ran);
  EXPECT_EQ(machine.result().violation, "planted");
}

TEST(ExploredMachine, SaysWhereAndHowMuch) {
  Machine machine(with_cpus(2));
  Atomic<int> word{0};
  machine.run([&](unsigned cpu) {
    word.fetch_add(1, order::relaxed);
    charge(Cost::page_fault);
    if (cpu == 1) charge(Cost::page_fault);
    word.fetch_add(1, order::relaxed);
    vm_bug_on(word.load(order::relaxed) == 4, "planted");
  });
  EXPECT_EQ(machine.result().violation, "planted");
  EXPECT_EQ(machine.result().cpu, 1U);
  EXPECT_EQ(machine.result().steps, 6U);
  EXPECT_EQ(machine.result().schedule.size(), 6U);
  EXPECT_EQ(machine.result().switches, 1U);
  EXPECT_EQ(machine.charged(0, Cost::page_fault), 1U);
  EXPECT_EQ(machine.charged(1, Cost::page_fault), 2U);
}

class EndsAtSecondEvent final : public TraceSink {
 public:
  explicit EndsAtSecondEvent(Machine& machine) : machine_(machine) {}
  void event(const trace_event&) noexcept override {
    if (++events_ == 2) machine_.request_end();
  }
  [[nodiscard]] int events() const { return events_; }

 private:
  Machine& machine_;
  int events_ = 0;
};

TEST(ExploredMachine, AListenerCanEndTheExecution) {
  Machine machine(with_cpus(1));
  EndsAtSecondEvent sink(machine);
  machine.attach(0, &sink);
  Atomic<int> word{0};
  machine.run([&](unsigned) {
    for (int i = 0; i < 10; ++i) {
      word.fetch_add(1, order::relaxed);
      trace(EventKind::tlb_flush);
    }
  });
  EXPECT_TRUE(machine.result().ok());
  EXPECT_TRUE(machine.result().cut_short);
  EXPECT_EQ(sink.events(), 2);
  EXPECT_EQ(word.load(order::relaxed), 2);
}

TEST(ExploredMachine, StepLimitIsExact) {
  MachineOptions options = with_cpus(1);
  options.step_limit = 5;
  for (int accesses : {5, 6}) {
    Machine machine(options);
    Atomic<int> word{0};
    machine.run([&](unsigned) {
      for (int i = 0; i < accesses; ++i) word.fetch_add(1, order::relaxed);
    });
    EXPECT_EQ(machine.result().violation, accesses == 5 ? "" : "step_limit");
    EXPECT_EQ(word.load(order::relaxed), 5);
  }
}

// ---- memory -------------------------------------------------------------------------------------

// Every execution is abandoned with all its memory in use. The leak checker of the sanitized build
// looks at the end of the program; here the memory of one execution is seen again by the next.
TEST(ExploredMemory, AbandonedExecutionsGiveTheirMemoryBack) {
  struct Held {
    Atomic<int> x{0};
    void* frame = nullptr;
  };
  std::vector<void*> frames;
  for (int round = 0; round < 50; ++round) {
    const auto result = execute<Held>(nullptr, 2, [&](Held& s, unsigned) {
      for (std::size_t bytes : {1U, 100U, 5000U, 100'000U}) {
        void* object = kmalloc(bytes, AllocSite::object);
        std::memset(object, 1, bytes);
      }
      for (int i = 0; i < 300; ++i) s.frame = alloc_frame(AllocSite::user_page);
      frames.push_back(s.frame);
      s.x.fetch_add(1, order::relaxed);
      vm_bug_on(s.x.load(order::relaxed) == 2, "planted");
    });
    EXPECT_EQ(result.violation, "planted");
  }
  for (std::size_t i = 2; i < frames.size(); ++i) EXPECT_EQ(frames[i], frames[i % 2]);
}

// Else a search and the replay of what it found could differ.
TEST(ExploredMemory, AFrameShowsNothingOfAnEarlierExecution) {
  struct Seen {
    Atomic<int> x{0};
    unsigned char first = 0, last = 0;
  };
  std::vector<unsigned> seen;
  for (int round = 0; round < 3; ++round) {
    execute<Seen>(
        nullptr, 1,
        [](Seen& s, unsigned) {
          auto* frame = static_cast<unsigned char*>(alloc_frame(AllocSite::user_page));
          s.first = frame[0];
          s.last = frame[page_size - 1];
          std::memset(frame, s.first + 1, page_size);
        },
        [&](Seen& s) { seen.push_back(s.first * 256U + s.last); });
  }
  EXPECT_EQ(seen, std::vector<unsigned>(3, seen[0]));
}

TEST(ExploredMemory, FreeingTwiceIsNamed) {
  struct Nothing {};
  EXPECT_EQ(execute<Nothing>(nullptr, 1,
                             [](Nothing&, unsigned) {
                               void* frame = alloc_frame(AllocSite::user_page);
                               free_frame(frame);
                               free_frame(frame);
                             })
                .violation,
            "frame_freed_twice");
  for (std::size_t bytes : {64U, 100'000U}) {
    EXPECT_EQ(execute<Nothing>(nullptr, 1,
                               [bytes](Nothing&, unsigned) {
                                 void* object = kmalloc(bytes, AllocSite::object);
                                 kfree(object);
                                 kfree(object);
                               })
                  .violation,
              "object_freed_twice");
  }
}

// Stale accesses within one execution are AddressSanitizer's to find.
TEST(ExploredMemoryDeathTest, UseAfterFreeIsSeenByTheSanitizer) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto use_after_free = [](bool frame) {
    struct Nothing {};
    execute<Nothing>(nullptr, 1, [frame](Nothing&, unsigned) {
      auto* memory = static_cast<volatile char*>(frame ? alloc_frame(AllocSite::user_page)
                                                       : kmalloc(64, AllocSite::object));
      if (frame)
        free_frame(const_cast<char*>(memory));
      else
        kfree(const_cast<char*>(memory));
      memory[1] = 1;
    });
  };
  EXPECT_DEATH(use_after_free(true), "use-after-poison");
  EXPECT_DEATH(use_after_free(false), "use-after-poison");
#else
  GTEST_SKIP() << "wants a build with AddressSanitizer";
#endif
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
