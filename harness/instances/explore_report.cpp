// SPDX-License-Identifier: GPL-2.0-or-later
#include <chrono>

#include "harness/explore/strategies.h"
#include "harness/instances/scenario_explore.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

ExploreReport::Found found(const ExecutionResult& result, const Violation& violation) {
  return {violation, print_steps(result.schedule), result.steps};
}

}  // namespace

ExploreReport search_report(const ExploreOptions& options,
                            const Execute& execute,
                            const std::atomic<bool>& stop,
                            const Violation& first) {
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
  const SearchResult result = RandomSearch(search).run(execute, stop);
  ExploreReport report;
  report.executions = result.executions;
  report.steps = result.steps;
  report.bound_reached = bounded.bound_reached();
  report.seconds = std::chrono::duration<double>(result.elapsed).count();
  if (result.first) report.violations.push_back(found(result.first->result, first));
  return report;
}

ExploreReport replay_report(const ExploreOptions& options,
                            const Execute& execute,
                            const Violation& first) {
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
  if (!result.ok()) report.violations.push_back(found(result, first));
  return report;
}

}  // namespace tlblab::inline TLBLAB_WORLD
