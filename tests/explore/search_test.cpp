// SPDX-License-Identifier: GPL-2.0-or-later
// The random search: finds a planted race, says how to see it again, keeps its budgets.
#include <chrono>

#include "harness/explore/schedule.h"
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// Two CPUs take a reference to the last user's object: the check and the increment are two steps.
struct Object {
  Atomic<int> references{1};
  Atomic<int> other{0};
  bool freed = false;
};

template <bool Fixed>
void use(Object& s, unsigned cpu) {
  if (cpu == 0) {
    if (s.references.fetch_sub(1, order::full) == 1) s.freed = true;
    return;
  }
  for (int i = 0; i < 4; ++i) s.other.fetch_add(1, order::relaxed);
  int seen = s.references.load(order::relaxed);
  if constexpr (Fixed) {
    while (seen != 0 && !s.references.compare_exchange(seen, seen + 1, order::full)) {
    }
  } else if (seen != 0) {
    s.references.fetch_add(1, order::full);
  }
  if (seen == 0) return;
  vm_bug_on(s.freed, "used_after_free");
  if (s.references.fetch_sub(1, order::full) == 1) s.freed = true;
}

template <bool Fixed>
ExecutionResult execution(Chooser& chooser) {
  return execute<Object>(&chooser, 2, use<Fixed>);
}

const std::atomic<bool> go_on{false};

TEST(RandomSearch, FindsAPlantedRaceAndSaysHow) {
  SearchOptions options;
  options.max_executions = 100'000;
  const SearchResult found = RandomSearch(options).run(execution<false>, go_on);
  ASSERT_EQ(found.end, SearchEnd::violation);
  ASSERT_TRUE(found.first);
  EXPECT_EQ(found.violations, 1U);
  EXPECT_EQ(found.first->result.violation, "used_after_free");
  EXPECT_EQ(found.first->execution + 1, found.executions);

  ReplayChooser replay(found.first->result.schedule);
  EXPECT_EQ(execution<false>(replay).violation, "used_after_free");
}

TEST(RandomSearch, FindsNothingInTheFixedProgram) {
  SearchOptions options;
  options.max_executions = 20'000;
  const SearchResult searched = RandomSearch(options).run(execution<true>, go_on);
  EXPECT_EQ(searched.end, SearchEnd::executions);
  EXPECT_EQ(searched.executions, 20'000U);
  EXPECT_EQ(searched.violations, 0U);
  EXPECT_FALSE(searched.first);
  EXPECT_GT(searched.steps, 20'000U * 4);
  EXPECT_GT(searched.ns_per_step(), 0);
}

TEST(RandomSearch, IsAFunctionOfItsSeed) {
  SearchOptions options;
  options.max_executions = 2000;
  options.stop_at_violation = false;
  const auto run = [&](std::uint64_t seed) {
    options.seed = seed;
    return RandomSearch(options).run(execution<false>, go_on);
  };
  const SearchResult a = run(5), b = run(5), other = run(6);
  EXPECT_GT(a.violations, 1U);
  EXPECT_EQ(a.violations, b.violations);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.choices, b.choices);
  EXPECT_EQ(a.first->execution, b.first->execution);
  EXPECT_EQ(a.first->result.schedule, b.first->result.schedule);
  EXPECT_NE(a.steps, other.steps);
}

TEST(RandomSearch, KeepsItsBudgets) {
  SearchOptions options;
  options.time_budget = std::chrono::milliseconds(20);
  const SearchResult timed = RandomSearch(options).run(execution<true>, go_on);
  EXPECT_EQ(timed.end, SearchEnd::time);
  EXPECT_GE(timed.elapsed, options.time_budget);
  EXPECT_GT(timed.executions, 0U);

  const std::atomic<bool> stop{true};
  const SearchResult stopped = RandomSearch(options).run(execution<true>, stop);
  EXPECT_EQ(stopped.end, SearchEnd::stopped);
  EXPECT_EQ(stopped.executions, 0U);
  EXPECT_EQ(stopped.ns_per_step(), 0);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
