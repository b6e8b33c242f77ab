// SPDX-License-Identifier: GPL-2.0-or-later
// A search that several processes share comes to what one process comes to. They share at every
// opportunity here, so that even a small search has many parts.
#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "harness/instances/table.h"
#include "harness/workload/scenario_text.h"

namespace tlblab {
namespace {

struct Asked {
  std::string name;  // of a scenario, or of an example that is a text
  bool is_text = false;
  bool broken = false;
  ExploreOptions options;
};

ExploreReport explored(const Asked& asked, unsigned jobs) {
  ExploreOptions options = asked.options;
  options.jobs = jobs;
  options.share_after = 0;
  options.fixes.nested_flush = !asked.broken;
  if (options.seconds == ExploreOptions{}.seconds) options.seconds = 300;
  if (!asked.is_text) return find_scenario(asked.name)->runs.front().explore(options);
  const char* data = std::getenv("TLBLAB_TEST_DATA");
  const ScenarioText text = read_scenario_text(std::string(data == nullptr ? "tests/data" : data) +
                                               "/scenarios/" + asked.name + ".scenario");
  options.text = &text;
  return find_backend("x86")->text.explore(options);
}

std::string buffering_words(const BufferingReport& buffering) {
  std::string words = buffering.is_exact() ? "\nexact" : "";
  for (const BufferingReport::Pair& pair : buffering.pairs)
    words += "\nCPU" + std::to_string(pair.cpu) + pair.by + " " + pair.read.object + " " +
             std::to_string(pair.read.step) + " " + pair.write.object + " " +
             std::to_string(pair.write.step);
  return words;
}

std::string words(const ExploreReport& report) {
  std::string words = report.complete ? "complete" : "not complete";
  for (const std::uint64_t count :
       {report.executions, report.blocked, report.steps, report.restarts, report.tracked,
        report.checked, report.lost, report.bound_reached, report.allocations.counts.all().asked,
        report.allocations.counts.all().failed})
    words += " " + std::to_string(count);
  for (const auto* all : {&report.violations, &report.witnesses})
    for (const ExploreReport::Found& found : *all)
      words += "\n" + found.violation.text + "\n" + found.memory + " " + found.schedule;
  return report.load_buffering ? words + buffering_words(*report.load_buffering) : words;
}

std::string same_with_all_jobs(const Asked& asked) {
  const ExploreReport alone = explored(asked, 1);
  for (const unsigned jobs : {2U, 3U}) EXPECT_EQ(words(explored(asked, jobs)), words(alone));
  return words(alone);
}

Asked complete(const std::string& name, const std::string& memory, std::uint64_t executions = 0) {
  Asked asked{.name = name, .options = {}};
  asked.options.strategy = ExploreStrategy::dpor;
  asked.options.memory = memory;
  asked.options.executions = executions;
  return asked;
}
Asked text(Asked asked) {
  asked.is_text = true;
  return asked;
}
Asked broken(Asked asked) {
  asked.broken = true;
  return asked;
}

TEST(CompleteJobs, SeeAllThatOneSees) {
  EXPECT_TRUE(same_with_all_jobs(text(complete("store-buffering", "sc"))).starts_with("complete"));
}

TEST(CompleteJobs, SayTheSameOfLoadBuffering) {
  const std::string said = same_with_all_jobs(text(complete("load-buffering", "weak")));
  EXPECT_NE(said.find("\nCPU1 0x5000 "), std::string::npos);
}

TEST(CompleteJobs, FindWhatOneFindsFirst) {
  same_with_all_jobs(broken(text(complete("madvise-parallel-2017", "tso"))));
  same_with_all_jobs(text(complete("mprotect-store", "weak")));
  same_with_all_jobs(broken(complete("madvise-free-parallel-2017", "weak")));
}

// The first of them begins again more than a dozen times, with what one of several has learnt too.
TEST(CompleteJobs, StopAfterAsManyExecutions) {
  for (const std::uint64_t executions : {1U, 31U, 200U})
    same_with_all_jobs(complete("madvise-parallel-2017", "tso", executions));
  same_with_all_jobs(text(complete("madvise-parallel-2017", "sc", 150)));
}

TEST(CompleteJobs, CountAllocations) {
  Asked asked = complete("madvise-parallel-2017", "tso", 200);
  asked.options.fail_alloc = {parse_alloc_rule("number=1-9")};
  same_with_all_jobs(asked);
}

TEST(CompleteJobs, KeepTheTimeBudget) {
  Asked asked = complete("madvise-parallel-2017", "weak");
  asked.options.seconds = 0.3;
  const ExploreReport report = explored(asked, 3);
  EXPECT_FALSE(report.complete);
  EXPECT_GT(report.executions, 0U);
  EXPECT_GE(report.seconds, 0.3);
  EXPECT_LT(report.seconds, 3);
  EXPECT_GT(report.expected_executions, static_cast<double>(report.executions));
}

TEST(CompleteJobs, StopWhenAsked) {
  const std::atomic<bool> stop{true};
  Asked asked = complete("madvise-parallel-2017", "tso");
  asked.options.stop = &stop;
  EXPECT_LT(explored(asked, 2).seconds, 3);
}

// ---- random schedules ---------------------------------------------------------------------------

Asked random(ExploreStrategy strategy, std::uint64_t seed, std::uint64_t executions) {
  Asked asked{.name = "madvise-parallel-2017", .options = {}};
  asked.options.strategy = strategy;
  asked.options.seed = seed;
  asked.options.executions = executions;
  return asked;
}

TEST(RandomJobs, MakeTheSameExecutions) {
  for (const ExploreStrategy strategy : {ExploreStrategy::random, ExploreStrategy::pct})
    for (const std::uint64_t executions : {1U, 2U, 31U, 64U, 1000U})
      same_with_all_jobs(random(strategy, 5, executions));
}

// Which words are shared is learnt by the way.
TEST(RandomJobs, LearnTheSameWords) {
  for (const char* memory : {"tso", "weak"})
    for (const ExploreStrategy strategy : {ExploreStrategy::random, ExploreStrategy::pct}) {
      Asked asked = random(strategy, 5, 100);
      asked.options.memory = memory;
      same_with_all_jobs(asked);
      same_with_all_jobs(broken(asked));
      Asked question = asked;
      question.name = "store-buffering";
      same_with_all_jobs(text(question));
    }
}

TEST(RandomJobs, FindWhatOneFindsFirst) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    same_with_all_jobs(broken(random(ExploreStrategy::random, seed, 20'000)));
    same_with_all_jobs(broken(random(ExploreStrategy::pct, seed, 20'000)));
  }
}

TEST(RandomJobs, ReachTheBoundAsOften) {
  for (const unsigned preemptions : {0U, 1U, 3U}) {
    Asked asked = random(ExploreStrategy::random, 7, 300);
    asked.options.preemptions = preemptions;
    same_with_all_jobs(asked);
    same_with_all_jobs(broken(asked));
  }
}

TEST(RandomJobs, CountAllocations) {
  Asked asked = random(ExploreStrategy::pct, 1, 100);
  asked.options.fail_alloc = {parse_alloc_rule("every=3"), parse_alloc_rule("rate=0.1")};
  same_with_all_jobs(asked);
}

TEST(RandomJobs, KeepTheTimeBudget) {
  Asked asked = random(ExploreStrategy::random, 1, 0);
  asked.options.seconds = 0.3;
  const ExploreReport report = explored(asked, 3);
  EXPECT_GT(report.executions, 0U);
  EXPECT_GE(report.seconds, 0.3);
  EXPECT_LT(report.seconds, 3);
}

}  // namespace
}  // namespace tlblab
