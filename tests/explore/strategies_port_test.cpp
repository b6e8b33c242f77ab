// SPDX-License-Identifier: GPL-2.0-or-later
// The strategies on the ported mm: the race of 2017 comes without its fix, in a number of executions
// that says something, and does not come with it.
#include <gtest/gtest.h>

#include "harness/instances/table.h"

namespace tlblab {
namespace {

ExploreReport explored(ExploreOptions options) {
  options.seconds = 120;
  return find_scenario("madvise-parallel-2017")->runs.front().explore(options);
}
ExploreOptions pct(std::uint64_t seed, std::uint64_t executions) {
  ExploreOptions options;
  options.seed = seed;
  options.executions = executions;
  options.strategy = ExploreStrategy::pct;
  return options;
}
ExploreOptions broken(ExploreOptions options) {
  options.fixes.nested_flush = false;
  return options;
}

TEST(StrategiesOnThePort, PctFindsTheRace) {
  unsigned found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    if (!explored(broken(pct(seed, 500))).violations.empty()) ++found;
  EXPECT_GE(found, 18U);
}

TEST(StrategiesOnThePort, PctFindsNothingWithTheFix) {
  const ExploreReport report = explored(pct(1, 3000));
  EXPECT_TRUE(report.violations.empty());
  EXPECT_EQ(report.executions, 3000U);
  EXPECT_FALSE(report.complete);
}

TEST(StrategiesOnThePort, PctIsReplayed) {
  const ExploreReport report = explored(broken(pct(1, 2000)));
  ASSERT_FALSE(report.violations.empty());
  ExploreOptions again = broken({});
  again.schedule = "v1 " + report.violations.front().schedule;
  const ExploreReport repeated = explored(again);
  ASSERT_FALSE(repeated.violations.empty());
  EXPECT_EQ(repeated.violations.front().violation.text, report.violations.front().violation.text);
  EXPECT_EQ(repeated.departed_at, -1);
}

TEST(StrategiesOnThePort, FewPreemptionsAreEnough) {
  ExploreOptions options;
  options.executions = 20'000;
  options.preemptions = 3;
  const ExploreReport report = explored(broken(options));
  EXPECT_FALSE(report.violations.empty());
  EXPECT_GT(report.bound_reached, 0U);
  EXPECT_LE(report.bound_reached, report.executions);
  options.executions = 2000;
  EXPECT_TRUE(explored(options).violations.empty());
}

}  // namespace
}  // namespace tlblab
