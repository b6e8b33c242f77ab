// SPDX-License-Identifier: GPL-2.0-or-later
// The shapes that other programs rely on, letter by letter.
#include "harness/report/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/report/pages_by_hand.h"

namespace tlblab {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;

std::vector<std::string> keys(const ordered_json& object) {
  std::vector<std::string> all;
  for (const auto& item : object.items()) all.push_back(item.key());
  return all;
}

TEST(ExploreJson, IsThis) {
  EXPECT_EQ(
      explore_json(by_hand::explore(true)),
      R"({"schema":"tlblab/explore/1","runs":[{"scenario":"madvise-parallel-2017","arch":"x86",)"
      R"("model":"sc","without":["nested-flush"],"complete":false,"executions":812,"blocked":0,)"
      R"("steps":81200,"ns_per_step":500.0,"violations":[{"kind":"stale_translation_use",)"
      R"("schedule":"v1 madvise-parallel-2017 x86 sc without=nested-flush : a7 b12 c:1",)"
      R"("steps":9,"text":"CPU 2 read the old value of page 7","switches":2,"machine_steps":20,)"
      R"("as_found":{"machine_steps":517,"switches":41}}],"cpus":3,"oracles":"on",)"
      R"("seed":1,"strategy":"random","seconds":0.0406}],"interrupted":false,)"
      R"("tool":{"version":"0.1.0"}})"
      "\n");
}

TEST(ExploreJson, OfNothingFoundHasEmptyLists) {
  const ordered_json json = ordered_json::parse(explore_json(by_hand::explore(false)));
  const ordered_json& run = json["runs"][0];
  EXPECT_EQ(run["without"].dump(), "[]");
  EXPECT_EQ(run["violations"].dump(), "[]");
}

TEST(ExploreJson, HasWhatLoadBufferingCouldChange) {
  ExplorePage page = by_hand::explore(false);
  std::optional<BufferingReport>& said = page.runs[0].report.load_buffering;
  const auto row = [&] {
    return ordered_json::parse(explore_json(page))["runs"][0]["load_buffering"].dump();
  };
  EXPECT_EQ(row(), "null");
  said.emplace().of_all = true;
  EXPECT_EQ(row(), R"({"exact":true,"of_all_executions":true,"pairs":[]})");
  said->pairs = {{.cpu = 2, .by = "RCU callbacks", .read = {"lab", 0}, .write = {"pte", 7}}};
  EXPECT_EQ(row(), R"({"exact":false,"of_all_executions":true,"pairs":[{"cpu":2,)"
                   R"("by":"RCU callbacks","read":{"object":"lab","step":null},)"
                   R"("write":{"object":"pte","step":7}}]})");
}

TEST(ExploreJson, OfAReplayHasTheTrace) {
  ExplorePage page = by_hand::explore(true);
  EXPECT_FALSE(ordered_json::parse(explore_json(page))["runs"][0].contains("trace"));
  page.replayed = true;
  EXPECT_EQ(ordered_json::parse(explore_json(page))["runs"][0]["trace"].dump(),
            R"([{"step":7,"cpu":0,"what":"rmw","object":"mm->tlb_flush_pending","before":"1",)"
            R"("after":"2","order":"relaxed","text":"mm->tlb_flush_pending: 1 -> 2","key":true},)"
            R"({"step":8,"cpu":1,"what":"rcu_read_lock","text":"rcu_read_lock","key":false},)"
            R"({"step":9,"cpu":1,"what":"call_end","object":"0x4000, 1 page",)"
            R"("text":"madvise(DONTNEED) returns","key":true,"violating":true}])");
}

TEST(StressJson, IsThis) {
  EXPECT_EQ(
      stress_json(by_hand::stress(true)),
      R"({"schema":"tlblab/stress/1","runs":[{"scenario":"madvise-parallel-2017","arch":"x86",)"
      R"("without":["nested-flush"],"cpus":8,"oversubscribed":true,"seconds":20.004,)"
      R"("rounds":1000,"operations":9000,"ipis":300,"stalls":7,"oracles":"on",)"
      R"("violations":[{"kind":"stale_translation_use","text":"CPU 2 read the old value of page 7"},)"
      R"({"kind":"stale_translation_use","text":"CPU 2 read the old value of page 8"}],)"
      R"("violations_total":42,"first_violation_seconds":0.0125}],"seed":9,"stalls":["0:flush"],"interrupted":false,)"
      R"("place":"spread","units":2,"tool":{"version":"0.1.0"},"host":{"kernel":"6.18"}})"
      "\n");
}

TEST(StressJson, OfNothingFoundHasNoTimeOfIt) {
  const ordered_json json = ordered_json::parse(stress_json(by_hand::stress(false)));
  EXPECT_TRUE(json["runs"][0]["first_violation_seconds"].is_null());
  EXPECT_EQ(json["runs"][0]["violations_total"], 0);
}

TEST(TraceJson, BeginsWithWhatWasPromised) {
  const std::string json = trace_json(by_hand::trace());
  EXPECT_THAT(
      json,
      testing::StartsWith(
          R"({"schema":"tlblab/trace-replay/1","runs":[{"arch":"x86","kinds":[{"kind":"munmap",)"
          R"("calls":12,"known":{"right":9,"wrong":1,"exact":6,"differ":2},)"
          R"("unknown":{"right":1,"wrong":1},"predicted":{"events":8,"pages":40,"full":2},)"
          R"("recorded":{"events":9,"pages":41,"full":2}},)"));
  const ordered_json run = ordered_json::parse(json)["runs"][0];
  EXPECT_EQ(run["violations"], 0);
  EXPECT_EQ(run["ipis"], 7);
  EXPECT_EQ(run["broadcasts"], 3);
  EXPECT_EQ(run["hash_inserts"], 20);
  EXPECT_EQ(run["hash_removals"], 19);
  EXPECT_EQ(run["seconds"].dump(), "0.4");
  EXPECT_EQ(run["oracles"], "on");
  EXPECT_EQ(run["recorded"]["remote_send_ipi"]["events"], 4);
  EXPECT_EQ(run["checks"][1]["holds"], false);
}

TEST(Json, TakesNamesThatAreNotUtf8) {
  TracePage page = by_hand::trace();
  page.file = "caf\xe9\".txt";
  const ordered_json json = ordered_json::parse(trace_json(page));
  EXPECT_EQ(json["file"], "caf\xef\xbf\xbd\".txt");
}

TEST(Json, IsTheSameEveryTime) {
  EXPECT_EQ(trace_json(by_hand::trace()), trace_json(by_hand::trace()));
}

TEST(ListJson, HasTheSectionsThatWereAskedFor) {
  BackendEntry backend;
  backend.name = "x86";
  backend.memory = "tso";
  ScenarioEntry scenario;
  scenario.name = "race-2017";
  scenario.thread = "000";
  scenario.fixes = {"nested-flush"};
  scenario.real_threads = "yes";
  scenario.cpus = 3;
  scenario.runs = {{"x86", nullptr, nullptr}};
  const Tables tables{{backend}, {scenario}};
  ListPage page{.tables = &tables, .scenarios = true, .violation_kinds = {}};
  EXPECT_EQ(list_json(page),
            R"({"schema":"tlblab/list/1","scenarios":[{"name":"race-2017","thread":"000",)"
            R"("fixes":["nested-flush"],"arches":["x86"],"real_threads":"yes","cpus":3,)"
            R"("line":""}]})"
            "\n");
  page.backends = page.fixes = page.violations = true;
  page.violation_kinds = {{"stale_translation_use", "used too late"}};
  const ordered_json json = ordered_json::parse(list_json(page));
  EXPECT_THAT(keys(json), ElementsAre("schema", "scenarios", "backends", "fixes", "violations"));
  EXPECT_EQ(json["backends"][0]["memory"], "tso");
  EXPECT_EQ(json["fixes"].size(), fix_table.size());
  EXPECT_EQ(json["violations"][0]["line"], "used too late");
}

TEST(TopoJson, IsThis) {
  TopoPage page;
  page.description = "PU:1";
  page.units = {{.os_index = 3, .package = 0, .node = 0, .core = 0, .smt = 0}};
  page.placed = {page.units[0], page.units[0]};
  page.seats = {2, 1, "compact"};
  EXPECT_EQ(topo_json(page),
            R"({"schema":"tlblab/topo/1","description":"PU:1","made_up":false,)"
            R"("units":[{"unit":3,"package":0,"node":0,"core":0,"smt":0}],"place":"compact",)"
            R"("cpus":[{"cpu":0,"unit":3,"package":0,"node":0,"core":0,"smt":0},)"
            R"({"cpu":1,"unit":3,"package":0,"node":0,"core":0,"smt":0}],"oversubscribed":true,)"
            R"("tool":{},"host":{}})"
            "\n");
}

TEST(DemoJson, HoldsThePagesOfItsSteps) {
  DemoPage page{by_hand::trace(),      by_hand::explore(true), by_hand::explore(false),
                by_hand::stress(true), by_hand::stress(false), true};
  const ordered_json json = ordered_json::parse(demo_json(page));
  EXPECT_THAT(keys(json), ElementsAre("schema", "as_expected", "trace", "explore_without_fix",
                                      "explore_with_fix", "stress_without_fix", "stress_with_fix"));
  EXPECT_EQ(json["explore_with_fix"]["schema"], "tlblab/explore/1");
}

TEST(FlatJson, KeepsTheOrder) {
  EXPECT_EQ(flat_json("tlblab/x/1", {{"b", "1"}, {"a", "2"}}),
            "{\"schema\":\"tlblab/x/1\",\"b\":\"1\",\"a\":\"2\"}\n");
}

}  // namespace
}  // namespace tlblab
