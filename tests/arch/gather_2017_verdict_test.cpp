// SPDX-License-Identifier: GPL-2.0-or-later
// The race of July 2017 (parallel MADV_DONTNEED, MADV_FREE) on the forms of 2017, posted and merged: both stop it
// where pages wait for the flush, and neither helps where they do not. On ia64 the search is complete; on the
// others it is a part (arch/arm/README.md has the figures of the whole).
#include <gtest/gtest.h>

#include "harness/instances/table.h"

namespace tlblab {
namespace {

class Gather2017 : public testing::TestWithParam<std::string> {};

ExploreReport searched(const std::string& arch, const char* scenario, bool nested_flush) {
  ExploreOptions options;
  options.arch = arch;
  options.strategy = ExploreStrategy::dpor;
  options.memory = arch.starts_with("um") ? "tso" : "weak";
  options.fixes.nested_flush = nested_flush;
  options.seconds = 60;
  options.executions = 8'000;
  return find_scenario(scenario)->runs.front().explore(options);
}
std::string first_of(const ExploreReport& report) {
  return report.violations.empty() ? "" : std::string(report.violations.front().violation.kind);
}

class PagesWait : public Gather2017 {};
INSTANTIATE_TEST_SUITE_P(
    Of,
    PagesWait,
    testing::Values("arm@2017-merged", "arm@2017-posted", "ia64@2017-merged", "ia64@2017-posted"));

TEST_P(PagesWait, TheCountStopsTheRace) {
  for (const char* scenario : {"madvise-parallel-2017", "madvise-free-parallel-2017"}) {
    const ExploreReport report = searched(GetParam(), scenario, true);
    EXPECT_EQ(first_of(report), "") << scenario;
    EXPECT_EQ(report.lost, 0U);
    EXPECT_GT(report.executions, 1'000U);
    EXPECT_EQ(report.complete, GetParam().starts_with("ia64")) << scenario;
    EXPECT_EQ(first_of(searched(GetParam(), scenario, false)), "stale_translation_after_return");
  }
}

class PagesAreFreedFirst : public Gather2017 {};
INSTANTIATE_TEST_SUITE_P(
    Of,
    PagesAreFreedFirst,
    testing::Values("sh@2017-merged", "sh@2017-posted", "um@2017-merged", "um@2017-posted"));

TEST_P(PagesAreFreedFirst, AnotherCpuStillHasThem) {
  EXPECT_EQ(first_of(searched(GetParam(), "madvise-parallel-2017", true)),
            "frame_freed_while_cached");
  EXPECT_EQ(first_of(searched(GetParam(), "madvise-free-parallel-2017", true)), "") << "frees none";
}

}  // namespace
}  // namespace tlblab
