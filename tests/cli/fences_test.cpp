// SPDX-License-Identifier: GPL-2.0-or-later
// tlblab fences over the table of the program.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/cli/check_plan.h"
#include "harness/report/text.h"
#include "mm/fixes.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(FencesCommand, SaysWhatFailsAndWhatHidesIt) {
  const Typed said = typed({"fences", "skip-broadcast-mark-mb", "--jobs", "1"});
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.err, "");
  const std::size_t needed =
      said.out.find("skip-broadcast-2020: violation frame_freed_while_cached on");
  const std::size_t hidden =
      said.out.find("skip-broadcast-2020: clean, masked: every invalidate is broadcast on");
  EXPECT_LT(needed, hidden);
  EXPECT_NE(hidden, std::string::npos);
  EXPECT_THAT(said.out, HasSubstr("1 fence, 0 unexpected"));
}

TEST(FencesCommand, SaysTheSameAsJson) {
  const Typed said = typed({"fences", "skip-broadcast-count-mb", "--json", "--jobs", "1"});
  EXPECT_EQ(said.code, 0);
  const json page = json::parse(said.out);
  EXPECT_EQ(page["schema"], "tlblab/fences/1");
  EXPECT_EQ(page["unexpected"], 0);
  ASSERT_EQ(page["fences"].size(), 1U);
  EXPECT_EQ(page["fences"][0]["id"], "skip-broadcast-count-mb");
  ASSERT_EQ(page["fences"][0]["rows"].size(), 2U);
  EXPECT_EQ(page["fences"][0]["rows"][1]["got"], "violation frame_freed_while_cached");
}

TEST(FencesText, SaysIfNoScenarioTakesAFenceAway) {
  FencesPage page;
  page.fences.push_back(
      {.id = "a-mb", .commit = "c", .year = 2020, .line = "a before b", .rows = {}});
  EXPECT_THAT(fences_text(page, Paint(false)), HasSubstr("no scenario takes it away yet"));
}

TEST(FencesCommand, EveryFenceIsTakenAwayBySomeScenario) {
  for (const FixInfo& fix : fix_table) {
    struct fixes taken;
    put_fix(taken, fix.name);
    if (taken.dropped_fences == 0) continue;
    const auto names_it = [&](const Expectation& row) {
      return std::ranges::count(names_in(row.set), fix.name) != 0;
    };
    EXPECT_TRUE(std::ranges::any_of(tables().scenarios, [&](const ScenarioEntry& entry) {
      return std::ranges::any_of(entry.expected, names_it);
    })) << fix.name;
  }
}

TEST(FencesCommand, KnowsWhatIsNoFence) {
  for (const std::string word : {"nested-flush", "gup-pin-mp", "", "x"}) {
    const Typed said = typed({"fences", word});
    EXPECT_EQ(said.code, 2) << word;
    EXPECT_EQ(said.out, "");
  }
  EXPECT_THAT(typed({"fences", "gup-pin-mp"}).err, HasSubstr("type gup-pin-mb"));
}

}  // namespace
}  // namespace tlblab
