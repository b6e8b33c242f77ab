// SPDX-License-Identifier: GPL-2.0-or-later
// Shrinking: what comes out fails in the same way, is as small as can be where that is known, and
// is the same each time.
#include "harness/explore/shrink.h"

#include <algorithm>

#include "harness/explore/schedule.h"
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

const std::atomic<bool> go_on{false};
const std::atomic<bool> stopped{true};

// CPU 0 publishes before it has written; CPU 1 looks in between. Padding makes walks long.
struct Message {
  Atomic<int> flag{0}, data{0}, pad{0};
};
template <int Padding>
void early_flag(Message& s, unsigned cpu) {
  for (int i = 0; i < Padding; ++i) step_by(s.pad);
  if (cpu == 0) {
    s.flag.store(1, order::release);
    s.data.store(1, order::relaxed);
  } else if (s.flag.load(order::acquire) == 1) {
    vm_bug_on(s.data.load(order::relaxed) == 0, "early_flag");
  }
  for (int i = 0; i < Padding; ++i) step_by(s.pad);
}
template <int Padding>
ExecutionResult message(Chooser& chooser) {
  return execute<Message>(&chooser, 2, early_flag<Padding>);
}

// Takes the hardware's answer 2 on CPU 1, and nothing of CPU 0's.
void needs_an_answer(Message& s, unsigned cpu) {
  const unsigned first = choose(4), second = choose(4);
  step_by(s.pad);
  vm_bug_on(cpu == 1 && second == 2, first == 3 ? "other" : "answer");
}
ExecutionResult answers(Chooser& chooser) { return execute<Message>(&chooser, 2, needs_an_answer); }

// An interrupt that comes between two steps of its CPU breaks what it does there.
struct Interrupted {
  Atomic<int> busy{0}, pad{0};
};
void handler(void* state) {
  vm_bug_on(static_cast<Interrupted*>(state)->busy.load(order::relaxed) != 0, "interrupted");
}
void interrupting(Interrupted& s, unsigned cpu) {
  if (cpu == 0) return on_each_cpu_mask(cpumask::of(1), handler, &s);
  for (int i = 0; i < 5; ++i) step_by(s.pad);
  s.busy.store(1, order::relaxed);
  for (int i = 0; i < 3; ++i) step_by(s.pad);
  s.busy.store(0, order::relaxed);
}
ExecutionResult interrupts(Chooser& chooser) {
  return execute<Interrupted>(&chooser, 2, interrupting);
}

// CPU 0 waits again and again; CPU 1 says nothing for long.
struct Waiting {
  Atomic<int> turn{0}, pad{0}, broken{0};
};
void waits(Waiting& s, unsigned cpu) {
  for (int round = 1; round <= 3; ++round) {
    while (cpu == 0 && s.turn.load(order::acquire) < round) cpu_relax();
    if (cpu == 1) {
      for (int i = 0; i < 6; ++i) s.pad.fetch_add(1, order::relaxed);
      s.turn.store(round, order::release);
    }
  }
  if (cpu == 0) s.broken.store(1, order::relaxed);
  if (cpu != 2) return;
  for (int i = 0; i < 15; ++i) step_by(s.pad);
  vm_bug_on(s.broken.load(order::relaxed) == 1, "waited");
}
ExecutionResult waiting(Chooser& chooser) { return execute<Waiting>(&chooser, 3, waits); }

ExecutionResult first_failing(const Execute& program, std::uint64_t seed) {
  SearchOptions options;
  options.seed = seed;
  options.max_executions = 100'000;
  const SearchResult found = RandomSearch(options).run(program, go_on);
  EXPECT_TRUE(found.first);
  return found.first ? found.first->result : ExecutionResult{};
}

ScheduleSize smallest(const Execute& program, const std::string& kind) {
  ScheduleSize best{~0ULL, ~0ULL, ~0ULL};
  EverySchedule chooser;
  do {
    const ExecutionResult one = program(chooser);
    if (one.violation == kind) best = std::min(best, size_of(one.schedule));
  } while (chooser.next());
  return best;
}

TEST(Shrink, SizeCountsSwitchesThenAnswersThenSteps) {
  const Schedule schedule = parse_schedule("v1 a2 a:3 b.irq b1 a:0 b:1 a1");
  EXPECT_EQ(size_of(schedule.steps), (ScheduleSize{2, 2, 5}));
  EXPECT_EQ(size_of({}), ScheduleSize{});
  // What hardware does on another CPU is no switch to it.
  EXPECT_EQ(size_of(parse_schedule("v1 a2 b.walk b:0 a1 b.evict b:1 a1").steps),
            (ScheduleSize{0, 3, 6}));
  EXPECT_LT((ScheduleSize{1, 9, 9}), (ScheduleSize{2, 0, 0}));
  EXPECT_LT((ScheduleSize{1, 0, 9}), (ScheduleSize{1, 1, 0}));
}

TEST(Shrink, ReachesTheSmallestOfAll) {
  const ScheduleSize least = smallest(message<1>, "early_flag");
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const ShrinkResult shrunk = shrink(message<1>, first_failing(message<1>, seed), {}, go_on);
    EXPECT_EQ(shrunk.after, least) << print_steps(shrunk.result.schedule);
  }
}

TEST(Shrink, EverythingShrunkFailsInItsKindAndReplays) {
  for (const Execute& program :
       {Execute(message<20>), Execute(answers), Execute(interrupts), Execute(waiting)})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const ExecutionResult failing = first_failing(program, seed);
      const ShrinkResult shrunk = shrink(program, failing, {}, go_on);
      EXPECT_EQ(shrunk.result.violation, failing.violation);
      EXPECT_EQ(shrunk.before, size_of(failing.schedule));
      EXPECT_EQ(shrunk.after, size_of(shrunk.result.schedule));
      EXPECT_LE(shrunk.after, shrunk.before);
      EXPECT_TRUE(shrunk.finished);
      ReplayChooser replay(shrunk.result.schedule);
      const ExecutionResult again = program(replay);
      EXPECT_EQ(again.violation, failing.violation);
      EXPECT_EQ(again.schedule, shrunk.result.schedule);
    }
}

TEST(Shrink, LongWalksComeDownToTheRace) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ShrinkResult shrunk = shrink(message<20>, first_failing(message<20>, seed), {}, go_on);
    EXPECT_EQ(print_steps(shrunk.result.schedule), "a21 b22");
    EXPECT_GT(shrunk.before.switches, 5U);
  }
}

TEST(Shrink, WaitingLoopsAreNotGoneRoundForNothing) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ShrinkResult shrunk = shrink(waiting, first_failing(waiting, seed), {}, go_on);
    EXPECT_EQ(shrunk.after.switches, 2U) << print_steps(shrunk.result.schedule);
  }
}

TEST(Shrink, HardwareAnswersThatDoNotMatterBecome0) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ExecutionResult failing = first_failing(answers, seed);
    const ShrinkResult shrunk = shrink(answers, failing, {}, go_on);
    EXPECT_EQ(shrunk.after.hardware, failing.violation == "other" ? 2U : 1U)
        << print_steps(shrunk.result.schedule);
  }
}

TEST(Shrink, AnInterruptStaysWhereItMatters) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ShrinkResult shrunk = shrink(interrupts, first_failing(interrupts, seed), {}, go_on);
    EXPECT_EQ(shrunk.after.switches, 1U) << print_steps(shrunk.result.schedule);
    EXPECT_NE(print_steps(shrunk.result.schedule).find("b.irq b1"), std::string::npos);
  }
}

TEST(Shrink, IsAFunctionOfItsArguments) {
  const ExecutionResult failing = first_failing(message<20>, 3);
  const ShrinkResult a = shrink(message<20>, failing, {}, go_on);
  const ShrinkResult b = shrink(message<20>, failing, {}, go_on);
  EXPECT_EQ(a.result.schedule, b.result.schedule);
  EXPECT_EQ(a.executions, b.executions);
}

TEST(Shrink, KeepsItsBoundsAndWhatItWasGiven) {
  const ExecutionResult failing = first_failing(message<20>, 3);
  for (std::uint64_t bound : {0U, 1U, 2U, 5U}) {
    const ShrinkResult bounded = shrink(message<20>, failing, {.max_executions = bound}, go_on);
    EXPECT_EQ(bounded.executions, bound);
    EXPECT_FALSE(bounded.finished);
    EXPECT_EQ(bounded.result.violation, "early_flag");
  }
  const ShrinkResult few_steps = shrink(message<20>, failing, {.max_steps = 1}, go_on);
  EXPECT_EQ(few_steps.executions, 1U);
  const ShrinkResult none = shrink(message<20>, failing, {}, stopped);
  EXPECT_EQ(none.executions, 0U);
  EXPECT_EQ(none.result.schedule, failing.schedule);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
