// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/report/pages_by_hand.h"

namespace tlblab::by_hand {

namespace {

KindReport munmap() {
  KindReport kind;
  kind.name = "munmap";
  kind.calls = 12;
  kind.known = {.right = 9, .wrong = 1, .exact = 6, .differ = 2};
  kind.unknown = {.right = 1, .wrong = 1};
  kind.predicted = {.events = 8, .pages = 40, .full = 2};
  kind.recorded = {.events = 9, .pages = 41, .full = 2};
  return kind;
}

KindReport fault_write() {
  KindReport kind;
  kind.name = "fault_write";
  kind.calls = 100;
  kind.known = {.right = 100, .wrong = 0, .exact = 0, .differ = 0};
  return kind;
}

TraceReport trace_report() {
  TraceReport report;
  report.replay.kinds = {munmap(), fault_write()};
  report.replay.records = 500;
  report.replay.operations = 112;
  report.replay.processes = 2;
  report.replay.threads = 3;
  report.replay.unfinished_calls = 1;
  report.replay.diverged = 1;
  report.replay.first_diverged = {{.line = 77, .recorded = 4096, .got = -12}};
  report.replay.predicted[static_cast<std::size_t>(FlushReason::local_mm_shootdown)] = {
      .events = 8, .pages = 40, .full = 2};
  report.replay.recorded[static_cast<std::size_t>(FlushReason::local_mm_shootdown)] = {
      .events = 9, .pages = 41, .full = 2};
  report.replay.recorded[static_cast<std::size_t>(FlushReason::remote_send_ipi)] = {
      .events = 4, .pages = 4, .full = 0};
  report.replay.lost_records = 1;
  report.replay.lost_events = 20;
  report.replay.unknown_events = {{"sched:sched_switch", 5}, {"syscalls:sys_enter_futex", 6}};
  report.replay.checks = {{"left and right, equal", "==", 3, 3}, {"few of many", "<=", 5, 4}};
  report.cpus = 2;
  report.ipis = 7;
  report.work = {.broadcasts = 3, .hash_inserts = 20, .hash_removals = 19};
  report.seconds = 0.4;
  return report;
}

Subject subject(bool broken) {
  Subject subject{"madvise-parallel-2017", "x86", {}, 3};
  if (broken) subject.without = {"nested-flush"};
  return subject;
}

}  // namespace

TracePage trace() {
  TracePage page;
  page.file = "program.perf.txt.gz";
  page.lines = 510;
  page.seats = {2, 2, "spread"};
  page.runs = {{"x86", trace_report()}};
  page.tool = {{"version", "0.1.0"}};
  page.host = {{"kernel", "6.18"}};
  return page;
}

StressPage stress(bool broken) {
  StressReport report;
  report.cpus = 8;
  report.rounds = 1000;
  report.operations = 9000;
  report.ipis = 300;
  report.stalls = 7;
  report.seconds = 20.004;
  if (broken) {
    report.violations = 42;
    report.first_violation_seconds = 0.0125;
    report.examples = {{"stale_translation_use", "CPU 2 read the old value of page 7"},
                       {"stale_translation_use", "CPU 2 read the old value of page 8"}};
  }
  StressPage page;
  page.seed = 9;
  page.stalls = {"0:flush"};
  page.seats = {8, 2, "spread"};
  page.runs = {{subject(broken), report}};
  page.cures = {"nested-flush"};
  page.tool = {{"version", "0.1.0"}};
  page.host = {{"kernel", "6.18"}};
  return page;
}

std::vector<TraceStep> steps() {
  return {{.step = 7,
           .cpu = 0,
           .what = "rmw",
           .object = "mm->tlb_flush_pending",
           .before = "1",
           .after = "2",
           .order = "relaxed",
           .text = "mm->tlb_flush_pending: 1 -> 2",
           .key = true},
          {.step = 8, .cpu = 1, .what = "rcu_read_lock", .text = "rcu_read_lock"},
          {.step = 9,
           .cpu = 1,
           .what = "call_end",
           .object = "0x4000, 1 page",
           .text = "madvise(DONTNEED) returns",
           .key = true,
           .violating = true}};
}

ExplorePage explore(bool broken) {
  ExploreReport report;
  if (broken) report.trace = steps();
  report.executions = 812;
  report.steps = 81200;
  report.seconds = 0.0406;
  if (broken)
    report.violations = {
        {.violation = {"stale_translation_use", "CPU 2 read the old value of page 7"},
         .schedule = "v1 madvise-parallel-2017 x86 sc without=nested-flush : a7 b12 c:1",
         .steps = 20,
         .switches = 2,
         .told = 9,
         .found_steps = 517,
         .found_switches = 41}};
  ExplorePage page;
  page.seed = 1;
  page.budget_seconds = 10;
  page.runs = {{subject(broken), report}};
  page.cures = {"nested-flush"};
  page.tool = {{"version", "0.1.0"}};
  return page;
}

}  // namespace tlblab::by_hand
