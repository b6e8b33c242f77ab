// SPDX-License-Identifier: GPL-2.0-or-later
// PCT finds what a walk cannot, a bound is kept, both are functions of their seed.
#include "harness/explore/strategies.h"

#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

const std::atomic<bool> go_on{false};

// A bug of depth 2: CPU 0 marks, then CPU 1 goes all its way, then CPU 0 looks. A walk would have to
// choose CPU 1 at each of its steps.
struct Long {
  static constexpr int way = 40;
  Atomic<int> marked{0}, arrived{0}, steps{0};
};
void overtake(Long& s, unsigned cpu) {
  if (cpu == 1) {
    const bool in_time = s.marked.load(order::relaxed) != 0;
    for (int n = 0; n < Long::way; ++n) step_by(s.steps);
    if (in_time) s.arrived.store(1, order::relaxed);
    return;
  }
  s.marked.store(1, order::relaxed);
  vm_bug_on(s.arrived.load(order::relaxed) != 0, "overtaken");
}
ExecutionResult overtaken(Chooser& chooser) { return execute<Long>(&chooser, 2, overtake); }

// The classic one: the value is read and written back, and another CPU comes in between.
struct Counter {
  Atomic<int> value{0}, done{0};
};
void count_up(Counter& s, unsigned) {
  const int seen = s.value.load(order::relaxed);
  s.value.store(seen + 1, order::relaxed);
  if (s.done.fetch_add(1, order::full) == 1)
    vm_bug_on(s.value.load(order::relaxed) != 2, "lost_update");
}
ExecutionResult counted_up(Chooser& chooser) { return execute<Counter>(&chooser, 2, count_up); }

SearchResult search(Strategy* strategy,
                    ExecutionResult (*program)(Chooser&),
                    std::uint64_t seed,
                    std::uint64_t executions) {
  SearchOptions options{.seed = seed, .max_executions = executions, .strategy = strategy};
  options.stop_at_violation = false;
  return RandomSearch(options).run(program, go_on);
}

// Of n actors and k choices PCT promises 1 / (n * k^(d - 1)) for its depth; a quarter of the
// executions has depth 2, and more depth does as well.
TEST(Pct, FindsABugOfDepthTwoAtItsRate) {
  constexpr std::uint64_t executions = 20'000;
  constexpr double promised = 1.0 / (2 * (Long::way + 3));
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    PctStrategy pct;
    const SearchResult found = search(&pct, overtaken, seed, executions);
    EXPECT_GE(static_cast<double>(found.violations), promised / PctStrategy::depths * executions)
        << "seed " << seed;
    EXPECT_EQ(search(nullptr, overtaken, seed, executions).violations, 0U) << "seed " << seed;
  }
}

TEST(Pct, FindsALostUpdate) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    PctStrategy pct;
    EXPECT_GT(search(&pct, counted_up, seed, 200).violations, 0U) << "seed " << seed;
  }
}

// Depth 1: whoever is highest goes all its way, so no update is lost.
TEST(Pct, DepthOneChangesNothing) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    PctChooser chooser(seed, 1, 100);
    const ExecutionResult result = counted_up(chooser);
    EXPECT_TRUE(result.ok());
    EXPECT_LE(result.switches, 1U);
  }
}

TEST(Pct, IsAFunctionOfItsSeed) {
  const auto run = [](std::uint64_t seed) {
    PctStrategy pct;
    return search(&pct, counted_up, seed, 300);
  };
  const SearchResult a = run(5), b = run(5), other = run(6);
  EXPECT_EQ(a.violations, b.violations);
  EXPECT_EQ(a.first->execution, b.first->execution);
  EXPECT_EQ(a.first->result.schedule, b.first->result.schedule);
  EXPECT_NE(a.violations, other.violations);
}

TEST(Pct, WhatItFindsIsReplayed) {
  PctStrategy pct;
  const SearchResult found = search(&pct, overtaken, 1, 2000);
  ASSERT_TRUE(found.first);
  ReplayChooser replay(found.first->result.schedule);
  EXPECT_EQ(overtaken(replay).violation, "overtaken");
}

// ---- the bound ----------------------------------------------------------------------------------

// How often a CPU that could have gone on did not; a check beside the chooser's own count.
class Preemptions final : public Chooser {
 public:
  explicit Preemptions(Chooser& inner) : inner_(inner) {}
  [[nodiscard]] unsigned choose(const ChoicePoint& point) noexcept override {
    const unsigned answer = inner_.choose(point);
    if (!point.hardware() && point.is_enabled(point.running) &&
        cpu_of_actor(point.actor(answer)) != point.running)
      ++seen;
    return answer;
  }
  unsigned seen = 0;

 private:
  Chooser& inner_;
};

// Each CPU interrupts the other in the middle of a long way.
void interrupt_each_other(Long& s, unsigned cpu) {
  for (int n = 0; n < 5; ++n) step_by(s.steps);
  on_each_cpu_mask(cpumask::of(1 - cpu), [](void*) {}, nullptr);
  for (int n = 0; n < 5; ++n) step_by(s.steps);
}

TEST(Bound, IsKept) {
  for (const unsigned bound : {0U, 1U, 2U, 5U}) {
    BoundedStrategy strategy(bound);
    unsigned most = 0;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
      Preemptions counted(strategy.begin(seed));
      EXPECT_TRUE((execute<Long>(&counted, 2, interrupt_each_other).ok()));
      most = std::max(most, counted.seen);
    }
    EXPECT_EQ(most, bound);  // kept, and used
  }
}

// One switch too many for no preemption: CPU 0 must be left between its two steps.
TEST(Bound, AnUpdateIsLostWithOnePreemptionAndNotWithNone) {
  BoundedStrategy none(0), one(1);
  const SearchResult without = search(&none, counted_up, 1, 2000);
  EXPECT_EQ(without.violations, 0U);
  EXPECT_EQ(none.bound_reached(), 2000U);
  EXPECT_GT(search(&one, counted_up, 1, 200).violations, 0U);
  EXPECT_GT(one.bound_reached(), 0U);
  EXPECT_LE(one.bound_reached(), 200U);
}

TEST(Bound, IsAFunctionOfItsSeed) {
  const auto run = [](std::uint64_t seed) {
    BoundedStrategy strategy(1);
    return search(&strategy, counted_up, seed, 300);
  };
  EXPECT_EQ(run(5).violations, run(5).violations);
  EXPECT_EQ(run(5).first->result.schedule, run(5).first->result.schedule);
  EXPECT_NE(run(5).violations, run(6).violations);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
