// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that other people wrote. Those of the kernel are read where TLBLAB_LITMUS_TESTS says, a
// folder of *.litmus with `Result:` comments; random ones with herd7's final states are among the
// measured data (tests/support/measured_data.h). Without them the tests are skipped.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/explore/litmus/print.h"
#include "harness/explore/litmus/run.h"
#include "tests/explore/litmus/interleaver.h"
#include "tests/explore/litmus/texts.h"
#include "tests/support/measured_data.h"

namespace tlblab {
namespace {

namespace fs = std::filesystem;

fs::path random_tests() { return measured_folder() / "litmus" / "random.json"; }

std::vector<fs::path> kernel_tests() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets the environment
  const char* folder = std::getenv("TLBLAB_LITMUS_TESTS");
  if (folder == nullptr) return {};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".litmus") files.push_back(entry.path());
  return files;
}

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void expect_round_trip(const LitmusTest& test) {
  const std::string text = print_litmus(test);
  EXPECT_EQ(parse_litmus(text, "printed"), test) << text;
}

TEST(LitmusCorpus, KernelTestsAreRead) {
  const std::vector<fs::path> files = kernel_tests();
  if (files.empty())
    GTEST_SKIP() << "TLBLAB_LITMUS_TESTS can name the kernel's tools/memory-model/litmus-tests";
  for (const fs::path& path : files) {
    SCOPED_TRACE(path.filename());
    const std::string text = contents(path);
    const LitmusTest test = parse_litmus(text, path.string());
    EXPECT_EQ(test.name, path.stem().string());
    expect_round_trip(test);
    const LitmusProgram program = compile_litmus(test);
    const LitmusOutcome outcome = interleave(program);
    EXPECT_FALSE(outcome.fault);
    EXPECT_GT(outcome.executions, 0U);
    // What the kernel's model never allows, SC does not allow either.
    for (const std::string verdict : {"Never", "Always"})
      if (text.find("Result: " + verdict) != std::string::npos) {
        EXPECT_EQ(outcome.tally.observation(), verdict);
      }
  }
  std::cout << files.size() << " tests\n";
}

TEST(LitmusCorpus, RandomTestsAndTheirStatesUnderSc) {
  if (!fs::exists(random_tests())) GTEST_SKIP() << no_measured_data;
  const auto tests = nlohmann::json::parse(contents(random_tests()))["tests"];
  std::size_t seen = 0, listed = 0;
  for (const auto& [name, one] : tests.items()) {
    SCOPED_TRACE(name);
    const LitmusTest test = parse_litmus(one["text"].get<std::string>(), name);
    EXPECT_EQ(test.name, name);
    expect_round_trip(test);
    const LitmusProgram program = compile_litmus(test);
    const std::set<std::string> allowed = one["states"];
    const LitmusOutcome outcome = interleave(program);
    EXPECT_FALSE(outcome.tally.states().empty());
    for (const auto& state : outcome.tally.states())
      EXPECT_TRUE(allowed.contains(state_text(program, state))) << state_text(program, state);
    seen += outcome.tally.states().size();
    listed += allowed.size();
  }
  EXPECT_GE(tests.size(), 200U);
  EXPECT_LT(seen, listed);
  std::cout << tests.size() << " tests, " << seen << " of " << listed << " states under SC\n";
}

LitmusOutcome search(const LitmusProgram& program) {
  const std::atomic<bool> stop{false};
  return run_litmus(program, MemoryModel::weak, stop);
}

// Load buffering is not in the model.
TEST(LitmusCorpus, VerdictsOfTheKernelTests) {
  const std::vector<fs::path> files = kernel_tests();
  if (files.empty())
    GTEST_SKIP() << "TLBLAB_LITMUS_TESTS can name the kernel's tools/memory-model/litmus-tests";
  for (const fs::path& path : files) {
    SCOPED_TRACE(path.filename());
    const std::string text = contents(path);
    const LitmusOutcome outcome = search(compile_litmus(parse_litmus(text, path.string())));
    const std::string found(outcome.tally.observation());
    ASSERT_TRUE(outcome.buffering);
    EXPECT_EQ(outcome.buffering->is_exact(), path.stem() != "LB+poonceonces");
    if (path.stem() == "LB+poonceonces") {
      EXPECT_EQ(found, "Never");
    } else {
      EXPECT_NE(text.find("Result: " + found), std::string::npos) << found;
    }
  }
}

TEST(LitmusCorpus, RandomTestsHaveTheStatesOfHerd) {
  if (!fs::exists(random_tests())) GTEST_SKIP() << no_measured_data;
  const auto tests = nlohmann::json::parse(contents(random_tests()))["tests"];
  for (const auto& [name, one] : tests.items()) {
    SCOPED_TRACE(name);
    const LitmusProgram program =
        compile_litmus(parse_litmus(one["text"].get<std::string>(), name));
    const LitmusOutcome outcome = search(program);
    std::vector<std::string> states;
    for (const auto& state : outcome.tally.states()) states.push_back(state_text(program, state));
    EXPECT_EQ(states, one["states"].get<std::vector<std::string>>());
  }
}

}  // namespace
}  // namespace tlblab
