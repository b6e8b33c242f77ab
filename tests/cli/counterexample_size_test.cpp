// SPDX-License-Identifier: GPL-2.0-or-later
// A counterexample is read by a person: of each scenario the first of its table, made short.
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/cli/check_plan.h"

namespace tlblab {
namespace {

constexpr std::uint64_t most_steps = 25;

// The search as check makes it, but what it finds is made short and told.
ExploreReport search_again(const CheckSearch& search) {
  ExploreOptions options;
  options.arch = search.arch;
  options.memory = search.model;
  options.fixes = search.fixes.fixes;
  if (const std::string_view rule = search.scenario->fail_alloc; !rule.empty())
    options.fail_alloc = {parse_alloc_rule(rule)};
  options.strategy = ExploreStrategy::pct;
  options.executions = search.executions;
  options.seconds = 60;
  return run_on(*search.scenario, search.arch).explore(options);
}

TEST(CounterexampleSize, TheMedianOfAllScenariosFitsOnAScreen) {
  std::vector<std::uint64_t> told;
  std::string all;
  for (const ScenarioEntry& entry : tables().scenarios) {
    const std::vector<CheckSearch> searches = searches_of(entry);
    const auto broken = std::ranges::find_if(searches, [](const CheckSearch& search) {
      return search.skipped.empty() && !search.expected->kind.empty();
    });
    if (broken == searches.end()) continue;
    const ExploreReport report = search_again(*broken);
    ASSERT_FALSE(report.violations.empty()) << entry.name << " on " << broken->arch;
    told.push_back(report.violations.front().told);
    all += fmt::format("{}: {}\n", entry.name, told.back());
  }
  ASSERT_GE(told.size(), 40U);
  std::ranges::nth_element(told, told.begin() + std::ptrdiff_t(told.size() / 2));
  EXPECT_LE(told[told.size() / 2], most_steps) << all;
}

}  // namespace
}  // namespace tlblab
