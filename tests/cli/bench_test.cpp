// SPDX-License-Identifier: GPL-2.0-or-later
// tlblab bench with a bench program of our own: a script that says what Google Benchmark would.
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/cli/bench_results.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string row(const std::string& name, const std::string& counters) {
  return "{\"name\":\"" + name + "/manual_time\",\"run_type\":\"iteration\"," + counters + "}";
}

std::string results() {
  const std::string rows[] = {
      row("munmap/simulated/cpus:2", "\"ns\":35.0"), row("munmap/kernel/cpus:2", "\"ns\":300.0"),
      row("touch-dontneed/simulated/cpus:1", "\"ns\":210.0"),
      row("touch-dontneed/simulated/cpus:1", "\"ns\":200.0"),
      row("touch-dontneed/kernel/cpus:1", "\"ns\":1800.0"),
      row("touch-dontneed/plain/cpus:1", "\"ns\":50.0"),
      // The host could not give two processors in the second one: its 3.0 means nothing.
      row("disjoint/simulated/cpus:2", "\"scale\":1.85,\"plain_scale\":1.95"),
      row("disjoint/simulated/cpus:2", "\"scale\":3.0,\"plain_scale\":1.2"),
      row("disjoint/simulated/cpus:2", "\"scale\":1.7,\"plain_scale\":2.0"),
      R"({"name":"touch-dontneed/simulated/cpus:1_mean","run_type":"aggregate","ns":1.0})"};
  std::string json = "{\"context\":{},\"benchmarks\":[";
  for (const std::string& one : rows) json += (&one == rows ? "" : ",") + one;
  return json + "]}";
}

class Bench : public testing::Test {
 protected:
  Bench() { program("#!/bin/sh\necho \"$@\" >>\"$0.asked\"\ncat \"$0.results\"\n", results()); }
  ~Bench() override { unsetenv("TLBLAB_BENCH_PROGRAM"); }
  void program(const std::string& script, const std::string& output) {
    const std::string file = folder_.file("bench", script);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    static_cast<void>(folder_.file("bench.results", output));
    setenv("TLBLAB_BENCH_PROGRAM", file.c_str(), 1);
  }
  Folder folder_;
};

TEST_F(Bench, JsonIsOneObject) {
  const Typed said = typed({"bench", "--json", "--repetitions", "3"});
  ASSERT_EQ(said.code, 0) << said.err;
  const ordered_json json = ordered_json::parse(said.out);
  EXPECT_EQ(json.begin().key(), "schema");
  EXPECT_EQ(json["schema"], "tlblab/bench/1");
  EXPECT_EQ(json["oracles"], "off");
  EXPECT_EQ(json["repetitions"], 3);
  EXPECT_TRUE(json["host"].contains("kernel"));
  EXPECT_TRUE(json["warnings"].is_array());
  ASSERT_EQ(json["runs"].size(), 3U);
  const ordered_json& touch = json["runs"][0];
  EXPECT_EQ(touch["workload"], "touch-dontneed");
  EXPECT_EQ(touch["cpus"], 1);
  EXPECT_EQ(touch["unit"], "ns per page");
  EXPECT_EQ(touch["simulated"]["best"], 200);
  EXPECT_EQ(touch["simulated"]["repetitions"].size(), 2U);
  EXPECT_EQ(touch["simulated_over_plain"], 4);
  EXPECT_EQ(touch["kernel_over_simulated"], 9);
  EXPECT_TRUE(json["runs"][1]["plain"].is_null());
}

TEST_F(Bench, OfScalingTheRepetitionsCountInWhichTheHostScaled) {
  const ordered_json json = ordered_json::parse(typed({"bench", "--json"}).out);
  EXPECT_EQ(json["runs"][2]["workload"], "disjoint");
  EXPECT_EQ(json["runs"][2]["simulated"]["best"], 1.85);
  EXPECT_EQ(json["runs"][2]["plain"]["best"], 1.95);
}

TEST_F(Bench, TextHasTheThreeColumns) {
  const Typed said = typed({"bench"});
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, HasSubstr("oracles off"));
  EXPECT_THAT(said.out, testing::ContainsRegex("touch-dontneed +1 +200 +1800 +50 +4.0x +9.0x"));
  EXPECT_THAT(said.out, testing::ContainsRegex("munmap +2 +35 +300 +- +- +8.6x"));
}

TEST_F(Bench, TheTableSaysWhetherTargetsAreMet) {
  const Typed said = typed({"bench", "--table"});
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, HasSubstr("| 4.00 | at most 5 | yes |"));
  EXPECT_THAT(said.out, HasSubstr("| 9.00 | at least 5 | yes |"));
  EXPECT_THAT(said.out, HasSubstr("| 1.85 | at least 1.8 | yes |"));
  program("#!/bin/sh\ncat \"$0.results\"\n",
          "{\"benchmarks\":[" + row("flush/simulated/cpus:2", "\"ns\":400.0") + "," +
              row("flush/plain/cpus:2", "\"ns\":100.0") + "]}");
  EXPECT_THAT(typed({"bench", "--table"}).out, HasSubstr("| 4.00 | at most 3 | no |"));
}

TEST_F(Bench, WhatIsAskedForReachesTheProgram) {
  EXPECT_EQ(typed({"bench", "--workload", "munmap,flush", "--cpus", "4,1,4", "--repetitions", "7",
                   "--place", "list=0"})
                .code,
            0);
  const std::string asked = contents(folder_.path("bench.asked"));
  EXPECT_THAT(asked, HasSubstr("--cpus=1,4 "));
  EXPECT_THAT(asked, HasSubstr("--units=0,0,0,0"));
  EXPECT_THAT(asked, HasSubstr("--benchmark_filter=^(munmap|flush)/"));
  EXPECT_THAT(asked, HasSubstr("--benchmark_repetitions=7"));
  EXPECT_THAT(asked, HasSubstr("random_interleaving=true"));
}

// Interleaving mixes them, in each workload otherwise.
TEST_F(Bench, BackendsAreInTheOrderInWhichTheyWereAskedFor) {
  program("#!/bin/sh\ncat \"$0.results\"\n", "{\"context\":{},\"benchmarks\":[" +
                                                 row("munmap/toy/cpus:1", "\"ns\":20.0") + "," +
                                                 row("munmap/x86/cpus:1", "\"ns\":10.0") + "," +
                                                 row("shootdown/x86/cpus:2", "\"ns\":30.0") + "," +
                                                 row("shootdown/toy/cpus:2", "\"ns\":40.0") + "]}");
  const Typed said = typed({"bench", "--arch", "x86,toy"});
  EXPECT_THAT(said.out, testing::ContainsRegex("\n  x86 +10[.0]* +30[.0]*\n  toy +20[.0]* +40"));
}

TEST_F(Bench, MoreCpusThanUnitsIsSaid) {
  const Typed said = typed({"bench", "--cpus", "3", "--place", "list=0", "--json"});
  const ordered_json json = ordered_json::parse(said.out);
  EXPECT_EQ(json["oversubscribed"], true);
  EXPECT_THAT(json["warnings"].dump(), HasSubstr("3 CPUs on 1 PUs"));
}

TEST_F(Bench, AProgramThatFailsIsTheHostsFault) {
  const auto fails = [this](const std::string& script, const std::string& part) {
    program(script, "");
    const Typed said = typed({"bench"});
    EXPECT_EQ(said.code, 4);
    EXPECT_EQ(said.out, "");
    EXPECT_THAT(said.err, HasSubstr(part));
    EXPECT_EQ(std::ranges::count(said.err, '\n'), 1) << said.err;
  };
  fails("#!/bin/sh\necho first >&2; echo no memory >&2; exit 3\n", "ended with 3: no memory");
  fails("#!/bin/sh\nexit 0\n", "gave no results");
  fails("#!/bin/sh\necho '{\"benchmarks\":[{\"name\":5}]}'\n", "gave no results");
  setenv("TLBLAB_BENCH_PROGRAM", "/no/such/program", 1);
  EXPECT_EQ(typed({"bench"}).code, 4);
}

}  // namespace
}  // namespace tlblab
