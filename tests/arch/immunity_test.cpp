// SPDX-License-Identifier: GPL-2.0-or-later
// Immunity to the races of 2017 is a verdict, not an absence: without the forced flush that the fix
// brought (nested-flush) they do not come on backends whose debt is paid before anybody else can look at the
// entry, and the same search finds them on x86 (tests/explore/port_verdicts_test.cpp) within hundreds of
// executions. The reasons, and the figures of the search to its end, are in the README of each folder;
// here it is a part of it.
#include <gtest/gtest.h>

#include "harness/instances/table.h"

namespace tlblab {
namespace {

struct Immune {
  const char* arch;
  const char* memory;
};
void PrintTo(const Immune& immune, std::ostream* out) { *out << immune.arch; }

class Immunity : public testing::TestWithParam<std::tuple<const char*, Immune>> {};
INSTANTIATE_TEST_SUITE_P(
    Of2017,
    Immunity,
    testing::Combine(testing::Values("madvise-parallel-2017", "madvise-free-parallel-2017"),
                     // s390: Minchan Kim's question, whether force is honoured there.
                     testing::Values(Immune{"s390", "tso"},
                                     Immune{"sparc64", "tso"},
                                     Immune{"ppc64_hash", "weak"})));

TEST_P(Immunity, NeedsNoForce) {
  const auto& [scenario, immune] = GetParam();
  ExploreOptions options;
  options.arch = immune.arch;
  options.strategy = ExploreStrategy::dpor;
  options.fixes.nested_flush = false;
  options.memory = immune.memory;
  options.seconds = 60;
  options.executions = 5'000;
  const ExploreReport report = find_scenario(scenario)->runs.front().explore(options);
  EXPECT_EQ(report.model, immune.memory);
  EXPECT_TRUE(report.violations.empty()) << report.violations.front().violation.text;
  EXPECT_EQ(report.lost, 0U);
  EXPECT_GT(report.executions, 500U);
}

}  // namespace
}  // namespace tlblab
