// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/text.h"

#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/pages_by_hand.h"

namespace tlblab {
namespace {

using testing::HasSubstr;
using testing::Not;

const Paint plain;

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

bool ascii(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

TEST(ExploreText, OfAViolation) {
  EXPECT_EQ(explore_text(by_hand::explore(true), plain),
            "madvise-parallel-2017 on x86 without nested-flush\n"
            "  3 CPUs, seed 1\n"
            "  VIOLATION stale_translation_use\n"
            "    CPU 2 read the old value of page 7\n"
            "\n"
            "      CPU0                           CPU1\n"
            "   7  mm->tlb_flush_pending: 1 -> 2\n"
            "=> 9                                 madvise(DONTNEED) returns\n"
            "\n"
            "  2 of 3 rows; --verbose shows all\n"
            "  replay, 2 context switches, 20 machine steps (found with 41 and 517):\n"
            "  tlblab replay 'v1 madvise-parallel-2017 x86 sc without=nested-flush :\n"
            "    a7 b12 c:1'\n"
            "  searched: random schedules, 812 executions, 81200 steps in 40.6 ms;\n"
            "  sequential consistency; not complete: ended at the first violation\n"
            "Observation madvise-parallel-2017+x86-nested-flush Sometimes 1 811\n"
            "with the fix:\n"
            "  tlblab explore madvise-parallel-2017\n");
}

TEST(ExploreText, ShowsAllRowsIfAskedFor) {
  ExplorePage page = by_hand::explore(true);
  page.verbose = true;
  const std::string text = explore_text(page, plain);
  EXPECT_THAT(text, HasSubstr("   8                                 rcu_read_lock\n"));
  EXPECT_THAT(text, Not(HasSubstr("--verbose")));
}

TEST(ExploreText, ShowsTheEndOfALongTrace) {
  ExplorePage page = by_hand::explore(true);
  std::vector<TraceStep>& trace = page.runs[0].report.trace;
  trace.insert(trace.begin(), 300, trace.front());
  const std::string text = explore_text(page, plain);
  EXPECT_THAT(text, HasSubstr("  (102 rows before)\n      CPU0"));
  EXPECT_THAT(text, HasSubstr("=> 9  "));
  EXPECT_THAT(text, HasSubstr("  200 of 303 rows; --verbose shows all\n"));
}

TEST(ExploreText, OfACleanSearch) {
  EXPECT_EQ(explore_text(by_hand::explore(false), plain),
            "madvise-parallel-2017 on x86\n"
            "  3 CPUs, seed 1\n"
            "  no violation\n"
            "  searched: random schedules, 812 executions, 81200 steps in 40.6 ms;\n"
            "  sequential consistency; not complete: the budget of 10.0 s is spent\n"
            "  that none was found does not prove that there is none\n"
            "Observation madvise-parallel-2017+x86 Never 0 812\n"
            "without the fix:\n"
            "  tlblab explore madvise-parallel-2017 --without nested-flush\n");
}

TEST(ExploreText, SaysHowMuchThereMayBeAndWhatItTook) {
  ExplorePage page = by_hand::explore(false);
  ExploreReport& report = page.runs[0].report;
  report.expected_executions = 123'456;
  report.peak_mib = 41.7;
  EXPECT_THAT(explore_text(page, plain), HasSubstr("in 40.6 ms and\n  42 MiB;"));
  EXPECT_THAT(explore_text(page, plain),
              HasSubstr("spent; about 120000 executions in all, by the branches seen so far\n"));
  page.interrupted = true;
  report.expected_executions = 2.5e31;
  EXPECT_THAT(explore_text(page, plain), HasSubstr("interrupted; about 10^31"));
  report.complete = true;
  EXPECT_THAT(explore_text(page, plain), Not(HasSubstr("about")));
}

BufferingReport buffering() {
  BufferingReport report;
  report.pairs = {{.cpu = 0,
                   .by = "",
                   .read = {"mm->context.tlb_gen", 384},
                   .write = {"mm->tlb_flush_pending", 390}},
                  {.cpu = 2, .by = "interrupt handler", .read = {"", 0}, .write = {"lab", 7}}};
  return report;
}

TEST(ExploreText, SaysWhatLoadBufferingCouldChange) {
  ExplorePage page = by_hand::explore(false);
  std::optional<BufferingReport>& said = page.runs[0].report.load_buffering;
  EXPECT_THAT(explore_text(page, plain), Not(HasSubstr("buffering")));
  said.emplace();
  EXPECT_THAT(explore_text(page, plain),
              HasSubstr("\n  no load buffering possible in what was seen\n"));
  said->of_all = true;
  EXPECT_THAT(explore_text(page, plain), HasSubstr("\n  exact: no load buffering possible\n"));
  said = buffering();
  EXPECT_THAT(explore_text(page, plain),
              HasSubstr("\n  load buffering, which the model leaves out, could add executions:\n"
                        "    CPU0 may write mm->tlb_flush_pending (step 390) before it reads\n"
                        "      mm->context.tlb_gen (step 384)\n"
                        "    CPU2's interrupt handler may write lab (step 7) before it reads a\n"
                        "      word\n"));
}

TEST(ExploreText, SaysWhatEndedTheSearch) {
  ExplorePage page = by_hand::explore(false);
  page.executions_asked = 812;
  EXPECT_THAT(explore_text(page, plain), HasSubstr("as many executions as asked for"));
  page.interrupted = true;
  EXPECT_THAT(explore_text(page, plain), HasSubstr("not complete: interrupted"));
  page.runs[0].report.complete = true;
  const std::string complete = explore_text(page, plain);
  EXPECT_THAT(complete, HasSubstr("complete: every execution was seen"));
  EXPECT_THAT(complete, Not(HasSubstr("does not prove")));
}

TEST(ExploreText, IsAlwaysOnlyForACompleteSearch) {
  ExplorePage page = by_hand::explore(true);
  page.runs[0].report.executions = 1;
  EXPECT_THAT(explore_text(page, plain), HasSubstr(" Sometimes 1 0\n"));
  page.runs[0].report.complete = true;
  EXPECT_THAT(explore_text(page, plain), HasSubstr(" Always 1 0\n"));
}

TEST(ExploreText, OfAReplayThatWentWell) {
  ExplorePage page = by_hand::explore(false);
  page.replayed = true;
  page.runs[0].report.executions = 1;
  page.runs[0].report.trace = by_hand::explore(true).runs[0].report.trace;
  const std::string text = explore_text(page, plain);
  EXPECT_THAT(text, HasSubstr("no violation\n\n      CPU0"));
  EXPECT_THAT(text, HasSubstr("replayed: one schedule"));
  EXPECT_THAT(text, Not(HasSubstr("seed")));
}

TEST(ExploreText, KeepsWithin72ColumnsOfAscii) {
  ExplorePage page = by_hand::explore(true);
  ExploreReport& report = page.runs[0].report;
  report.executions = 12345678;
  report.steps = 1234567890123;
  report.seconds = 59.98;
  std::string& schedule = report.violations[0].schedule;
  for (int step = 0; step < 2000; ++step)
    schedule += std::string(" ") + static_cast<char>('a' + step % 3) + std::to_string(step);
  report.violations[0].violation.text =
      "CPU 2 used a translation of 0x7fffffffe000 to frame 123456, generation 3, that CPU 1 had "
      "seen taken away by madvise_dontneed before it returned";
  page.runs[0].subject.without = {"nested-flush", "gup-pin-mb"};
  page.runs[0].subject.scenario = "gup-fast-anon-exclusive-2022";
  const std::string text = explore_text(page, plain);
  EXPECT_TRUE(ascii(text));
  std::string without_verdict = text;  // herd7's line is one word after the other
  const std::size_t verdict = text.find("Observation");
  without_verdict.erase(verdict, text.find('\n', verdict) + 1 - verdict);
  EXPECT_LE(longest_line(without_verdict), 72U);
}

TEST(StressText, OfAViolationOnTooFewUnits) {
  EXPECT_EQ(stress_text(by_hand::stress(true), plain),
            "madvise-parallel-2017 on x86 without nested-flush\n"
            "  on real threads: 8 CPUs, seed 9, oracles on\n"
            "  8 CPUs on 2 PUs: timings mean nothing\n"
            "  VIOLATION stale_translation_use\n"
            "    CPU 2 read the old value of page 7\n"
            "  42 violations in all, the first after 12.5 ms\n"
            "  20.0 s: 1000 rounds, 9000 operations, 300 IPIs\n"
            "  CPUs waited 7 times at 0:flush\n"
            "with the fix:\n"
            "  tlblab stress madvise-parallel-2017\n");
}

TEST(StressText, OfACleanRun) {
  StressPage page = by_hand::stress(false);
  page.seats = {2, 2, "smt"};
  page.interrupted = true;
  const std::string text = stress_text(page, plain);
  EXPECT_THAT(text, HasSubstr("on real threads: 2 CPUs on 2 PUs, smt, seed 9"));
  EXPECT_THAT(text, HasSubstr("no violation"));
  EXPECT_THAT(text, HasSubstr("interrupted after 20.0 s"));
  EXPECT_THAT(text, Not(HasSubstr("timings mean nothing")));
  EXPECT_LE(longest_line(text), 72U);
}

TEST(TraceText, HasARowForEachKindAndWhatSurprises) {
  const std::string text = trace_text(by_hand::trace(), plain);
  for (const char* line :
       {"kind         calls    flushes  pages   flushes  pages  right/wrong  exact/differ\n",
        "munmap          12          8   40+2         9   41+2          9/1           6/2\n",
        "all            112          8   40+2         9   41+2        109/1           6/2\n",
        "remote_send_ipi             0      0         4      4\n", "IPIs sent: 7\n",
        "time: 400 ms for 112 operations, 3.57 ms each; 2 CPUs on 2 PUs, spread\n",
        "oracles: on, no violation\n", "sched:sched_switch (5), syscalls:sys_enter_futex (6)\n",
        "lost by perf: 20 events in 1 place", "  line 77: recorded 4096, got -12\n",
        "  ok  left and right, equal: 3 == 3\n", "  no  few of many: 5 <= 4\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_TRUE(ascii(text));
}

TEST(TraceText, ComparesBackendsIfThereAreSeveral) {
  TracePage page = by_hand::trace();
  EXPECT_THAT(trace_text(page, plain), Not(HasSubstr("broadcasts")));
  page.runs.push_back(page.runs.front());
  page.runs.back().arch = "toy";
  page.runs.back().report.work = {};
  EXPECT_THAT(
      trace_text(page, plain),
      HasSubstr("backend  flushes  pages  broadcasts  IPIs  hash inserts  removals  violations\n"
                "x86            8   40+2           3     7            20        19           0\n"
                "toy            8   40+2           0     7             0         0           0\n"));
}

TEST(TraceText, SaysWhenTimingsMeanNothing) {
  TracePage page = by_hand::trace();
  page.seats = {8, 2, "spread"};
  EXPECT_THAT(trace_text(page, plain), HasSubstr("8 CPUs on 2 PUs: timings mean nothing"));
  page.oracles = false;
  EXPECT_THAT(trace_text(page, plain), HasSubstr("oracles: off\n"));
}

TEST(TraceSummary, HasAColumnForEachBackend) {
  TracePage page = by_hand::trace();
  page.runs.push_back(page.runs.front());
  page.runs.back().arch = "toy";
  EXPECT_EQ(trace_summary(page, plain),
            "  flushes of  calls  kernel  x86  known: exact/differ  toy  known: exact/differ\n"
            "  munmap         12       9    8                  6/2    8                  6/2\n"
            "  x86: 112 operations in 400 ms, 7 IPIs, no violation\n"
            "  toy: 112 operations in 400 ms, 7 IPIs, no violation\n");
}

TEST(Paint, ChangesNothingButColour) {
  const std::string colourful = explore_text(by_hand::explore(true), {.on = true});
  std::string stripped;
  for (std::size_t at = 0; at < colourful.size(); ++at)
    if (colourful[at] == '\x1b')
      at = colourful.find('m', at);
    else
      stripped += colourful[at];
  EXPECT_NE(stripped, colourful);
  EXPECT_EQ(stripped, explore_text(by_hand::explore(true), plain));
}

CheckPage::Row check_row(const std::string& arch, const std::string& skipped) {
  CheckPage::Row row;
  row.arch = arch;
  row.model = "weak";
  row.expected = row.got = "clean";
  row.skipped = skipped;
  row.is_done = skipped.empty();
  row.as_expected = row.is_done;
  row.executions = 1;
  return row;
}

TEST(CheckText, RowsThatCannotBeRunAreSkipped) {
  CheckPage page;
  page.scenarios = {{"some", {check_row("arm64", ""), check_row("riscv", "6 CPUs, and more")}},
                    {"none", {check_row("arm64", "it cannot be explored")}}};
  page.seconds = 2;
  EXPECT_EQ(check_plan_text(page), "KTAP version 1\n1..2\n");
  EXPECT_EQ(check_scenario_text(page.scenarios[0], 1, plain),
            "  KTAP version 1\n"
            "  # Subtest: some\n"
            "  1..2\n"
            "  # clean; 1 execution\n"
            "  ok 1 arm64 weak\n"
            "  ok 2 riscv weak # SKIP 6 CPUs, and more\n"
            "ok 1 some\n");
  EXPECT_THAT(check_scenario_text(page.scenarios[1], 2, plain),
              HasSubstr("\nok 2 none # SKIP no row of it can be run\n"));
  EXPECT_EQ(check_sum_text(page), "# 1 row, 0 unexpected, 2 skipped, 2.00 s\n");
}

TEST(CheckText, OnlySurprisesAreColoured) {
  CheckPage page;
  page.scenarios = {{"some", {check_row("arm64", "")}}};
  EXPECT_THAT(check_scenario_text(page.scenarios[0], 1, {.on = true}), Not(HasSubstr("\x1b")));
  page.scenarios[0].rows[0].as_expected = false;
  EXPECT_THAT(check_scenario_text(page.scenarios[0], 1, {.on = true}),
              HasSubstr("\n  \x1b[1;31mnot ok\x1b[0m 1 arm64 weak\n"));
}

}  // namespace
}  // namespace tlblab
