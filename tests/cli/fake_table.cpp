// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/cli/fake_table.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include <unistd.h>

namespace tlblab {

namespace fake {

Asked asked;
Orders orders;

namespace {

StressReport stress(const char* arch, const StressOptions& options) {
  asked.stress = options;
  asked.arches.emplace_back(arch);
  StressReport report;
  report.cpus = options.cpus;
  report.rounds = 1000;
  report.operations = 12345;
  report.ipis = 67;
  report.seconds = options.seconds;
  if (options.fixes.nested_flush) return report;
  report.violations = 3;
  report.first_violation_seconds = 0.25;
  report.examples = {{"stale_translation_use", "CPU 2 read a page that was given back"},
                     {"stale_translation_use", "CPU 2 read it again"}};
  return report;
}

ExploreReport explore(const char* arch, const ExploreOptions& options) {
  if (orders.throws_internal) throw std::logic_error("made to fail");
  asked.explore = options;
  asked.arches.emplace_back(arch);
  ExploreReport report;
  report.complete = orders.complete;
  if (options.preemptions) report.bound_reached = 7;
  report.executions = 19;
  report.steps = 1900;
  report.seconds = 0.001;
  report.departed_at = orders.departed_at;
  if (!options.fixes.nested_flush)
    report.violations = {
        {{"stale_translation_use", "CPU 2 read a page that was given back"}, "a7 b.irq c:1", 8}};
  return report;
}

// What its table says: see checked().
ExploreReport explore_checked(std::string_view arch, const ExploreOptions& options) {
  ExploreReport report;
  report.model = options.memory;
  report.complete = options.strategy == ExploreStrategy::dpor;
  report.executions = report.complete ? 19 : options.executions;
  report.seconds = 0.001;
  const bool broken = !options.fixes.nested_flush;
  if (broken && (arch == "x86" || options.memory == "weak")) {
    report.executions = 12;
    report.violations = {
        {{"stale_translation_use", "CPU 2 read a page that was given back"}, "a7 b.irq c:1", 8}};
    report.violations.front().memory = options.memory;
  }
  return report;
}

ExploreReport explore_checked_x86(const ExploreOptions& options) {
  return options.schedule.empty() ? explore_checked("x86", options) : explore("x86", options);
}

ExploreReport explore_checked_toy(const ExploreOptions& options) {
  ExploreReport report = explore_checked("toy", options);
  if (!options.fixes.nested_flush || orders.checked == Orders::Checked::fine) return report;
  report.complete = false;
  report.executions = 3;
  if (orders.checked == Orders::Checked::finds)
    report.violations = {{{"freed_frame_use", "CPU 0 used frame 7"}, "a1 b2", 3}};
  if (orders.checked == Orders::Checked::loses) report.lost = 2;
  if (orders.checked == Orders::Checked::dies) std::abort();
  if (orders.checked == Orders::Checked::interrupts) {
    kill(getppid(), SIGINT);
    pause();
  }
  return report;
}

// As if every fault were a write fault and every one of them had flushed one page, as recorded.
TraceReport trace(const char* arch, const Recording& recording, const TraceOptions& options) {
  asked.trace = options;
  asked.arches.emplace_back(arch);
  KindReport faults;
  faults.name = "fault_write";
  const std::array predicted{FlushRecord{FlushReason::local_mm_shootdown, 1}};
  const std::array<std::int64_t, 1> recorded{1};
  for (const Record& record : recording.records) {
    if (!is_fault(record)) continue;
    ++faults.calls;
    ++faults.known.right;
    ++faults.known.exact;
    faults.predicted.add(1);
    faults.recorded.add(1);
    const ReplayEvent event{.line = record.line,
                            .kind = "fault_write",
                            .known = true,
                            .finished = true,
                            .predicted = predicted,
                            .recorded = recorded};
    if (options.on_event) options.on_event(event);
  }
  TraceReport report;
  report.replay.kinds = {faults};
  report.replay.records = recording.records.size();
  report.replay.operations = faults.calls;
  report.replay.unknown_events = recording.unknown_events;
  report.replay.add_checks();
  report.cpus = options.cpus != 0 ? options.cpus : static_cast<unsigned>(recording.cpus.size());
  report.ipis = 5;
  report.seconds = 0.5;
  report.violations = orders.trace_violations;
  if (report.violations != 0) report.examples = {{"freed_frame_use", "CPU 0 used frame 7"}};
  report.interrupted = options.stop != nullptr && options.stop->load();
  return report;
}

// Every operation flushes two pages and leaves one page of the first area.
ScriptRunReport script(const Script& script, const ScriptOptions& options) {
  asked.script = options;
  ScriptRunReport report;
  report.cpus = options.cpus;
  for (const ScriptOp& op : script.ops) {
    ScriptOpReport row;
    row.op = op.text;
    row.write_faults = 3;
    row.flushes = {{op.actor, {FlushReason::local_mm_shootdown, 2}},
                   {ScriptActor::t1, {FlushReason::remote_shootdown, full_flush}}};
    row.space.pages = {{"A", {{0, 1, "rw-p P w1 anon excl"}}}};
    row.space.vmas = {"A+0:1:rw-p"};
    report.script.ops.push_back(row);
  }
  report.script.final_read = {{"A", {{0, 1, "w1"}}}};
  report.violations = orders.trace_violations;
  if (report.violations != 0) report.examples = {{"freed_frame_use", "CPU 0 used frame 7"}};
  report.script.interrupted = options.stop != nullptr && options.stop->load();
  return report;
}

// Of a text that asks whether a state can be: it can.
ExploreReport explore_text(const ExploreOptions& options) {
  ExploreReport report = explore("x86", options);
  report.asks_existence = options.text->asks_existence();
  if (report.asks_existence)
    report.witnesses = {{{std::string(witness_kind), "P0:r0 == 1"}, "a3", 3}};
  if (options.text->setup.size() == 1)
    report.violations = {
        {{std::string(setup_failed_kind), "line 1: load gave a fatal fault"}, "a1", 1}};
  return report;
}
StressReport stress_text(const StressOptions& options) {
  StressReport report = stress("x86", options);
  report.asks_existence = options.text->asks_existence();
  return report;
}

StressReport stress_x86(const StressOptions& options) { return stress("x86", options); }
StressReport stress_toy(const StressOptions& options) { return stress("toy", options); }
ExploreReport explore_x86(const ExploreOptions& options) { return explore("x86", options); }
ExploreReport explore_toy(const ExploreOptions& options) { return explore("toy", options); }
TraceReport trace_x86(const Recording& r, const TraceOptions& o) { return trace("x86", r, o); }
TraceReport trace_toy(const Recording& r, const TraceOptions& o) { return trace("toy", r, o); }

BackendEntry backend(std::string_view name, decltype(BackendEntry::trace) trace_on) {
  return {.name = name,
          .memory = "tso",
          .tlb = "tagged",
          .filled_by = "hardware",
          .debt_paid = "tlb_finish_mmu",
          .features = {"rcu-table-free"},
          .trace = trace_on,
          .script = name == "x86" ? script : nullptr,
          .text = name == "x86" ? ScenarioRun{"x86", stress_text, explore_text} : ScenarioRun{}};
}

ScenarioEntry madvise_parallel() {
  return {.name = "madvise-parallel-2017",
          .thread = "000",
          .line = "a second MADV_DONTNEED returns while a stale TLB entry shows the old page",
          .fixes = {"nested-flush"},
          .real_threads = "yes",
          .cpus = 3,
          .runs = {{"x86", stress_x86, explore_x86}, {"toy", stress_toy, explore_toy}}};
}

ScenarioEntry explorer_only() {
  return {.name = "explorer-only-2020",
          .thread = "-",
          .line = "needs a schedule that threads never take",
          .fixes = {},
          .real_threads = "explorer only",
          .cpus = 2,
          .runs = {{"x86", nullptr, explore_x86}}};
}

ScenarioEntry checked() {
  static constexpr Expectation table[] = {
      {.complete = true},
      {.set = "nested-flush", .kind = "stale_translation_use"},
      {.set = "nested-flush", .arches = "toy", .masked_by = "a flush under the page-table lock"},
      {.set = "nested-flush", .memory = "weak", .kind = "stale_translation_use"},
  };
  return {.name = "checked-2019",
          .thread = "-",
          .line = "comes to what its table says",
          .fixes = {"nested-flush"},
          .real_threads = "explorer only",
          .cpus = 2,
          .runs = {{"x86", nullptr, explore_checked_x86}, {"toy", nullptr, explore_checked_toy}},
          .actors = "walker",
          .expected = table};
}

}  // namespace
}  // namespace fake

const Tables& tables() {
  static const Tables all{
      {fake::backend("x86", fake::trace_x86), fake::backend("toy", fake::trace_toy)},
      {fake::madvise_parallel(), fake::explorer_only(), fake::checked()}};
  return all;
}

const BackendEntry* find_backend(std::string_view name) {
  const auto at = std::ranges::find(tables().backends, without_options(name), &BackendEntry::name);
  return at == tables().backends.end() ? nullptr : &*at;
}

const ScenarioEntry* find_scenario(std::string_view name) {
  const auto at = std::ranges::find(tables().scenarios, name, &ScenarioEntry::name);
  return at == tables().scenarios.end() ? nullptr : &*at;
}

}  // namespace tlblab
