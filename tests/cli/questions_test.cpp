// SPDX-License-Identifier: GPL-2.0-or-later
// tlblab questions over the table of the program: what it prints, and that every search can be made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/cli/check_plan.h"
#include "harness/questions/question.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(QuestionsCommand, EvidenceCanBeSearched) {
  for (const Question& question : questions())
    for (const Evidence& evidence : question.evidence) {
      const ScenarioEntry& scenario = scenario_named(evidence.scenario);
      const CheckSearch search{.scenario = &scenario,
                               .arch = std::string(evidence.arch),
                               .model = "weak",
                               .fixes = fixes_without(names_in(evidence.set)),
                               .is_complete = evidence.executions == 0};
      EXPECT_EQ(why_not(search), "") << question.id << ": " << evidence.shows;
    }
}

TEST(QuestionsCommand, AnswersAndTellsACounterexample) {
  const Typed said = typed({"questions", "13", "--jobs", "1"});
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.err, "");
  EXPECT_THAT(said.out, HasSubstr("13. Ben Herrenschmidt, 2007 (thread 004)\n"));
  EXPECT_THAT(said.out, HasSubstr("answer: depends: on whether whoever writes an entry"));
  EXPECT_THAT(said.out, HasSubstr("counterexample: soft-tlb-duplicate-2007, mips+no-probe weak"));
  EXPECT_THAT(said.out, HasSubstr("tlblab replay 'v1 soft-tlb-duplicate-2007 mips+no-probe"));
  EXPECT_THAT(said.out, HasSubstr("1 question, 0 unlike what is expected"));
}

TEST(QuestionsCommand, SaysTheSameAsJson) {
  const Typed said = typed({"questions", "13", "5", "--json", "--jobs", "2"});
  EXPECT_EQ(said.code, 0);
  const json page = json::parse(said.out);
  EXPECT_EQ(page["schema"], "tlblab/questions/1");
  ASSERT_EQ(page["questions"].size(), 2U);
  EXPECT_EQ(page["questions"][0]["id"], 13);
  EXPECT_EQ(page["questions"][1]["id"], 5);
  for (const json& question : page["questions"]) {
    EXPECT_EQ(question["verdict"], question["expected"]);
    for (const json& evidence : question["evidence"]) {
      EXPECT_THAT(evidence["command"].get<std::string>(), testing::StartsWith("tlblab explore "));
      EXPECT_GT(evidence["executions"], 0);
      EXPECT_EQ(evidence["verdict"] == "clean", evidence["schedule"].is_null());
    }
  }
}

TEST(QuestionsCommand, ASearchThatMeetsItsBudgetSettlesNothing) {
  const Typed said = typed({"questions", "3", "--budget", "1ms", "--jobs", "1"});
  EXPECT_EQ(said.code, 1);
  EXPECT_THAT(said.out, HasSubstr("answer: unsettled: what was searched comes to no answer"));
  EXPECT_THAT(said.out, HasSubstr("expected: no"));
  EXPECT_THAT(said.out, HasSubstr("undecided"));
}

TEST(QuestionsCommand, KnowsItsNumbers) {
  for (const std::string word : {"0", "14", "x", "1x", "-1", ""}) {
    const Typed said = typed({"questions", word});
    EXPECT_EQ(said.code, 2) << word;
    EXPECT_EQ(said.out, "");
  }
  EXPECT_THAT(typed({"questions", "14"}).err, HasSubstr("there is no question '14'"));
}

}  // namespace
}  // namespace tlblab
