// SPDX-License-Identifier: GPL-2.0-or-later
// The tables of verdicts of all scenarios: every name in them exists, every row holds somewhere, and
// every search has its row.
#include <algorithm>
#include <set>
#include <sstream>

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

// As tables write them: NAME, or NAME=FORM.
std::set<std::string> forms_in_tables() {
  std::set<std::string> forms;
  for (const ScenarioEntry& entry : tables().scenarios)
    for (const Expectation& row : entry.expected)
      forms.merge([&row] {
        const std::vector<std::string> names = names_in(row.set);
        return std::set<std::string>(names.begin(), names.end());
      }());
  return forms;
}

std::vector<std::string> forms_of(const FixInfo& fix) {
  std::vector<std::string> forms;
  std::istringstream values{std::string(fix.values)};
  for (std::string form; std::getline(values, form, ',');) forms.push_back(form);
  return forms;
}

// A form that no scenario is made with is one that nobody knows to matter, or to be hidden.
TEST(CheckTables, EveryFormOfEveryFixIsInOne) {
  const std::set<std::string> known = forms_in_tables();
  unsigned looked_at = 0;
  for (const FixInfo& fix : fix_table) {
    const std::vector<std::string> forms = forms_of(fix);
    for (unsigned form = 0; form < forms.size(); ++form) {
      fixes changed;
      fix.put(changed, form);
      if (changed == fixes{}) continue;
      ++looked_at;
      const std::string name(fix.name), typed = name + "=" + forms[form];
      EXPECT_TRUE(known.contains(typed) || (form == 0 && known.contains(name))) << typed;
    }
  }
  EXPECT_GE(looked_at, fix_table.size());
}

}  // namespace
}  // namespace tlblab
