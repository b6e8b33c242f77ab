// SPDX-License-Identifier: GPL-2.0-or-later
// tlblab check over the fake table, of whose scenarios one has a table of verdicts.
#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/cli/interrupt.h"
#include "tests/cli/fake_table.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;
using Checked = fake::Orders::Checked;

class CheckTest : public testing::Test {
 protected:
  void SetUp() override {
    fake::asked = {};
    fake::orders = {};
  }
};

Typed checked(std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"check", "--filter", "checked"});
  return typed(more);
}

// Without the time, which differs.
std::string timeless(const std::string& text) {
  std::string blanked = text;
  for (const std::string_view word : {"\"seconds\":", " unexpected, "})
    for (std::size_t at = 0; (at = blanked.find(word, at)) != std::string::npos;) {
      at += word.size();
      const std::size_t end = std::min(blanked.find_first_of(",}\n", at), blanked.size());
      blanked.replace(at, end - at, "T");
    }
  return blanked;
}

TEST_F(CheckTest, PrintsKtap) {
  const Typed said = checked();
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.err, "");
  EXPECT_EQ(timeless(said.out),
            "KTAP version 1\n"
            "1..1\n"
            "  KTAP version 1\n"
            "  # Subtest: checked-2019\n"
            "  1..6\n"
            "  # clean; 19 executions, complete\n"
            "  ok 1 x86 tso\n"
            "  # violation stale_translation_use; 12 executions\n"
            "  ok 2 x86 tso without nested-flush\n"
            "  # violation stale_translation_use; 12 executions\n"
            "  ok 3 x86 weak without nested-flush\n"
            "  # clean; 19 executions, complete\n"
            "  ok 4 toy tso\n"
            "  # clean; 2000 executions\n"
            "  # masked by a flush under the page-table lock\n"
            "  ok 5 toy tso without nested-flush\n"
            "  # violation stale_translation_use; 12 executions\n"
            "  ok 6 toy weak without nested-flush\n"
            "ok 1 checked-2019\n"
            "# 6 rows, 0 unexpected, T\n");
}

TEST_F(CheckTest, SaysHowToRepeatWhatIsUnexpected) {
  fake::orders.checked = Checked::finds;
  const Typed said = checked();
  EXPECT_EQ(said.code, 1);
  EXPECT_THAT(said.out,
              HasSubstr("  # expected: clean, complete\n"
                        "  # got: violation freed_frame_use; 3 executions\n"
                        "  # CPU 0 used frame 7\n"
                        "  # tlblab replay 'v1 checked-2019 toy sc actors=walker : a1 b2'\n"
                        "  # tlblab explore checked-2019 --arch toy --without none --memory tso"
                        " --strategy dpor --budget 300s\n"
                        "  not ok 4 toy tso\n"));
  EXPECT_THAT(said.out, HasSubstr("\nnot ok 1 checked-2019\n# 6 rows, 1 unexpected, "));
}

// They give the options that the search had.
TEST_F(CheckTest, WhatItSaysToTypeCanBeTyped) {
  const ordered_json row = ordered_json::parse(checked({"--json"}).out)["rows"][2];
  EXPECT_EQ(row["schedule"],
            "v1 checked-2019 x86 weak without=nested-flush actors=walker : a7 b.irq c:1");
  EXPECT_EQ(typed({"replay", row["schedule"]}).code, 1);
  EXPECT_EQ(fake::asked.explore->memory, "weak");
  EXPECT_EQ(fake::asked.explore->actors.walks, 1U);
  EXPECT_FALSE(fake::asked.explore->fixes.nested_flush);
  fake::orders.checked = Checked::finds;
  EXPECT_EQ(typed({"explore", "checked-2019", "--arch", "toy", "--without", "none", "--memory",
                   "tso", "--strategy", "dpor", "--budget", "300s"})
                .code,
            1);
}

TEST_F(CheckTest, JsonHasARowForEachSearch) {
  const Typed said = checked({"--json"});
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.err, "");
  const ordered_json json = ordered_json::parse(said.out);
  EXPECT_EQ(json.begin().key(), "schema");
  EXPECT_EQ(json["schema"], "tlblab/check/1");
  EXPECT_EQ(json["unexpected"], 0);
  ASSERT_EQ(json["rows"].size(), 6U);
  EXPECT_EQ(timeless(json["rows"][4].dump()),
            R"({"scenario":"checked-2019","arch":"toy","model":"tso","without":["nested-flush"],)"
            R"("expected":"clean","got":"clean","complete":false,"executions":2000,)"
            R"("masked_by":"a flush under the page-table lock","ok":true,)"
            R"("expected_complete":false,"strategy":"pct","skipped":null,"text":null,)"
            R"("schedule":null,"seconds":T})");
  const ordered_json& found = json["rows"][1];
  EXPECT_EQ(found["expected"], "violation stale_translation_use");
  EXPECT_EQ(found["got"], found["expected"]);
  EXPECT_EQ(found["masked_by"], nullptr);
  EXPECT_EQ(std::prev(found.end()).key(), "seconds");
}

TEST_F(CheckTest, JsonCountsWhatIsUnexpected) {
  fake::orders.checked = Checked::finds;
  const Typed said = checked({"--json"});
  EXPECT_EQ(said.code, 1);
  const ordered_json json = ordered_json::parse(said.out);
  EXPECT_EQ(json["unexpected"], 1);
  EXPECT_EQ(json["rows"][3]["ok"], false);
  EXPECT_EQ(json["rows"][3]["got"], "violation freed_frame_use");
}

TEST_F(CheckTest, ASearchThatDidNotEndIsNotClean) {
  fake::orders.checked = Checked::is_late;
  const Typed late = checked({"--budget", "2s"});
  EXPECT_EQ(late.code, 1);
  EXPECT_THAT(late.out, HasSubstr("  # got: undecided (time); 3 executions\n"));
  fake::orders.checked = Checked::loses;
  EXPECT_THAT(checked().out, HasSubstr("# got: undecided (2 executions could not be made); 3 ex"));
}

TEST_F(CheckTest, AnyNumberOfProcessesSaysTheSame) {
  for (const Checked order : {Checked::fine, Checked::finds}) {
    fake::orders.checked = order;
    const std::string text = timeless(checked({"--jobs", "1"}).out);
    const std::string json = timeless(checked({"--jobs", "1", "--json"}).out);
    for (const char* jobs : {"2", "3", "16"}) {
      EXPECT_EQ(timeless(checked({"--jobs", jobs}).out), text);
      EXPECT_EQ(timeless(checked({"--jobs", jobs, "--json"}).out), json);
    }
  }
}

TEST_F(CheckTest, ScenariosWithoutATableAreSkipped) {
  const Typed said = typed({"check"});
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, testing::StartsWith("KTAP version 1\n1..3\n"
                                            "ok 1 madvise-parallel-2017 # SKIP "
                                            "it has no table of verdicts\n"
                                            "ok 2 explorer-only-2020 # SKIP "));
  EXPECT_THAT(said.out, HasSubstr("\nok 3 checked-2019\n"));
  const ordered_json json = ordered_json::parse(typed({"check", "--json"}).out);
  EXPECT_EQ(json["rows"].size(), 6U);
  EXPECT_EQ(json["without_table"].size(), 2U);
}

TEST_F(CheckTest, FastIsShort) {
  const Typed said = typed({"check", "--filter", "fast"});
  EXPECT_EQ(said.code, 0) << said.out;
  EXPECT_THAT(said.out, HasSubstr("  # clean; 300 executions\n  ok 1 x86 tso\n"));
  EXPECT_THAT(said.out, Not(HasSubstr("toy")));
}

TEST_F(CheckTest, FiltersThatAreWrongSayWhatToType) {
  const Typed bad = typed({"check", "--filter", "checked("});
  EXPECT_EQ(bad.code, 2);
  EXPECT_EQ(bad.out, "");
  EXPECT_EQ(bad.err,
            "tlblab check: --filter 'checked(': no regular expression; type for instance --filter "
            "'madvise-.*2017', or --filter fast\n");
  const Typed none = typed({"check", "--filter", "^hecked", "--json"});
  EXPECT_EQ(none.code, 2);
  EXPECT_EQ(none.out, "");
  EXPECT_THAT(none.err, HasSubstr("type tlblab list scenarios\n"));
  EXPECT_EQ(typed({"check", "--filter", std::string(100000, '(')}).code, 2);
  EXPECT_EQ(typed({"check", "checked-2019"}).code, 2);
  EXPECT_EQ(typed({"check", "--jobs", "0"}).code, 2);
}

TEST_F(CheckTest, TellsATerminalHowFarItIs) {
  const Typed said = typed({"check"}, {.out = false, .err = true});
  EXPECT_THAT(said.err, HasSubstr("check: 0 of 6 rows, 0 unexpected; checked-2019"));
  EXPECT_THAT(said.err, testing::EndsWith("\r\x1b[K"));
  EXPECT_EQ(timeless(said.out), timeless(typed({"check"}).out));
}

TEST_F(CheckTest, ASearchThatDiesIsNamed) {
  fake::orders.checked = Checked::dies;
  const Typed said = checked({"--jobs", "1"});
  EXPECT_EQ(said.code, 70);
  EXPECT_THAT(said.err, HasSubstr("ended by signal 6"));
  EXPECT_THAT(said.err, HasSubstr("at work were: checked-2019 on toy under tso\n"));
}

int interrupted_check(const std::vector<std::string>& more) {
  catch_signals();
  fake::orders.checked = Checked::interrupts;
  const Typed said = checked(more);
  std::fputs(said.out.c_str(), stderr);
  return said.code;
}

TEST_F(CheckTest, InterruptedSaysWhatItCovered) {
  const testing::ExitedWithCode interrupted(130);
  EXPECT_EXIT(std::exit(interrupted_check({"--jobs", "1"})), interrupted,
              "  ok 3 x86 weak without nested-flush\n"
              "# interrupted: 3 of 6 rows\n"
              "# interrupted: 3 of 6 rows, 0 unexpected, ");
  EXPECT_EXIT(std::exit(interrupted_check({"--jobs", "1", "--json"})), interrupted,
              "\"unexpected\":0,\"planned\":6,.*\"interrupted\":true");
}

TEST_F(CheckTest, InterruptedBeforeItBeganCoversNothing) {
  const auto run = [] {
    catch_signals();
    std::raise(SIGINT);
    const Typed said = checked();
    std::fputs(said.out.c_str(), stderr);
    return said.code;
  };
  EXPECT_EXIT(std::exit(run()), testing::ExitedWithCode(130),
              "^KTAP version 1\n1..1\n# interrupted: 0 of 6 rows, ");
}

}  // namespace
}  // namespace tlblab
