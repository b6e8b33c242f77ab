// SPDX-License-Identifier: GPL-2.0-or-later
// The mixed workload on threads, for a moment: it does what it is there for, and nothing is wrong.
#include <cstdlib>

#include <gtest/gtest.h>

#include "arch/x86/x86.h"
#include "harness/instances/scenario_real.h"
#include "harness/scenario/mixed.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

StressReport run(unsigned cpus, const std::string& rule) {
  const char* seconds = std::getenv("TLBLAB_SOAK_SECONDS");
  StressOptions options;
  options.cpus = cpus;
  options.seconds = seconds != nullptr ? std::strtod(seconds, nullptr) : 1;
  options.fail_alloc.push_back(parse_alloc_rule(rule));
  return stress_scenario(parts_of<x86, mixed_workload>(), options);
}

TEST(MixedOnThreads, NothingIsWrong) {
  for (const unsigned cpus : {1U, 2U, 4U}) {
    const StressReport report = run(cpus, "rate=0.02");
    for (const Violation& seen : report.examples) ADD_FAILURE() << seen.kind << ": " << seen.text;
    EXPECT_GT(report.operations, 1000U);
    for (std::size_t site = 0; site < alloc_site_names.size(); ++site)
      EXPECT_GT(report.allocations.counts.sites[site].asked, 0U) << alloc_site_names[site];
    EXPECT_GT(report.allocations.counts.all().failed, 10U);
  }
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
