// SPDX-License-Identifier: GPL-2.0-or-later
// Scenarios as text on the command line: what counts as one, who has the last word about backend and
// fixes, and that a schedule is replayed only with the text that it was made of.
#include "harness/cli/scenario_file.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/workload/scenario_text_words.h"
#include "tests/cli/fake_table.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string race = "without nested-flush\nP0: load 8\nP1: r0 = load 8\n";

class ScenarioFiles : public testing::Test {
 protected:
  void SetUp() override {
    fake::asked = {};
    fake::orders = {};
  }
  static std::string schedule_of(const Typed& json) {
    return ordered_json::parse(json.out)["runs"][0]["violations"][0]["schedule"];
  }
  Folder folder_;
};

TEST_F(ScenarioFiles, AreExplored) {
  const std::string file = folder_.file("race", race);
  const Typed said = typed({"explore", file});
  EXPECT_EQ(said.code, 1) << said.err;
  const ExploreOptions& options = fake::asked.explore.value();
  EXPECT_FALSE(options.fixes.nested_flush);
  EXPECT_NE(options.text, nullptr);
  EXPECT_THAT(said.out, HasSubstr(file + " on x86 without nested-flush\n  2 CPUs"));
  EXPECT_THAT(said.out, HasSubstr("--without none"));
}

TEST_F(ScenarioFiles, AreStressed) {
  const Typed said = typed({"stress", folder_.file("race", race), "--seconds", "1"});
  EXPECT_EQ(said.code, 1) << said.err;
  EXPECT_EQ(fake::asked.stress->cpus, 2U);
  EXPECT_FALSE(fake::asked.stress->fixes.nested_flush);
}

TEST_F(ScenarioFiles, WhatIsTypedHasTheLastWord) {
  const std::string file = folder_.file("race", race + "arch x86\n");
  const Typed fixed = typed({"explore", file, "--without", "none", "--cpus", "3"});
  EXPECT_EQ(fixed.code, 0) << fixed.err;
  EXPECT_TRUE(fake::asked.explore->fixes.nested_flush);
  EXPECT_EQ(fake::asked.explore->cpus, 3U);
  EXPECT_THAT(fixed.out, HasSubstr("--without nested-flush"));
  EXPECT_EQ(typed({"explore", file, "--without", "delayed-rmap"}).code, 0);
  EXPECT_EQ(fake::asked.explore->fixes.delayed_rmap, DelayedRmap::after_unlock);
  EXPECT_TRUE(fake::asked.explore->fixes.nested_flush);
  EXPECT_THAT(typed({"explore", file, "--arch", "toy"}).err, HasSubstr("type --arch x86"));
  EXPECT_THAT(typed({"explore", file, "--cpus", "1"}).err, HasSubstr("from 2 to"));
}

TEST_F(ScenarioFiles, SayWhatTheHardwareDoes) {
  const std::string file = folder_.file("race", race + "actors walker, evict = 2\n");
  const Typed said = typed({"explore", file});
  EXPECT_EQ(said.code, 1) << said.err;
  const HardwareActors own{.walks = 1, .evictions = 2};
  EXPECT_EQ(fake::asked.explore->actors, own);
  EXPECT_THAT(said.out, HasSubstr(", actors walker,evict=2"));
  EXPECT_THAT(said.out, HasSubstr("--without none --actors \\\n    walker,evict=2\n"));
  const std::string schedule = schedule_of(typed({"explore", file, "--json"}));
  EXPECT_THAT(schedule, HasSubstr(" actors=walker,evict=2 "));
  EXPECT_EQ(typed({"explore", file, "--actors", "none"}).code, 1);
  EXPECT_EQ(fake::asked.explore->actors, HardwareActors{});
  EXPECT_EQ(typed({"replay", schedule}).code, 1);
  EXPECT_EQ(fake::asked.explore->actors, own);
  EXPECT_EQ(typed({"explore", folder_.file("other", race), "--actors", "evict"}).code, 1);
  EXPECT_EQ(fake::asked.explore->actors, HardwareActors{.evictions = 1});
}

TEST_F(ScenarioFiles, AWordWithoutAFileIsAScenariosName) {
  EXPECT_THAT(typed({"explore", "madvise-paralel-2017"}).err,
              HasSubstr("type madvise-parallel-2017"));
  EXPECT_FALSE(means_file("madvise-parallel-2017"));
  EXPECT_FALSE(means_file(folder_.path("nothing").substr(1, 3)));
  EXPECT_TRUE(means_file("nothing.scenario"));
  EXPECT_TRUE(means_file("./nothing"));
  const Typed missing = typed({"explore", folder_.path("nothing")});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("cannot be opened"));
}

TEST_F(ScenarioFiles, AQuestionIsAnswered) {
  const std::string file = folder_.file("question", "P0: r0 = load 8\nexists P0:r0 == 1\n");
  const Typed said = typed({"explore", file});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("POSSIBLE P0:r0 == 1"));
  EXPECT_THAT(said.out, HasSubstr("Sometimes 1 18"));
  const auto json = ordered_json::parse(typed({"explore", file, "--json"}).out);
  EXPECT_TRUE(json["runs"][0]["violations"].empty());
  EXPECT_EQ(json["runs"][0]["witnesses"][0]["steps"], 3);
  EXPECT_EQ(json["runs"][0]["text"].get<std::string>().size(), 16U);
  EXPECT_THAT(typed({"stress", file, "--seconds", "1"}).out, HasSubstr("was not seen"));
}

TEST_F(ScenarioFiles, AMistakeIsOneLineWithItsPlace) {
  const auto says = [this](const std::string& text) {
    const Typed said = typed({"explore", folder_.file("f", text)});
    EXPECT_EQ(said.code, 2);
    EXPECT_EQ(said.out, "");
    return said.err.substr(folder_.path("f").size());
  };
  EXPECT_EQ(says("P0: frob\n").substr(0, 32), ":1:5: there is no operation 'fro");
  EXPECT_EQ(
      says("P0: tick\nwithout nested-flash\n"),
      ":2:9: there is no fix 'nested-flash'; expected nested-flush (tlblab list fixes has them "
      "all)\n");
  EXPECT_EQ(says("P0: tick\nwithout mremap-flush=never\n"),
            ":2:22: mremap-flush has no form 'never'; expected one of after, before-old-unlock, "
            "before-both\n");
  EXPECT_EQ(says("P0: tick\nforbid stale_translation_us\n"),
            ":2:8: there is no kind of violation 'stale_translation_us'; expected "
            "stale_translation_use (tlblab list violations has them all)\n");
  EXPECT_EQ(says("arch z\nP0: tick\n"),
            ":1:6: there is no backend 'z'; expected one that tlblab list backends shows\n");
  EXPECT_EQ(says("load 8\nP0: tick\n"),
            ": the setup goes wrong, line 1: load gave a fatal fault; expected calls and accesses "
            "that succeed before the first program\n");
  EXPECT_THAT(typed({"explore", folder_.file("t", "arch toy\nP0: tick\n")}).err,
              HasSubstr("is not there on 'toy'"));
}

TEST_F(ScenarioFiles, AreReplayedAsTheyWere) {
  const std::string file = folder_.file("race", race);
  const std::string schedule = schedule_of(typed({"explore", file, "--json"}));
  EXPECT_THAT(schedule, HasSubstr("v1 file=" + file + " x86 sc text="));
  fake::asked = {};
  EXPECT_EQ(typed({"replay", schedule}).code, 1);
  EXPECT_NE(fake::asked.explore->text, nullptr);
  EXPECT_FALSE(fake::asked.explore->fixes.nested_flush);
  // Comments are nothing that it says.
  static_cast<void>(folder_.file("race", "# a race\n" + race));
  EXPECT_EQ(typed({"replay", schedule}).code, 1);
}

TEST_F(ScenarioFiles, AreNotReplayedAsSomethingElse) {
  const std::string file = folder_.file("race", race);
  const std::string schedule = schedule_of(typed({"explore", file, "--json"}));
  const std::string then = fingerprint(read_scenario_text(file));
  static_cast<void>(folder_.file("race", race + "P1: tick\n"));
  const std::string now = fingerprint(read_scenario_text(file));
  const Typed changed = typed({"replay", schedule});
  EXPECT_EQ(changed.code, 2);
  EXPECT_THAT(changed.err, HasSubstr("text=" + then + " then, text=" + now + " now"));
  const std::string kept = folder_.file("kept", race);
  EXPECT_EQ(typed({"replay", schedule, "--file", kept}).code, 1);
  EXPECT_THAT(typed({"replay", schedule, "--file", folder_.path("none")}).err,
              HasSubstr("type --file FILE"));
  EXPECT_THAT(typed({"replay", "v1 madvise-parallel-2017 x86 sc : a7", "--file", kept}).err,
              HasSubstr("leave --file out"));
}

TEST(ScenarioHelp, NamesEveryOperation) {
  const std::string help = typed({"help", "explore"}).out;
  for (const TextVerbInfo& info : text_verbs())
    EXPECT_THAT(help, HasSubstr(" " + std::string(info.word))) << info.word;
}

}  // namespace
}  // namespace tlblab
