// SPDX-License-Identifier: GPL-2.0-or-later
// Minchan Kim's question of 2017: is a forced flush honoured on s390, where the flush does nothing unless an
// entry was marked? The two races that force was made for do not come, with it or without. The complete search
// takes minutes (arch/s390/README.md has the command, its figures and the reason); here it is a part of it,
// far more than it takes to find either on x86 (tests/explore/port_verdicts_test.cpp).
#include <gtest/gtest.h>

#include "harness/instances/table.h"

namespace tlblab {
namespace {

class S390Verdict : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of2017,
                         S390Verdict,
                         testing::Values("madvise-parallel-2017", "madvise-free-parallel-2017"));

TEST_P(S390Verdict, IsImmuneWithoutForce) {
  ExploreOptions options;
  options.arch = "s390";
  options.strategy = ExploreStrategy::dpor;
  options.fixes.nested_flush = false;
  options.memory = "tso";
  options.seconds = 60;
  options.executions = 5'000;
  const ExploreReport report = find_scenario(GetParam())->runs.front().explore(options);
  EXPECT_EQ(report.model, "tso");
  EXPECT_TRUE(report.violations.empty());
  EXPECT_EQ(report.lost, 0U);
  EXPECT_GT(report.executions, 500U);
}

}  // namespace
}  // namespace tlblab
