// SPDX-License-Identifier: GPL-2.0-or-later
#include <chrono>

#include "harness/instances/scenario_explore.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

ExploreReport::Found found(const ExecutionResult& result, const Violation& violation) {
  const ScheduleSize size = size_of(result.schedule);
  return {violation, print_steps(result.schedule), size.steps, size.switches};
}

// The same kind of violation by a schedule that a person can follow.
ExploreReport::Found shrunk(const ExecutionResult& result,
                            const Execute& execute,
                            const std::atomic<bool>& stop,
                            const Violation& last) {
  const ShrinkResult shorter = shrink(execute, result, {}, stop);
  // Once more: the words of the violation are those of its own execution.
  ReplayChooser replay(shorter.result.schedule);
  static_cast<void>(execute(replay));
  ExploreReport::Found row = found(shorter.result, last);
  row.found_steps = shorter.before.steps;
  row.found_switches = shorter.before.switches;
  return row;
}

}  // namespace

ExploreReport search_report(const ExploreOptions& options,
                            const Execute& execute,
                            const Execute& again,
                            const std::atomic<bool>& stop,
                            const Violation& last) {
  SearchOptions search{
      .seed = options.seed,
      .time_budget = std::chrono::nanoseconds(static_cast<std::int64_t>(options.seconds * 1e9))};
  if (options.executions != 0) search.max_executions = options.executions;
  const SearchResult result = RandomSearch(search).run(execute, stop);
  ExploreReport report;
  report.executions = result.executions;
  report.steps = result.steps;
  report.seconds = std::chrono::duration<double>(result.elapsed).count();
  if (!result.first) return report;
  const ExecutionResult& failing = result.first->result;
  report.violations.push_back(options.shrink ? shrunk(failing, again, stop, last)
                                             : found(failing, last));
  return report;
}

ExploreReport replay_report(const ExploreOptions& options,
                            const Execute& execute,
                            const Violation& last) {
  const auto began = std::chrono::steady_clock::now();
  const std::vector<ScheduleStep> asked = parse_schedule(options.schedule).steps;
  ReplayChooser chooser(asked);
  const ExecutionResult result = execute(chooser);
  ExploreReport report;
  report.executions = 1;
  if (const auto at = first_departure(asked, result.schedule))
    report.departed_at = static_cast<std::int64_t>(*at);
  report.steps = result.steps;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (!result.ok()) report.violations.push_back(found(result, last));
  return report;
}

}  // namespace tlblab::inline TLBLAB_WORLD
