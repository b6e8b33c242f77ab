// SPDX-License-Identifier: GPL-2.0-or-later
// Scenarios on real threads, with the stalls that each asks for: without the fix the race is seen, with
// it not. That it is not seen in so short a time says little; tests/long takes its time.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/cli/check_plan.h"
#include "harness/cli/names.h"

namespace tlblab {
namespace {

StressReport run(const CheckSearch& search, double seconds) {
  StressOptions options;
  options.arch = search.arch;
  options.seconds = seconds;
  options.fixes = search.fixes.fixes;
  if (const std::string_view rule = search.scenario->fail_alloc; !rule.empty())
    options.fail_alloc = {parse_alloc_rule(rule)};
  options.stalls = parse_stall_points(search.scenario->stalls);
  return run_on(*search.scenario, search.arch).stress(options);
}

// The first of the table that is to find something, or nothing: on x86, or where there is one.
const CheckSearch* first(const std::vector<CheckSearch>& searches, bool clean) {
  const auto fits = [clean](const CheckSearch& search) {
    return search.skipped.empty() && search.expected->kind.empty() == clean;
  };
  auto found = std::ranges::find_if(
      searches, [&](const CheckSearch& search) { return fits(search) && search.arch == "x86"; });
  if (found == searches.end()) found = std::ranges::find_if(searches, fits);
  return found == searches.end() ? nullptr : &*found;
}

// Not those that wait anywhere: ThreadSanitizer keeps signals back, and these races are rare.
std::vector<const ScenarioEntry*> scenarios_with_stalls() {
  std::vector<const ScenarioEntry*> with;
  for (const ScenarioEntry& entry : tables().scenarios)
    if (!entry.stalls.empty() && entry.stalls != "anywhere") with.push_back(&entry);
  return with;
}

// Most of them, on any host: sanitizers make some windows narrow. On an idle one each is seen at once.
TEST(StressVerdicts, WithoutTheFixTheRaceIsSeen) {
  constexpr double most_seconds = 10;
  constexpr std::size_t most_missed = 4;  // so twelve are seen at least
  std::vector<std::string> missed;
  std::uint64_t stalls = 0;
  for (const ScenarioEntry* entry : scenarios_with_stalls()) {
    const std::vector<CheckSearch> searches = searches_of(*entry);
    const CheckSearch* search = first(searches, false);
    ASSERT_NE(search, nullptr) << entry->name;
    const StressReport report = run(*search, most_seconds);
    if (report.violations == 0) missed.emplace_back(entry->name);
    stalls += report.stalls;
  }
  EXPECT_LE(missed.size(), most_missed) << ::testing::PrintToString(missed);
  EXPECT_NE(stalls, 0U);
}

TEST(StressVerdicts, WithAllFixesItIsNot) {
  for (const ScenarioEntry* entry : scenarios_with_stalls()) {
    const std::vector<CheckSearch> searches = searches_of(*entry);
    const CheckSearch* search = first(searches, true);
    ASSERT_NE(search, nullptr) << entry->name;
    const StressReport report = run(*search, 0.3);
    EXPECT_EQ(report.violations, 0U) << entry->name << " on " << search->arch;
    EXPECT_NE(report.rounds, 0U) << entry->name;
  }
}

TEST(StressVerdicts, SixteenScenariosAskForStalls) {
  EXPECT_GE(scenarios_with_stalls().size(), 16U);
}

}  // namespace
}  // namespace tlblab
