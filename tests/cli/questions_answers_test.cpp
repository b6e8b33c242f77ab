// SPDX-License-Identifier: GPL-2.0-or-later
// What follows from what: each question is asked again with made-up outcomes of its searches.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/questions/question.h"

namespace tlblab {
namespace {

// What all searches of each role come to.
enum class Outcome : std::uint8_t { clean, violation, undecided };

std::vector<std::string_view> roles_of(const Question& question) {
  std::vector<std::string_view> roles;
  for (const Evidence& evidence : question.evidence)
    if (std::ranges::find(roles, evidence.role) == roles.end()) roles.push_back(evidence.role);
  return roles;
}

Answer answer_if(const Question& question, const std::vector<Outcome>& outcomes) {
  const std::vector<std::string_view> roles = roles_of(question);
  std::vector<Finding> findings;
  for (const Evidence& evidence : question.evidence) {
    const auto at = std::ranges::find(roles, evidence.role) - roles.begin();
    const Outcome outcome = outcomes[static_cast<std::size_t>(at)];
    findings.push_back({.evidence = &evidence,
                        .kind = outcome == Outcome::violation ? "stale_translation_use" : "",
                        .settled = outcome != Outcome::undecided,
                        .complete = outcome == Outcome::clean && evidence.executions == 0,
                        .executions = 7,
                        .flushes = evidence.set.empty() ? 14U : 7U});
  }
  return question.answer(Findings(std::move(findings)));
}

// Every way in which the roles can come out clean or not.
std::vector<std::vector<Outcome>> all_outcomes(const Question& question) {
  const std::size_t roles = roles_of(question).size();
  std::vector<std::vector<Outcome>> all;
  for (std::size_t bits = 0; bits < std::size_t{1} << roles; ++bits) {
    std::vector<Outcome> outcomes;
    for (std::size_t role = 0; role < roles; ++role)
      outcomes.push_back((bits >> role & 1) != 0 ? Outcome::violation : Outcome::clean);
    all.push_back(outcomes);
  }
  return all;
}

TEST(Questions, HaveNumbersInOrderAndWordsToRead) {
  unsigned last = 0;
  for (const Question& question : questions()) {
    EXPECT_GT(question.id, last);
    last = question.id;
    EXPECT_FALSE(question.author.empty() || question.quote.empty() || question.asked.empty() ||
                 question.claims.empty() || question.evidence.empty())
        << question.id;
    EXPECT_NE(question.expected, Verdict::unsettled) << question.id;
  }
  EXPECT_EQ(questions().size(), 13U);
}

TEST(Questions, CanComeOutAsExpectedAndOtherwise) {
  for (const Question& question : questions()) {
    std::set<Verdict> verdicts;
    for (const auto& outcomes : all_outcomes(question))
      verdicts.insert(answer_if(question, outcomes).verdict);
    EXPECT_THAT(verdicts, testing::Contains(question.expected)) << question.id;
    EXPECT_THAT(verdicts, testing::Contains(Verdict::unsettled)) << question.id;
  }
}

TEST(Questions, AreSettledByNothingIfEverySearchIsCleanOrEveryOneFails) {
  for (const Question& question : questions()) {
    const std::size_t roles = roles_of(question).size();
    for (const Outcome outcome : {Outcome::clean, Outcome::violation, Outcome::undecided})
      EXPECT_EQ(answer_if(question, std::vector(roles, outcome)).verdict, Verdict::unsettled)
          << question.id;
  }
}

TEST(Questions, ASearchThatIsUndecidedSettlesNothing) {
  for (const Question& question : questions())
    for (const auto& outcomes : all_outcomes(question)) {
      if (answer_if(question, outcomes).verdict != question.expected) continue;
      const std::string settled = answer_if(question, outcomes).text;
      for (std::size_t role = 0; role < outcomes.size(); ++role) {
        std::vector<Outcome> undecided = outcomes;
        undecided[role] = Outcome::undecided;
        const Answer answer = answer_if(question, undecided);
        EXPECT_TRUE(answer.verdict == Verdict::unsettled || answer.text != settled ||
                    outcomes[role] == Outcome::violation)
            << question.id << ": " << roles_of(question)[role];
      }
    }
}

TEST(Findings, OfARoleThatNobodyHasAreNothing) {
  const Findings none({});
  EXPECT_FALSE(none.violate("any"));
  EXPECT_FALSE(none.are_clean("any"));
  EXPECT_FALSE(none.are_alike("any", "any"));
  EXPECT_EQ(none.arches("any"), "");
}

TEST(Findings, SayHowManyFlushesAnExecutionHas) {
  const Evidence one{.role = "r", .shows = "", .scenario = "s", .arch = "x86", .counts = true};
  const Findings found({{.evidence = &one, .executions = 4, .flushes = 10}});
  EXPECT_EQ(found.flushes("r"), 2.5);
  EXPECT_EQ(found.flushes("nobody's"), 0);
}

TEST(Questions, AFilterThatSavesNothingIsNoAnswer) {
  const auto nine = std::ranges::find(questions(), 9U, &Question::id);
  ASSERT_NE(nine, questions().end());
  std::vector<Finding> findings;
  for (const Evidence& evidence : nine->evidence)
    findings.push_back({.evidence = &evidence,
                        .kind = evidence.role == "wrong" ? "store_during_copy" : "",
                        .settled = true,
                        .executions = 7,
                        .flushes = 7});
  EXPECT_EQ(nine->answer(Findings(findings)).verdict, Verdict::unsettled);
  for (Finding& finding : findings)
    if (finding.evidence->counts && !finding.evidence->set.empty()) finding.flushes = 6;
  EXPECT_EQ(nine->answer(Findings(findings)).verdict, nine->expected);
}

TEST(Findings, NameBackendsOnce) {
  const Evidence one{.role = "r", .shows = "", .scenario = "s", .arch = "x86"};
  const Evidence two{.role = "r", .shows = "", .scenario = "s", .arch = "arm64"};
  const Evidence three{.role = "r", .shows = "", .scenario = "s", .arch = "s390"};
  const Findings found({{.evidence = &one, .executions = 1},
                        {.evidence = &one, .executions = 2},
                        {.evidence = &two, .executions = 3},
                        {.evidence = &three, .executions = 4}});
  EXPECT_EQ(found.arches("r"), "x86, arm64 and s390");
  EXPECT_EQ(found.executions("r"), 10U);
  EXPECT_EQ(found.flushes("r"), 0);
  EXPECT_FALSE(found.are_clean("r"));  // not settled
}

}  // namespace
}  // namespace tlblab
