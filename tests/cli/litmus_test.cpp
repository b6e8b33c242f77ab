// SPDX-License-Identifier: GPL-2.0-or-later
// tlblab litmus over an engine of the test's own, which finds what the name of the program says.
#include <algorithm>
#include <span>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/cli/about.h"
#include "harness/cli/errors.h"
#include "harness/cli/parse.h"
#include "harness/explore/litmus/run.h"
#include "harness/workload/input_error.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::pair<std::string, MemoryModel>> ran;

}  // namespace

LitmusOutcome run_litmus(const LitmusProgram& program,
                         MemoryModel model,
                         const std::atomic<bool>& stop) {
  ran.emplace_back(program.name, model);
  LitmusOutcome outcome;
  if (program.name == "faulty") {
    outcome.fault = LitmusFault{4, "P0 follows 0, which is no pointer", "a pointer to a location"};
    return outcome;
  }
  for (const LitmusValue y : {1, 0, 0}) outcome.tally.add(program, {y, 10 - y});
  if (program.name == "buffered") outcome.buffering = LitmusBuffering{{{1, "x", "y"}}};
  if (program.name == "exact") outcome.buffering.emplace();
  outcome.executions = 3;
  outcome.blocked = 1;
  outcome.steps = 12;
  outcome.interrupted = stop || program.name == "endless";
  return outcome;
}

namespace {

// Both shown; `(0:r0=1)` holds in one execution of three.
std::string test_named(const std::string& name, const std::string& quantifier = "exists") {
  return "C " + name + "\n{}\nP0(int *x)\n{ int r0 = READ_ONCE(*x); }\nlocations [x]\n" +
         quantifier + " (0:r0=1)\n";
}

// A command line of this command alone.
Typed litmus(std::vector<std::string> words) {
  words.insert(words.begin(), "litmus");
  const Command command = litmus_command();
  const std::atomic<bool> stop = false;
  std::ostringstream out, err;
  Typed result;
  ran.clear();
  try {
    CommandLine line;
    parse(words, std::span(&command, 1), line);
    Context context{
        .out = out, .err = err, .json = line.arguments.has("--json"), .paint = {}, .stop = stop};
    result.code = command.run(line.arguments, context);
  } catch (const UsageError& error) {
    result.code = exit_usage;
    err << error.what();
  } catch (const InputError& error) {
    result.code = exit_usage;
    err << error.what();
  }
  result.out = out.str();
  result.err = err.str();
  return result;
}

// Without the time, which differs.
std::string timeless(std::string text) {
  for (std::size_t at = 0; (at = text.find("\nTime ", at)) != std::string::npos; ++at) {
    const std::size_t end = text.find('\n', at + 1);
    const std::size_t number = text.rfind(' ', end) + 1;
    EXPECT_THAT(text.substr(number, end - number), testing::MatchesRegex("[0-9]+\\.[0-9][0-9]"));
    text.replace(number, end - number, "T");
  }
  return text;
}

TEST(LitmusCommand, PrintsWhatHerdPrints) {
  const Folder folder;
  const Typed said = litmus({folder.file("a.litmus", test_named("MP+a"))});
  EXPECT_EQ(said.code, exit_fine);
  EXPECT_EQ(said.err, "");
  EXPECT_EQ(timeless(said.out),
            "Test MP+a Allowed\nStates 2\n0:r0=0; [x]=10;\n0:r0=1; [x]=9;\nOk\nWitnesses\n"
            "Positive: 1 Negative: 2\nCondition exists (0:r0=1)\n"
            "Observation MP+a Sometimes 1 2\nTime MP+a T\n\n");
}

TEST(LitmusCommand, WitnessesAreOfTheClaimAndTheObservationOfTheCondition) {
  const Folder folder;
  const Typed forbidden = litmus({folder.file("a", test_named("F", "~exists"))});
  EXPECT_THAT(forbidden.out, HasSubstr("Test F Forbidden\n"));
  EXPECT_THAT(forbidden.out, HasSubstr("\nNo\nWitnesses\nPositive: 2 Negative: 1\n"
                                       "Condition ~exists (0:r0=1)\n"
                                       "Observation F Sometimes 1 2\n"));
  const Typed required = litmus({folder.file("b", test_named("R", "forall"))});
  EXPECT_THAT(required.out, HasSubstr("Test R Required\n"));
  EXPECT_THAT(required.out, HasSubstr("\nNo\nWitnesses\nPositive: 1 Negative: 2\n"
                                      "Condition forall (0:r0=1)\n"
                                      "Observation R Sometimes 1 2\n"));
}

TEST(LitmusCommand, JsonHasEveryTestAndEveryState) {
  const Folder folder;
  const Typed said = litmus({"--json", "--memory=tso", folder.file("a", test_named("A")),
                             folder.file("b", test_named("B", "~exists"))});
  EXPECT_EQ(said.code, exit_fine);
  const ordered_json json = ordered_json::parse(said.out);
  EXPECT_EQ(json.begin().key(), "schema");
  EXPECT_EQ(json["schema"], "tlblab/litmus/1");
  ASSERT_EQ(json["tests"].size(), 2U);
  ordered_json first = json["tests"][0];
  EXPECT_GE(first["seconds"], 0.0);
  first.erase("seconds");
  EXPECT_EQ(first.dump(),
            R"({"name":"A","model":"tso","observation":"Sometimes","positive":1,"negative":2,)"
            R"_("states":["0:r0=0; [x]=10;","0:r0=1; [x]=9;"],"condition":"exists (0:r0=1)",)_"
            R"("ok":true,"complete":true,"executions":3,"blocked":1,"steps":12})");
  EXPECT_EQ(json["tests"][1]["ok"], false);
}

// herd7's lines stay as they are.
TEST(LitmusCommand, SaysWhereLoadBufferingMakesADifference) {
  const Folder folder;
  const std::vector<std::string> files{folder.file("a", test_named("exact")),
                                       folder.file("b", test_named("buffered"))};
  EXPECT_THAT(litmus({files[0]}).out, testing::Not(HasSubstr("Load buffering")));
  EXPECT_THAT(timeless(litmus({files[1]}).out),
              testing::EndsWith("Time buffered T\n\n"
                                "Load buffering: P1 may write y before it reads x\n\n"));
  const ordered_json tests =
      ordered_json::parse(litmus({"--json", files[0], files[1]}).out)["tests"];
  EXPECT_EQ(tests[0]["load_buffering"].dump(), R"({"exact":true,"pairs":[],"hidden_flow":false})");
  EXPECT_EQ(
      tests[1]["load_buffering"].dump(),
      R"({"exact":false,"pairs":[{"process":1,"read":"x","write":"y"}],"hidden_flow":false})");
}

TEST(LitmusCommand, ModelsByName) {
  const Folder folder;
  const std::string file = folder.file("a", test_named("A"));
  EXPECT_EQ(litmus({file}).code, exit_fine);
  EXPECT_THAT(ran, ElementsAre(std::pair("A", MemoryModel::weak)));
  for (const auto& [name, model] :
       {std::pair("weak", MemoryModel::weak), std::pair("tso", MemoryModel::tso),
        std::pair("sc", MemoryModel::sc)}) {
    EXPECT_EQ(litmus({"--memory", name, file}).code, exit_fine);
    EXPECT_THAT(ran, ElementsAre(std::pair("A", model)));
  }
  const Typed wrong = litmus({"--memory", "pso", file});
  EXPECT_EQ(wrong.code, exit_usage);
  EXPECT_THAT(wrong.err, HasSubstr("--memory"));
  EXPECT_THAT(wrong.err, HasSubstr("weak"));
}

TEST(LitmusCommand, AllFilesAreReadBeforeTheFirstRuns) {
  const Folder folder;
  const std::string good = folder.file("good", test_named("A"));
  const std::string bad = folder.file("bad", "C bad\n{}\nP0(int *x)\n{ while (1) ; }\n");
  const Typed said = litmus({good, bad});
  EXPECT_EQ(said.code, exit_usage);
  EXPECT_EQ(said.out, "");
  EXPECT_EQ(said.err,
            bad + ":4: 'while' is not supported; expected declarations, assignments, calls and if");
  EXPECT_TRUE(ran.empty());
}

TEST(LitmusCommand, FilesThatCannotBeRead) {
  const Folder folder;
  const Typed missing = litmus({folder.path("nothing")});
  EXPECT_EQ(missing.code, exit_usage);
  EXPECT_THAT(missing.err, HasSubstr("an LKMM litmus test in C"));
  EXPECT_EQ(litmus({}).code, exit_usage);
  const std::string long_line(1000, ' ');
  std::string big;
  while (big.size() < (std::size_t{1} << 21)) big += long_line + "\n";
  EXPECT_THAT(litmus({folder.file("big", big)}).err, HasSubstr("expected at most 1048576"));
}

TEST(LitmusCommand, AFaultNamesItsLine) {
  const Folder folder;
  const std::string file = folder.file("f", test_named("faulty"));
  const Typed said = litmus({"--json", file});
  EXPECT_EQ(said.code, exit_usage);
  EXPECT_EQ(said.out, "");
  EXPECT_EQ(said.err,
            file + ":4: P0 follows 0, which is no pointer; expected a pointer to a location");
}

TEST(LitmusCommand, AnInterruptedTestHasNoVerdict) {
  const Folder folder;
  const std::vector<std::string> files{folder.file("a", test_named("A")),
                                       folder.file("b", test_named("endless")),
                                       folder.file("c", test_named("C"))};
  const Typed said = litmus(files);
  EXPECT_EQ(said.code, exit_interrupted);
  EXPECT_THAT(said.out, HasSubstr("Observation A"));
  EXPECT_THAT(said.out, testing::Not(HasSubstr("endless")));
  EXPECT_EQ(said.err, "tlblab litmus: endless: interrupted after 3 executions, 2 states\n");
  EXPECT_EQ(ran.size(), 2U);
  const Typed json = litmus({"--json", files[0], files[1], files[2]});
  EXPECT_EQ(json.code, exit_interrupted);
  const ordered_json tests = ordered_json::parse(json.out)["tests"];
  ASSERT_EQ(tests.size(), 2U);
  EXPECT_EQ(tests[0]["complete"], true);
  EXPECT_EQ(tests[1]["complete"], false);
}

TEST(LitmusCommand, HelpIsNarrow) {
  std::istringstream lines(command_help(litmus_command()));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

}  // namespace
}  // namespace tlblab
