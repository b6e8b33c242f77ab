// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search on the ported mm, both directions: without their fix the races of 2017 are found
// under every memory model, with it every execution is seen and none is wrong.
#include <gtest/gtest.h>

#include "harness/instances/table.h"

namespace tlblab {
namespace {

ExploreReport explored(const char* race, const ExploreOptions& options) {
  return find_scenario(race)->runs.front().explore(options);
}

ExploreOptions complete(const std::string& model) {
  ExploreOptions options;
  options.strategy = ExploreStrategy::dpor;
  options.memory = model;
  options.seconds = 900;
  return options;
}

class PortVerdicts : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of2017,
                         PortVerdicts,
                         testing::Values("madvise-parallel-2017", "madvise-free-parallel-2017"));

// And a schedule shows it, whatever the model.
TEST_P(PortVerdicts, TheRaceIsFoundWithoutItsFix) {
  for (const char* model : {"sc", "tso", "weak"}) {
    SCOPED_TRACE(model);
    ExploreOptions options = complete(model);
    options.fixes.nested_flush = false;
    const ExploreReport report = explored(GetParam(), options);
    EXPECT_EQ(report.model, model);
    EXPECT_EQ(report.lost, 0U);
    ASSERT_EQ(report.violations.size(), 1U);
    EXPECT_EQ(report.violations.front().violation.kind, "stale_translation_after_return");
    options.strategy = ExploreStrategy::random;
    options.memory = report.violations.front().memory;
    EXPECT_EQ(options.memory, "sc");
    options.schedule = "v1 " + report.violations.front().schedule;
    const ExploreReport repeated = explored(GetParam(), options);
    ASSERT_EQ(repeated.violations.size(), 1U);
    EXPECT_EQ(repeated.violations.front().violation.text, report.violations.front().violation.text);
    EXPECT_EQ(repeated.departed_at, -1);
  }
}

// x86's own model; the others take as long, and longer, and are run by hand.
TEST_P(PortVerdicts, EveryExecutionIsCleanWithIt) {
  const ExploreReport report = explored(GetParam(), complete("tso"));
  EXPECT_TRUE(report.complete);
  EXPECT_TRUE(report.violations.empty());
  EXPECT_EQ(report.lost, 0U);
  EXPECT_GT(report.executions, 10'000U);
  EXPECT_LT(report.blocked * 10, report.executions);
}

TEST_P(PortVerdicts, TheSameTwice) {
  ExploreOptions options = complete("weak");
  options.executions = 2000;
  const ExploreReport first = explored(GetParam(), options);
  const ExploreReport second = explored(GetParam(), options);
  EXPECT_EQ(first.steps, second.steps);
  EXPECT_EQ(first.blocked, second.blocked);
  EXPECT_EQ(first.checked, second.checked);
  EXPECT_FALSE(first.complete);
}

}  // namespace
}  // namespace tlblab
