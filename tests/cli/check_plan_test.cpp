// SPDX-License-Identifier: GPL-2.0-or-later
// Tables of verdicts made by hand, on the backends of the fake table (both tso).
#include "harness/cli/check_plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/report/layout.h"

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ExploreReport nothing(const ExploreOptions&) { return {}; }

ScenarioEntry with_table(std::span<const Expectation> table) {
  return {.name = "by-hand",
          .thread = "-",
          .line = "by hand",
          .fixes = {},
          .real_threads = "explorer only",
          .cpus = 2,
          .runs = {{"x86", nullptr, nothing}, {"toy", nullptr, nothing}},
          .expected = table};
}

// "x86 tso -nested-flush: stale_translation_use of 20000"
std::string in_words(const CheckSearch& search) {
  std::string words = search.arch + " " + search.model;
  if (!search.fixes.without.empty()) words += " -" + joined(search.fixes.without, ",");
  words += ": " + (search.expected->kind.empty() ? "clean" : std::string(search.expected->kind));
  if (search.is_complete) words += " complete";
  if (!search.skipped.empty()) words += " skipped";
  return words + fmt::format(" of {}", search.executions);
}

std::vector<std::string> planned(std::span<const Expectation> table,
                                 CheckDepth depth = CheckDepth::usual) {
  const ScenarioEntry entry = with_table(table);
  std::vector<std::string> words;
  for (const CheckSearch& search : searches_of(entry, depth)) words.push_back(in_words(search));
  return words;
}

TEST(CheckPlan, ASearchForEveryBackendSetAndModel) {
  const Expectation table[] = {
      {},
      {.set = "nested-flush", .kind = "stale_translation_use"},
      {.set = "nested-flush", .memory = "weak", .kind = "freed_frame_use"}};
  EXPECT_THAT(
      planned(table),
      ElementsAre("x86 tso: clean of 2000", "x86 tso -nested-flush: stale_translation_use of 20000",
                  "x86 weak -nested-flush: freed_frame_use of 20000",  //
                  "toy tso: clean of 2000", "toy tso -nested-flush: stale_translation_use of 20000",
                  "toy weak -nested-flush: freed_frame_use of 20000"));
}

TEST(CheckPlan, TheLastRowThatFitsHolds) {
  const Expectation table[] = {{.executions = 7},
                               {.arches = "toy", .complete = true},
                               {.arches = "x86,toy", .memory = "sc", .executions = 9}};
  EXPECT_THAT(planned(table), ElementsAre("x86 tso: clean of 7", "x86 sc: clean of 9",
                                          "toy tso: clean complete of 0", "toy sc: clean of 9"));
}

TEST(CheckPlan, NothingIsExpectedWhereNoRowFits) {
  const Expectation table[] = {{.set = "nested-flush", .arches = "toy"}};
  EXPECT_THAT(planned(table), ElementsAre("toy tso -nested-flush: clean of 2000"));
  EXPECT_THAT(planned({}), IsEmpty());
}

TEST(CheckPlan, SetsHaveFormsAndSeveralFixes) {
  const Expectation table[] = {{.set = "mremap-flush=after,nested-flush", .arches = "x86"}};
  EXPECT_THAT(planned(table),
              ElementsAre("x86 tso -mremap-flush=after,nested-flush: clean of 2000"));
  const ScenarioEntry entry = with_table(table);
  const CheckSearch search = searches_of(entry).front();
  EXPECT_EQ(search.fixes.fixes.mremap_flush, MremapFlush::after);
  EXPECT_FALSE(search.fixes.fixes.nested_flush);
}

// A backend with options is one more, where a row names it.
TEST(CheckPlan, BackendsMayHaveOptions) {
  const Expectation table[] = {{},
                               {.set = "nested-flush"},
                               {.set = "nested-flush", .arches = "x86+serial", .executions = 5}};
  EXPECT_THAT(planned(table),
              ElementsAre("x86 tso: clean of 2000", "x86 tso -nested-flush: clean of 2000",
                          "x86+serial tso -nested-flush: clean of 5", "toy tso: clean of 2000",
                          "toy tso -nested-flush: clean of 2000"));
}

TEST(CheckPlan, FastIsFewBackendsAndFewExecutions) {
  const Expectation table[] = {{.complete = true},
                               {.set = "nested-flush", .kind = "stale_translation_use"},
                               {.set = "pending-count", .executions = 50}};
  EXPECT_THAT(
      planned(table, CheckDepth::fast),
      ElementsAre("x86 tso: clean of 300", "x86 tso -nested-flush: stale_translation_use of 20000",
                  "x86 tso -pending-count: clean of 50"));
  ScenarioEntry entry = with_table(table);
  entry.runs = {{"toy", nullptr, nothing}};  // none of the usual three
  EXPECT_EQ(searches_of(entry, CheckDepth::fast).size(), 3U);
}

TEST(CheckPlan, WhatCannotBeSearchedIsSkipped) {
  const Expectation table[] = {{}, {.arches = "toy", .memory = "sc"}};
  ScenarioEntry entry = with_table(table);
  entry.cpus = 6;
  entry.runs[0].explore = nullptr;
  std::vector<std::string> why;
  for (const CheckSearch& search : searches_of(entry)) why.push_back(search.skipped);
  EXPECT_THAT(why, ElementsAre("it cannot be explored", "it cannot be explored",
                               "6 CPUs, and the search takes at most 5", ""));
}

// ---- verdicts -----------------------------------------------------------------------------------

CheckPage::Row judged(const Expectation& expected, const CheckOutcome& outcome) {
  const Expectation table[] = {expected};
  const ScenarioEntry entry = with_table(table);
  CheckPage::Row row = row_of(searches_of(entry).front(), 10);
  judge(row, outcome);
  return row;
}

CheckOutcome clean(std::uint64_t executions, bool complete = false) {
  CheckOutcome outcome;
  outcome.executions = executions;
  outcome.complete = complete;
  return outcome;
}

CheckOutcome violation(const std::string& kind) {
  CheckOutcome outcome;
  outcome.kind = kind;
  outcome.executions = 3;
  return outcome;
}

TEST(CheckVerdict, CleanIsWhoLookedThroughAll) {
  EXPECT_TRUE(judged({}, clean(2000)).as_expected);
  EXPECT_TRUE(judged({.complete = true}, clean(19, true)).as_expected);
  const CheckPage::Row late = judged({}, clean(1999));
  EXPECT_EQ(late.got, "undecided (time)");
  EXPECT_FALSE(late.as_expected);
  CheckOutcome lost = clean(19);
  lost.lost = 2;
  EXPECT_EQ(judged({.complete = true}, lost).got, "undecided (2 executions could not be made)");
}

TEST(CheckVerdict, CleanIsNotEnoughWhereAllIsToBeSeen) {
  const CheckPage::Row row = judged({.complete = true, .executions = 50}, clean(50));
  EXPECT_EQ(row.got, "clean");
  EXPECT_FALSE(row.as_expected);
}

TEST(CheckVerdict, AViolationIsOfTheKindThatIsExpected) {
  const Expectation expected{.kind = "freed_frame_use"};
  EXPECT_TRUE(judged(expected, violation("freed_frame_use")).as_expected);
  EXPECT_FALSE(judged(expected, violation("unreliable_pin")).as_expected);
  EXPECT_FALSE(judged(expected, clean(20000)).as_expected);
  EXPECT_FALSE(judged({}, violation("freed_frame_use")).as_expected);
  EXPECT_EQ(judged({}, violation("freed_frame_use")).got, "violation freed_frame_use");
}

// ---- tables -------------------------------------------------------------------------------------

std::string faults(std::span<const Expectation> table) {
  return joined(table_faults(with_table(table)), "\n");
}

TEST(TableFaults, NamesThatDoNotExist) {
  const Expectation table[] = {{},
                               {.arches = "x86,x87"},
                               {.arches = "x86+sideways"},
                               {.memory = "strong"},
                               {.kind = "stale_translation"},
                               {.set = "nested-flash"},
                               {.set = "mremap-flush=never"}};
  const std::string all = faults(table);
  for (const char* fault :
       {"by-hand, row 2: there is no backend 'x87'", "row 3: x86 has no option 'sideways'",
        "row 4: there is no memory model 'strong'",
        "row 5: there is no violation 'stale_translation'", "there is no fix 'nested-flash'",
        "row 7: mremap-flush has no form 'never'"})
    EXPECT_THAT(all, HasSubstr(fault));
}

TEST(TableFaults, RowsThatContradictThemselves) {
  const Expectation table[] = {{.masked_by = "x"}, {.kind = "freed_frame_use", .complete = true}};
  const std::string all = faults(table);
  EXPECT_THAT(all, HasSubstr("row 1: masked, and nothing is taken away"));
  EXPECT_THAT(all, HasSubstr("row 2: complete, and yet a violation"));
  const Expectation masked[] = {
      {.set = "nested-flush", .kind = "freed_frame_use", .masked_by = "x"}};
  EXPECT_THAT(faults(masked), HasSubstr("row 1: masked, and yet a violation"));
}

TEST(TableFaults, RowsThatHoldNowhereAndSearchesWithoutARow) {
  const Expectation hidden[] = {{}, {.arches = "toy"}, {.kind = "freed_frame_use"}};
  EXPECT_THAT(faults(hidden), HasSubstr("by-hand, row 1: it holds nowhere"));
  EXPECT_THAT(faults(hidden), HasSubstr("by-hand, row 2: it holds nowhere"));
  const Expectation gap[] = {{}, {.set = "nested-flush", .arches = "x86"}};
  EXPECT_EQ(faults(gap), "by-hand: no row says what comes of 'nested-flush' on toy under tso");
  const Expectation elsewhere[] = {{}, {.arches = "toy", .complete = true}};
  ScenarioEntry entry = with_table(elsewhere);
  entry.runs.pop_back();
  EXPECT_THAT(table_faults(entry), ElementsAre("by-hand, row 2: the scenario is not on toy"));
}

TEST(TableFaults, NoneInAGoodTable) {
  const Expectation table[] = {
      {.complete = true},
      {.set = "nested-flush,mremap-flush=after", .kind = "stale_translation_use"},
      {.set = "nested-flush,mremap-flush=after", .arches = "toy", .masked_by = "a lock"},
      {.set = "nested-flush,mremap-flush=after", .memory = "weak", .kind = "freed_frame_use"}};
  EXPECT_EQ(faults(table), "");
  for (const ScenarioEntry& entry : tables().scenarios) EXPECT_THAT(table_faults(entry), IsEmpty());
}

}  // namespace
}  // namespace tlblab
