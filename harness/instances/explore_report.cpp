// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <chrono>
#include <csignal>

#include <sys/resource.h>

#include "harness/explore/shrink.h"
#include "harness/explore/strategies.h"
#include "harness/instances/beside_results.h"
#include "harness/instances/buffering_report.h"
#include "harness/instances/complete_search.h"
#include "harness/instances/explore_memory.h"
#include "harness/instances/scenario_explore.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

const std::atomic<bool>& stop_of(const ExploreOptions& options) {
  static const std::atomic<bool> never{false};
  return options.stop != nullptr ? *options.stop : never;
}

// Of memory, of the process that took most of this one and those that it has had.
double peak_mib() noexcept {
  double most = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    most = std::max(most, static_cast<double>(usage.ru_maxrss) / 1024);
  }
  return most;
}

void show(ExploreReport& report, Execution&& execution) {
  report.trace = std::move(execution.trace);
  report.weakness = std::move(execution.weakness);
}

ExploreReport::Found& add_found(ExploreReport& report,
                                const ExploreCalls& calls,
                                Execution&& execution) {
  const ScheduleSize size = size_of(execution.result.schedule);
  ExploreReport::Found& found = report.violations.emplace_back(
      ExploreReport::Found{.violation = std::move(execution.violation),
                           .schedule = print_steps(execution.result.schedule),
                           .steps = size.steps,
                           .switches = size.switches});
  found.memory = calls.memory;
  found.told = static_cast<std::uint64_t>(std::ranges::count_if(execution.trace, &TraceStep::key));
  show(report, std::move(execution));
  return found;
}

// What reads memory that it has freed need not do the same again; what was seen stays true.
Execution repeated(const ExecutionResult& result, const Record& record) {
  ReplayChooser replay(result.schedule);
  Execution execution = record(replay);
  if (execution.violation.kind.empty())
    execution.violation = {result.violation, "seen once; the same schedule did not show it again"};
  return execution;
}

// Candidates that go round in circles cost most of the time that there is, and lead nowhere: what is
// long is no counterexample. But a livelock is one of as many steps as it was found by.
std::uint64_t limit_of_candidates(const ExecutionResult& found) {
  constexpr std::uint64_t longest = 4;
  return found.violation == "step_limit" ? found.steps : longest * found.steps;
}

// Those of the machine that the options ask for; `memory` may have to outlive them.
ExploreCalls calls_of(const ExploreOptions& options,
                      const ExploreCalls& calls,
                      PortSearch& memory) {
  if (options.memory == "sc") return calls;
  return with_memory(calls, model_named(options.memory), memory);
}

// The same kind of violation by a schedule that a person can follow.
void add_shrunk(ExploreReport& report,
                const ExecutionResult& result,
                const ExploreCalls& calls,
                const std::atomic<bool>& stop) {
  const ShrinkResult shorter = shrink(calls.again(limit_of_candidates(result)), result, {}, stop);
  ExploreReport::Found& row = add_found(report, calls, repeated(shorter.result, calls.record));
  row.found_steps = shorter.before.steps;
  row.found_switches = shorter.before.switches;
}

void add_repeated(const ExploreOptions& options,
                  const ExploreCalls& calls,
                  const ExecutionResult& failing,
                  ExploreReport& report) {
  if (options.shrink)
    add_shrunk(report, failing, calls, stop_of(options));
  else
    add_found(report, calls, repeated(failing, calls.record));
}

void search_report(const ExploreOptions& options,
                   const ExploreCalls& native,
                   ExploreReport& report) {
  SearchOptions search{
      .seed = options.seed,
      .time_budget = std::chrono::nanoseconds(static_cast<std::int64_t>(options.seconds * 1e9))};
  if (options.executions != 0) search.max_executions = options.executions;
  PctStrategy pct;
  BoundedStrategy bounded(options.preemptions.value_or(0));
  if (options.strategy == ExploreStrategy::pct)
    search.strategy = &pct;
  else if (options.preemptions)
    search.strategy = &bounded;
  search.jobs = options.jobs;
  if (options.share_after == 0) search.share_from = 1;
  double said_at = 0;
  const auto began = std::chrono::steady_clock::now();
  search.on_progress = [&](std::uint64_t executions) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
    if (!options.on_progress || passed.count() - said_at < 1) return;
    said_at = passed.count();
    options.on_progress({executions, passed.count()});
  };
  const std::atomic<bool>& stop = stop_of(options);
  PortSearch memory(model_named(options.memory), native.cpus, native.hardware);
  const ExploreCalls calls = calls_of(options, native, memory);
  BesideResults beside(memory, report);
  const Execute execute = beside.watch(search, calls.search);
  const SearchResult result = RandomSearch(search).run(execute, stop);
  report.peak_mib = peak_mib();
  report.executions = result.executions;
  report.steps = result.steps;
  report.bound_reached = bounded.bound_reached();
  report.blocked = beside.lost();
  report.seconds = std::chrono::duration<double>(result.elapsed).count();
  if (report.model == "weak" && !result.first && options.names_buffering)
    report.load_buffering = buffering_report(native, memory, beside.buffering().pairs());
  if (!result.first) return;
  memory.know_only({});  // which process found it makes no difference
  add_repeated(options, calls, result.first->result, report);
}

void add_failing(const ExploreOptions& options,
                 const ExploreCalls& calls,
                 FailingExecution&& failing,
                 ExploreReport& report) {
  if (!failing.repeated) {
    report.violations.push_back({.violation = std::move(failing.violation), .schedule = {}});
    return;
  }
  if (failing.memory == "sc") return add_repeated(options, calls, *failing.repeated, report);
  const MemoryModel model = model_named(failing.memory);
  PortSearch memory(model, calls.cpus, calls.hardware);
  add_repeated(options, with_memory(calls, model, memory), *failing.repeated, report);
}

void complete_report(const ExploreOptions& options,
                     const ExploreCalls& calls,
                     ExploreReport& report) {
  std::optional<FailingExecution> failing = complete_search(options, calls, report);
  report.peak_mib = peak_mib();
  if (!failing) return;
  if (!failing->counted) ++report.executions;
  add_failing(options, calls, std::move(*failing), report);
}

void replay_report(const ExploreOptions& options,
                   const ExploreCalls& native,
                   ExploreReport& report) {
  const auto began = std::chrono::steady_clock::now();
  const std::vector<ScheduleStep> asked = parse_schedule(options.schedule).steps;
  ReplayChooser chooser(asked);
  PortSearch memory(model_named(options.memory), native.cpus, native.hardware);
  const ExploreCalls calls = calls_of(options, native, memory);
  Execution execution = calls.record(chooser);
  report.executions = 1;
  if (const auto at = first_departure(asked, execution.result.schedule))
    report.departed_at = static_cast<std::int64_t>(*at);
  report.steps = execution.result.steps;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (execution.result.ok())
    show(report, std::move(execution));
  else
    add_found(report, calls, std::move(execution));
}

}  // namespace

std::vector<ActorKind> kinds_of(const HardwareActors& actors) {
  std::vector<ActorKind> kinds;
  if (actors.walks != 0) kinds.push_back(ActorKind::walker);
  if (actors.evictions != 0) kinds.push_back(ActorKind::evict);
  if (actors.arrivals != 0) kinds.push_back(ActorKind::arrive);
  return kinds;
}

void fill(const ExploreOptions& options, const ExploreCalls& calls, ExploreReport& report) {
  report.model = options.memory;
  if (!options.schedule.empty())
    replay_report(options, calls, report);
  else if (options.strategy == ExploreStrategy::dpor)
    complete_report(options, calls, report);
  else
    search_report(options, calls, report);
}

void stop_at(Recorder& recorder, const ExploreOptions& options, ExploreReport& report) {
  if (options.stop_at_step == 0) return;
  recorder.call_at(options.stop_at_step, [&report] {
    report.stopped_at_step = true;
    std::raise(SIGTRAP);
  });
}

}  // namespace tlblab::inline TLBLAB_WORLD
