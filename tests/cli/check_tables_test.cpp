// SPDX-License-Identifier: GPL-2.0-or-later
// The tables of verdicts of all scenarios: every name in them exists, every row holds somewhere, and
// every search has its row.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/cli/check_plan.h"

namespace tlblab {
namespace {

TEST(CheckTables, SayWhatTheyMean) {
  for (const ScenarioEntry& entry : tables().scenarios)
    EXPECT_THAT(table_faults(entry), testing::IsEmpty()) << entry.name;
}

// A search that cannot be made says nothing for ever.
TEST(CheckTables, HaveASearchThatCanBeMade) {
  for (const ScenarioEntry& entry : tables().scenarios) {
    if (entry.expected.empty()) continue;
    for (const CheckDepth depth : {CheckDepth::usual, CheckDepth::fast}) {
      const std::vector<CheckSearch> searches = searches_of(entry, depth);
      EXPECT_THAT(searches, testing::Contains(testing::Field(&CheckSearch::skipped, "")))
          << entry.name;
    }
  }
}

// Whoever adds a scenario to the table of the program says what it comes to.
TEST(CheckTables, AScenarioThatIsAboutAFixTakesItAway) {
  for (const ScenarioEntry& entry : tables().scenarios) {
    if (entry.expected.empty()) continue;
    for (const std::string_view fix : entry.fixes) {
      const auto takes_away = [&](const Expectation& row) {
        const std::vector<std::string> names = names_in(row.set);
        return std::ranges::any_of(names,
                                   [&](const auto& name) { return fix_of(name) == fix_of(fix); });
      };
      EXPECT_TRUE(std::ranges::any_of(entry.expected, takes_away)) << entry.name << ": " << fix;
    }
  }
}

}  // namespace
}  // namespace tlblab
