// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search on the ported mm, both directions: without its fix the race of 2017 is found under
// every memory model, with it every execution is seen and none is wrong.
#include <gtest/gtest.h>

#include "harness/instances/table.h"
#include "harness/workload/scenario_text.h"

namespace tlblab {
namespace {

ExploreOptions complete(const std::string& model) {
  ExploreOptions options;
  options.strategy = ExploreStrategy::dpor;
  options.memory = model;
  options.seconds = 600;
  return options;
}

ExploreReport explored(const ExploreOptions& options) {
  return find_scenario("madvise-parallel-2017")->runs.front().explore(options);
}

class EachModel : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(PortVerdicts, EachModel, testing::Values("sc", "tso", "weak"));

TEST_P(EachModel, TheRaceIsFoundWithoutItsFix) {
  ExploreOptions options = complete(GetParam());
  options.fixes.nested_flush = false;
  const ExploreReport report = explored(options);
  EXPECT_EQ(report.model, GetParam());
  EXPECT_EQ(report.lost, 0U);
  ASSERT_EQ(report.violations.size(), 1U);
  EXPECT_EQ(report.violations.front().violation.kind, "stale_translation_after_return");
  ExploreOptions again = options;
  again.strategy = ExploreStrategy::random;
  again.memory = "sc";
  again.schedule = "v1 " + report.violations.front().schedule;
  const ExploreReport repeated = explored(again);
  ASSERT_EQ(repeated.violations.size(), 1U);
  EXPECT_EQ(repeated.violations.front().violation.text, report.violations.front().violation.text);
  EXPECT_EQ(repeated.departed_at, -1);
}

// The other models take as long, and longer; they are run by hand.
TEST(PortVerdicts, EveryExecutionIsCleanWithIt) {
  const ExploreReport report = explored(complete("tso"));
  EXPECT_TRUE(report.complete);
  EXPECT_TRUE(report.violations.empty());
  EXPECT_EQ(report.lost, 0U);
  EXPECT_GT(report.executions, 100'000U);
  EXPECT_LT(report.blocked * 10, report.executions);
}

TEST(PortSearchReport, TheSameTwice) {
  ExploreOptions options = complete("tso");
  options.executions = 2000;
  const ExploreReport first = explored(options), second = explored(options);
  EXPECT_EQ(first.steps, second.steps);
  EXPECT_EQ(first.blocked, second.blocked);
  EXPECT_EQ(first.checked, second.checked);
  EXPECT_FALSE(first.complete);
}

}  // namespace
}  // namespace tlblab
