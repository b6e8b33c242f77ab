// SPDX-License-Identifier: GPL-2.0-or-later
// What is typed reaches the functions of the table, and what they return comes out: as text, as
// JSON, as an exit code.
#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "harness/cli/interrupt.h"
#include "tests/cli/fake_table.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string race = "madvise-parallel-2017";

class CommandTest : public testing::Test {
 protected:
  void SetUp() override {
    fake::asked = {};
    fake::orders = {};
    unsetenv("NO_COLOR");
    unsetenv("HWLOC_SYNTHETIC");
  }
};
using Explore = CommandTest;
using Replay = CommandTest;
using Stress = CommandTest;
using Trace = CommandTest;
using ScriptCommand = CommandTest;
using List = CommandTest;
using Topo = CommandTest;
using Color = CommandTest;
using Demo = CommandTest;
using Internal = CommandTest;

// ---- explore ------------------------------------------------------------------------------------

TEST_F(Explore, GivesWhatWasTyped) {
  const Typed said = typed({"explore", race, "--without", "nested-flush", "--cpus=4", "--budget",
                            "500ms", "--executions", "77", "--seed", "18446744073709551615",
                            "--strategy", "random", "--memory", "sc"});
  EXPECT_EQ(said.code, 1) << said.err;
  const ExploreOptions& options = fake::asked.explore.value();
  EXPECT_FALSE(options.fixes.nested_flush);
  EXPECT_EQ(options.cpus, 4U);
  EXPECT_DOUBLE_EQ(options.seconds, 0.5);
  EXPECT_EQ(options.executions, 77U);
  EXPECT_EQ(options.seed, ~0ULL);
  EXPECT_EQ(options.schedule, "");
  EXPECT_NE(options.stop, nullptr);
}

TEST_F(Explore, DefaultsAreTenSecondsSeedOneAllFixesTheFirstBackend) {
  EXPECT_EQ(typed({"explore", race}).code, 0);
  const ExploreOptions& options = fake::asked.explore.value();
  EXPECT_TRUE(options.fixes.nested_flush);
  EXPECT_DOUBLE_EQ(options.seconds, 10);
  EXPECT_EQ(options.executions, 0U);
  EXPECT_EQ(options.seed, 1U);
  EXPECT_THAT(fake::asked.arches, ElementsAre("x86"));
}

TEST_F(Explore, StrategyAndBoundAreGivenOnAndSaid) {
  const Typed pct = typed({"explore", race, "--strategy", "pct"});
  EXPECT_EQ(fake::asked.explore->strategy, ExploreStrategy::pct);
  EXPECT_THAT(pct.out, HasSubstr("pct schedules"));
  const Typed bounded = typed({"explore", race, "--preemptions", "2"});
  EXPECT_EQ(fake::asked.explore->strategy, ExploreStrategy::random);
  EXPECT_EQ(fake::asked.explore->preemptions, 2U);
  EXPECT_THAT(bounded.out, HasSubstr("most 2 preemptions in each, and in 7 of them as many"));
  const auto run =
      ordered_json::parse(typed({"explore", race, "--preemptions", "0", "--json"}).out)["runs"][0];
  EXPECT_EQ(run["preemptions"], 0);
  EXPECT_EQ(run["bound_reached"], 7);
  EXPECT_EQ(run["strategy"], "random");
}

TEST_F(Explore, ANumberOfExecutionsAloneIsNotBoundedByTime) {
  EXPECT_EQ(typed({"explore", race, "--executions", "5"}).code, 0);
  EXPECT_GE(fake::asked.explore->seconds, 1e5);
  EXPECT_EQ(typed({"explore", race, "--executions", "5", "--seconds", "2"}).code, 0);
  EXPECT_DOUBLE_EQ(fake::asked.explore->seconds, 2);
}

TEST_F(Explore, RunsEveryBackendThatIsNamed) {
  EXPECT_EQ(typed({"explore", race, "--arch", "toy,x86,toy"}).code, 0);
  EXPECT_THAT(fake::asked.arches, ElementsAre("toy", "x86"));
  fake::asked = {};
  EXPECT_EQ(typed({"explore", race, "--arch", "all"}).code, 0);
  EXPECT_THAT(fake::asked.arches, ElementsAre("x86", "toy"));
}

TEST_F(Explore, ExitCodesTellViolationAndCompleteness) {
  EXPECT_EQ(typed({"explore", race, "--without", "nested-flush"}).code, 1);
  EXPECT_EQ(typed({"explore", race, "--require-complete"}).code, 3);
  EXPECT_EQ(typed({"explore", race, "--without", "nested-flush", "--require-complete"}).code, 1);
  fake::orders.complete = true;
  EXPECT_EQ(typed({"explore", race, "--require-complete"}).code, 0);
}

TEST_F(Explore, JsonIsOneObject) {
  const Typed said = typed({"explore", race, "--without", "nested-flush", "--json"});
  EXPECT_EQ(said.err, "");
  const ordered_json json = ordered_json::parse(said.out);
  EXPECT_EQ(json.begin().key(), "schema");
  EXPECT_EQ(json["schema"], "tlblab/explore/1");
  const ordered_json& run = json["runs"].at(0);
  EXPECT_EQ(run["scenario"], race);
  EXPECT_EQ(run["without"], ordered_json::array({"nested-flush"}));
  EXPECT_EQ(run["executions"], 19);
  EXPECT_EQ(run["violations"].at(0)["kind"], "stale_translation_use");
}

TEST(ExploreCommand, ShrinksUnlessToldNotTo) {
  EXPECT_EQ(typed({"explore", race}).code, 0);
  EXPECT_TRUE(fake::asked.explore->shrink);
  EXPECT_EQ(typed({"explore", race, "--no-shrink"}).code, 0);
  EXPECT_FALSE(fake::asked.explore->shrink);
}

// ---- replay -------------------------------------------------------------------------------------

TEST_F(Replay, TakesWhatExplorePrintsAsJson) {
  const Typed found =
      typed({"explore", race, "--without", "nested-flush", "--cpus", "4", "--json"});
  const std::string schedule =
      ordered_json::parse(found.out)["runs"][0]["violations"][0]["schedule"];
  EXPECT_EQ(schedule, "v1 " + race + " x86 sc without=nested-flush cpus=4 : a7 b.irq c:1");
  fake::asked = {};
  EXPECT_EQ(typed({"replay", schedule}).code, 1);
  const ExploreOptions& options = fake::asked.explore.value();
  EXPECT_EQ(options.schedule, schedule);
  EXPECT_EQ(options.cpus, 4U);
  EXPECT_FALSE(options.fixes.nested_flush);
  EXPECT_THAT(fake::asked.arches, ElementsAre("x86"));
}

TEST_F(Replay, KnowsFormsOfFixes) {
  const Typed found = typed(
      {"explore", race, "--without", "nested-flush", "--set", "mremap-flush=after", "--json"});
  const auto run = ordered_json::parse(found.out)["runs"][0];
  EXPECT_EQ(run["without"], ordered_json::array({"nested-flush", "mremap-flush=after"}));
  EXPECT_EQ(fake::asked.explore->fixes.mremap_flush, MremapFlush::after);
  fake::asked = {};
  EXPECT_EQ(typed({"replay", run["violations"][0]["schedule"]}).code, 1);
  EXPECT_EQ(fake::asked.explore->fixes.mremap_flush, MremapFlush::after);
}

TEST_F(Replay, TakesTheCommandThatExplorePrintsAsText) {
  const Typed found = typed({"explore", race, "--without", "nested-flush"});
  const std::size_t first = found.out.find("tlblab replay '"), quote = found.out.find('\'', first);
  ASSERT_NE(first, std::string::npos);
  const std::size_t last = found.out.find('\'', quote + 1);
  ASSERT_NE(last, std::string::npos);
  const Typed again = typed({"replay", found.out.substr(quote + 1, last - quote - 1)});
  EXPECT_EQ(again.code, 1) << again.err;
  EXPECT_FALSE(fake::asked.explore->fixes.nested_flush);
  EXPECT_THAT(again.out, HasSubstr("replayed: one schedule"));
}

TEST_F(Replay, RefusesAScheduleThatCannotBeFollowed) {
  fake::orders.departed_at = 9;
  const Typed said = typed({"replay", "v1 " + race + " x86 sc : a7 a:3 b2 a5"});
  EXPECT_EQ(said.code, 2);
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(said.err, HasSubstr("cannot be followed after its step 8, where it says b1"));
  EXPECT_THAT(said.err, HasSubstr("type tlblab explore " + race + " for a new one"));
}

TEST_F(Replay, WantsADebuggerForBreak) {
  const Typed said = typed({"replay", "--break", "12", "v1  " + race, "x86", "sc", ":\na7"});
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.err, HasSubstr("replay --break 12 'v1 " + race + " x86 sc : a7'"));
  EXPECT_FALSE(fake::asked.explore);
}

TEST_F(Replay, TakesWordsWithoutQuotesAndFiles) {
  EXPECT_EQ(typed({"replay", "v1", race, "toy", "sc", ":", "a7", "b2"}).code, 0);
  EXPECT_EQ(fake::asked.explore->schedule, "v1 " + race + " toy sc : a7 b2");
  EXPECT_THAT(fake::asked.arches, ElementsAre("toy"));
  const Folder folder;
  const std::string file = folder.file("s", "v1 " + race + " x86 sc\n : a7\n");
  EXPECT_EQ(typed({"replay", file}).code, 0);
  EXPECT_EQ(typed({"replay", "--json", file}).code, 0);
}

// ---- stress -------------------------------------------------------------------------------------

TEST_F(Stress, GivesWhatWasTyped) {
  const Typed said = typed({"stress", race, "--without=nested-flush", "--cpus", "8", "--seconds",
                            "20", "--seed", "9", "--place", "compact", "--arch", "toy"});
  EXPECT_EQ(said.code, 1);
  const StressOptions& options = fake::asked.stress.value();
  EXPECT_FALSE(options.fixes.nested_flush);
  EXPECT_EQ(options.cpus, 8U);
  EXPECT_DOUBLE_EQ(options.seconds, 20);
  EXPECT_EQ(options.seed, 9U);
  EXPECT_EQ(options.placement.units.size(), 8U);
  EXPECT_TRUE(options.oracles);
  EXPECT_THAT(said.out, HasSubstr("VIOLATION stale_translation_use"));
  EXPECT_THAT(said.out, HasSubstr("3 violations in all, the first after 250 ms"));
}

TEST_F(Stress, SaysThatItIsOversubscribed) {
  const Typed said = typed({"stress", race, "--cpus", "5", "--place", "list=0"});
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, HasSubstr("5 CPUs on 1 PU: timings mean nothing"));
  const Typed json = typed({"stress", race, "--cpus", "5", "--place", "list=0", "--json"});
  EXPECT_EQ(ordered_json::parse(json.out)["runs"][0]["oversubscribed"], true);
}

TEST_F(Stress, DoesNotPinOnAMachineThatIsMadeUp) {
  setenv("HWLOC_SYNTHETIC", "pack:2 core:8 pu:2", 1);
  const Typed said = typed({"stress", race});
  unsetenv("HWLOC_SYNTHETIC");
  EXPECT_EQ(said.code, 0);
  EXPECT_TRUE(fake::asked.stress->placement.units.empty());
  EXPECT_THAT(said.err, HasSubstr("not pinned"));
}

// ---- trace --------------------------------------------------------------------------------------

TEST_F(Trace, GivesWhatWasTyped) {
  const Folder folder;
  const std::string file = folder.file("small.txt", small_recording());
  const Typed said = typed({"trace", file, "--cpus", "4", "--no-oracles", "--world", "real"});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(fake::asked.trace->cpus, 4U);
  EXPECT_EQ(fake::asked.trace->placement.units.size(), 4U);
  EXPECT_FALSE(fake::asked.trace->oracles);
  for (const char* part : {"fault_write", "sched:sched_switch (1)", "oracles: off", "IPIs sent: 5",
                           "lost by perf: nothing", "checks:"})
    EXPECT_THAT(said.out, HasSubstr(part));
}

TEST_F(Trace, DefaultsAreTheRecordedCpusAndOracles) {
  const Folder folder;
  EXPECT_EQ(typed({"trace", folder.file("small.txt", small_recording())}).code, 0);
  EXPECT_EQ(fake::asked.trace->cpus, 0U);
  EXPECT_EQ(fake::asked.trace->placement.units.size(), 2U);
  EXPECT_TRUE(fake::asked.trace->oracles);
}

TEST_F(Trace, ExitCodeTellsViolations) {
  const Folder folder;
  fake::orders.trace_violations = 2;
  const Typed said = typed({"trace", folder.file("small.txt", small_recording())});
  EXPECT_EQ(said.code, 1);
  EXPECT_THAT(said.out, HasSubstr("2 violations"));
  EXPECT_THAT(said.out, HasSubstr("freed_frame_use: CPU 0 used frame 7"));
}

TEST_F(Trace, WritesEventsWhenAllIsDone) {
  const Folder folder;
  const std::string file = folder.file("small.txt", small_recording());
  EXPECT_EQ(typed({"trace", file, "--events", folder.path("events")}).code, 0);
  EXPECT_EQ(
      contents(folder.path("events")),
      R"({"line":1,"kind":"fault_write","known":true,"predicted":[{"reason":"local_mm_shootdown","pages":1}]})"
      "\n"
      R"({"line":2,"kind":"fault_write","known":true,"predicted":[{"reason":"local_mm_shootdown","pages":1}]})"
      "\n"
      R"({"line":4,"kind":"fault_write","known":true,"predicted":[{"reason":"local_mm_shootdown","pages":1}]})"
      "\n");
  EXPECT_THAT(folder.names(), ElementsAre("events", "small.txt"));
}

TEST_F(Trace, ReplacesAnEventsFileThroughALinkAndNeverTheRecording) {
  const Folder folder;
  const std::string file = folder.file("small.txt", small_recording());
  const std::string old = folder.file("old", "old contents");
  ASSERT_EQ(symlink(old.c_str(), folder.path("link").c_str()), 0);
  EXPECT_EQ(typed({"trace", file, "--events", folder.path("link")}).code, 0);
  EXPECT_THAT(contents(old), StartsWith("{\"line\":1,"));
  EXPECT_EQ(typed({"trace", file, "--events", file}).code, 2);
  ASSERT_EQ(symlink(file.c_str(), folder.path("same").c_str()), 0);
  EXPECT_EQ(typed({"trace", file, "--events", folder.path("same")}).code, 2);
  EXPECT_EQ(contents(file), small_recording());
  EXPECT_THAT(folder.names(), ElementsAre("link", "old", "same", "small.txt"));
}

TEST_F(Trace, AFullDiskIsTheHostsFault) {
  const Folder folder;
  const std::string file = folder.file("small.txt", small_recording());
  const Typed said = typed({"trace", file, "--events", "/dev/full"});
  EXPECT_EQ(said.code, 4);
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(said.err, HasSubstr("/dev/full"));
}

TEST_F(Trace, JsonHasARunForEachBackend) {
  const Folder folder;
  const Typed said =
      typed({"trace", folder.file("s.txt", small_recording()), "--arch", "all", "--json"});
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.err, "");
  const ordered_json json = ordered_json::parse(said.out);
  EXPECT_EQ(json.begin().key(), "schema");
  ASSERT_EQ(json["runs"].size(), 2U);
  EXPECT_EQ(json["runs"][1]["arch"], "toy");
  EXPECT_EQ(json["runs"][0]["kinds"][0]["calls"], 3);
  EXPECT_EQ(json["runs"][0]["unknown_events"]["sched:sched_switch"], 1);
}

// ---- the rest -----------------------------------------------------------------------------------

// ---- script -------------------------------------------------------------------------------------

TEST_F(ScriptCommand, GivesWhatWasTyped) {
  const Folder folder;
  const std::string file = folder.file("a.script", "mmap A 8 rw\nwrite A 0\n");
  EXPECT_EQ(typed({"script", file, "--cpus", "2", "--no-oracles"}).code, 0);
  EXPECT_EQ(fake::asked.script->cpus, 2U);
  EXPECT_FALSE(fake::asked.script->oracles);
  EXPECT_EQ(typed({"script", file}).code, 0);
  EXPECT_EQ(fake::asked.script->cpus, 1U);
  EXPECT_TRUE(fake::asked.script->oracles);
}

TEST_F(ScriptCommand, TakesAsManyCpusAsTheScriptNeeds) {
  const Folder folder;
  const std::string file = folder.file("a.script", "mmap A 8 rw\nthread 1: write A 0\n");
  EXPECT_EQ(typed({"script", file}).code, 0);
  EXPECT_EQ(fake::asked.script->cpus, 2U);
  const Typed refused = typed({"script", file, "--cpus", "1"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("a.script:2: thread 1 has no CPU; expected --cpus 2"));
}

TEST_F(ScriptCommand, PrintsALineForEachOperationAndPagesIfAsked) {
  const Folder folder;
  const std::string file = folder.file("a.script", "mmap A 8 rw\nwrite A 0\n");
  const Typed said = typed({"script", file});
  EXPECT_THAT(said.out, HasSubstr("write A 0    0       3       t0:local 2, t1:remote full\n"));
  EXPECT_THAT(said.out, Not(HasSubstr("rw-p P w1")));
  EXPECT_THAT(said.out, HasSubstr("A+0     1  w1\n"));
  EXPECT_THAT(typed({"script", file, "--pages"}).out, HasSubstr("rw-p P w1 anon excl\n"));
}

TEST_F(ScriptCommand, JsonHasTheKeysOfTheMeasuredData) {
  const Folder folder;
  const std::string file = folder.file("a.script", "area B 4\nmmap A 8 rw\n");
  const Typed said = typed({"script", file, "--json"});
  EXPECT_EQ(said.err, "");
  const ordered_json json = ordered_json::parse(said.out);
  EXPECT_EQ(json.begin().key(), "schema");
  EXPECT_EQ(json["schema"], "tlblab/script/1");
  EXPECT_EQ(json["areas"]["A"]["base"], "0x200100000000");
  EXPECT_EQ(json["directives"], ordered_json::array({"area B 4"}));
  EXPECT_EQ(json["ops"][0].dump(),
            R"({"op":"mmap A 8 rw","ret":0,"err":null,"flush":[{"who":"t0","reason":)"
            R"("local_mm_shootdown","pages":2},{"who":"t1","reason":"remote_shootdown",)"
            R"("pages":"full"}],"faults":{"w":3,"r":0,"kernel":0},"pages":{"A":[[0,1,)"
            R"("rw-p P w1 anon excl"]]},"vmas":["A+0:1:rw-p"]})");
  EXPECT_EQ(json["final_read"].dump(), R"({"A":[[0,1,"w1"]]})");
}

TEST_F(ScriptCommand, ExitCodeTellsViolations) {
  const Folder folder;
  fake::orders.trace_violations = 1;
  EXPECT_EQ(typed({"script", folder.file("a.script", "nop\n")}).code, 1);
}

TEST_F(ScriptCommand, BadScriptsAreTheUsersMistake) {
  const Folder folder;
  const auto said = [&](const std::string& text, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"script", folder.file("a.script", text)};
    words.insert(words.end(), more.begin(), more.end());
    const Typed answer = typed(words);
    EXPECT_EQ(answer.code, 2);
    EXPECT_EQ(answer.out, "");
    return answer.err;
  };
  EXPECT_THAT(said(""), HasSubstr("there is no operation in it"));
  EXPECT_THAT(said("nop\nnope\n"), HasSubstr("a.script:2: there is no operation 'nope'"));
  EXPECT_THAT(said("nop\nksmscan 3\n"), HasSubstr("a.script:2: ksmscan is not supported yet"));
  EXPECT_THAT(said("nop\n", {"--cpus", "3"}), HasSubstr("--cpus '3'"));
  EXPECT_THAT(said("nop\n", {"--arch", "toy"}), HasSubstr("it cannot run scripts"));
  EXPECT_THAT(said("nop\n", {"--arch", "all"}), HasSubstr("on one backend"));
  EXPECT_FALSE(fake::asked.script.has_value());
}

TEST_F(List, ShowsSectionsAlone) {
  const Typed all = typed({"list"});
  EXPECT_EQ(all.code, 0);
  for (const char* part : {race.c_str(), "explorer-only-2020", "toy", "nested-flush",
                           "99baac21e458", "stale_translation_use"})
    EXPECT_THAT(all.out, HasSubstr(part));
  EXPECT_THAT(typed({"list", "backends"}).out, Not(HasSubstr(race)));
  const ordered_json json = ordered_json::parse(typed({"list", "--json"}).out);
  std::vector<std::string> keys;
  for (const auto& item : json.items()) keys.push_back(item.key());
  EXPECT_THAT(keys, ElementsAre("schema", "scenarios", "backends", "fixes", "violations"));
  const ordered_json fixes = ordered_json::parse(typed({"list", "fixes", "--json"}).out);
  EXPECT_EQ(fixes.size(), 2U);
}

TEST_F(Topo, ShowsAMadeUpMachine) {
  const Typed said = typed({"topo", "--synthetic", "pack:2 core:8 pu:2", "--cpus", "40"});
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, HasSubstr("made up: 2 packages"));
  EXPECT_THAT(said.out, HasSubstr("40 CPUs on 32 PUs: timings mean nothing"));
  const ordered_json json = ordered_json::parse(
      typed({"topo", "--synthetic", "pack:2 core:8 pu:2", "--place", "smt", "--json"}).out);
  EXPECT_EQ(json["units"].size(), 32U);
  EXPECT_EQ(json["cpus"].size(), 32U);
  EXPECT_EQ(json["place"], "smt");
  EXPECT_EQ(json["oversubscribed"], false);
}

TEST_F(Topo, HonoursTheEnvironment) {
  setenv("HWLOC_SYNTHETIC", "core:3 pu:1", 1);
  EXPECT_THAT(typed({"topo"}).out, HasSubstr("3 PUs"));
  setenv("HWLOC_SYNTHETIC", "nonsense", 1);
  const Typed said = typed({"topo"});
  unsetenv("HWLOC_SYNTHETIC");
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.err, HasSubstr("HWLOC_SYNTHETIC: 'nonsense'"));
}

TEST_F(Demo, ShowsBothDirectionsAndExpectsThem) {
  const Typed said = typed({"demo"});
  EXPECT_EQ(said.code, 0) << said.err;
  for (const char* part : {"1. A recorded program", "2. A race, searched", "3. The same race",
                           "=> as expected: a stale entry", "What to type next"})
    EXPECT_THAT(said.out, HasSubstr(part));
  EXPECT_THAT(said.out, Not(HasSubstr("NOT as expected")));
  const ordered_json json = ordered_json::parse(typed({"demo", "--json"}).out);
  EXPECT_EQ(json["as_expected"], true);
  EXPECT_EQ(json["trace"]["runs"].size(), 2U);
  EXPECT_EQ(json["stress_without_fix"]["runs"][0]["violations_total"], 3);
}

TEST_F(Demo, FailsIfSomethingComesOutOtherwise) {
  fake::orders.trace_violations = 1;
  const Typed said = typed({"demo"});
  EXPECT_EQ(said.code, 1);
  EXPECT_THAT(said.out, HasSubstr("NOT as expected"));
}

TEST_F(Color, IsForTerminalsThatWantIt) {
  const std::vector<std::string> words{"explore", race, "--without", "nested-flush"};
  const auto with = [&words](const char* option) {
    std::vector<std::string> more = words;
    more.emplace_back(option);
    return more;
  };
  EXPECT_THAT(typed(words).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(typed(words, {.out = true, .err = false}).out, HasSubstr("\x1b["));
  EXPECT_THAT(typed(with("--color=never"), {.out = true, .err = true}).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(typed(with("--color=always")).out, HasSubstr("\x1b["));
  setenv("NO_COLOR", "1", 1);
  EXPECT_THAT(typed(words, {.out = true, .err = false}).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(typed(with("--color=always")).out, HasSubstr("\x1b["));
  setenv("NO_COLOR", "", 1);
  EXPECT_THAT(typed(words, {.out = true, .err = false}).out, HasSubstr("\x1b["));
}

TEST_F(Internal, AnErrorOfOursIsSeventy) {
  fake::orders.throws_internal = true;
  const Typed said = typed({"explore", race});
  EXPECT_EQ(said.code, 70);
  EXPECT_THAT(said.err, HasSubstr("internal error: made to fail"));
}

// ---- Ctrl-C; each in a process of its own -------------------------------------------------------

int typed_after_interrupt(const std::vector<std::string>& words) {
  catch_signals();
  std::raise(SIGINT);
  const Typed said = typed(words);
  std::fputs(said.err.c_str(), stderr);
  if (said.out.empty()) std::fputs("nothing was printed\n", stderr);
  return said.code;
}

TEST_F(CommandTest, InterruptedCommandsSayWhatTheyCovered) {
  const Folder folder;
  const std::string file = folder.file("small.txt", small_recording());
  const testing::ExitedWithCode interrupted(130);
  EXPECT_EXIT(std::exit(typed_after_interrupt({"explore", race})), interrupted, "^$");
  EXPECT_EXIT(std::exit(typed_after_interrupt({"stress", race})), interrupted, "^$");
  EXPECT_EXIT(std::exit(typed_after_interrupt({"trace", file})), interrupted, "^$");
  EXPECT_EXIT(std::exit(typed_after_interrupt({"trace", file, "--events", folder.path("e")})),
              interrupted, "no events were written");
  EXPECT_THAT(folder.names(), ElementsAre("small.txt"));
}

TEST_F(CommandTest, ASecondInterruptEndsAtOnceAndCleansUp) {
  const Folder folder;
  const std::string part = folder.file("part", "half of it");
  const auto twice = [&part] {
    catch_signals();
    remove_when_killed(part.c_str());
    std::raise(SIGINT);
    std::raise(SIGTERM);
    std::exit(0);
  };
  EXPECT_EXIT(twice(), testing::ExitedWithCode(130), "");
  EXPECT_TRUE(folder.names().empty());
}

TEST_F(CommandTest, ABrokenInvariantIsSeventy) {
  const auto broken = [] {
    catch_signals();
    std::abort();
  };
  EXPECT_EXIT(broken(), testing::ExitedWithCode(70), "");
}

}  // namespace
}  // namespace tlblab
