// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "harness/cli/about.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/names.h"
#include "harness/cli/progress.h"
#include "harness/cli/runs.h"
#include "harness/cli/schedule_header.h"
#include "harness/cli/values.h"
#include "harness/explore/schedule.h"
#include "harness/report/json.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

// --budget, or its other name --seconds. A number of executions alone is not bounded by time.
double budget(const Arguments& arguments) {
  if (arguments.has("--budget") && arguments.has("--seconds"))
    throw UsageError("--seconds is another name of --budget; type one of them");
  const std::string_view name = arguments.has("--seconds") ? "--seconds" : "--budget";
  return seconds_value(arguments, name, arguments.has("--executions") ? max_duration : 10);
}

void check_offered(const Arguments& arguments) {
  static_cast<void>(word_value(arguments, "--memory", {"sc"}, "only sc exists in this version"));
  static_cast<void>(
      word_value(arguments, "--strategy", {"random"}, "only random exists in this version"));
}

int run_explore(const Arguments& arguments, Context& context) {
  const ScenarioEntry& scenario = scenario_named(arguments.words.front());
  ExploreRequest request;
  request.scenario = &scenario;
  request.arches = chosen_arches(arguments, arches_of(scenario), scenario.name);
  request.fixes = fixes_without(list_value(arguments, "--without"));
  request.cpus = static_cast<unsigned>(
      number_value(arguments, "--cpus", 0, least_cpus(scenario), max_explored_cpus));
  request.seconds = budget(arguments);
  request.executions = number_value(arguments, "--executions", 0, 1, no_limit);
  request.seed = number_value(arguments, "--seed", request.seed, 0, no_limit);
  request.fail_alloc = alloc_rules(arguments, scenario.fail_alloc);
  request.shrink = !arguments.has("--no-shrink");
  request.verbose = arguments.has("--verbose");
  check_offered(arguments);
  const ExplorePage page = explore(request, context);
  context.out << (context.json ? explore_json(page) : explore_text(page, context.paint));
  if (page.interrupted) return exit_interrupted;
  if (violated(page)) return exit_violation;
  const bool complete =
      std::ranges::all_of(page.runs, [](const auto& run) { return run.report.complete; });
  return arguments.has("--require-complete") && !complete ? exit_incomplete : exit_fine;
}

ExploreReport run_once(const ExploreRequest& request,
                       const std::string& arch,
                       const Context& context) {
  const ScenarioEntry& scenario = *request.scenario;
  ExploreOptions options;
  options.cpus = request.cpus;
  options.seconds = request.seconds;
  options.executions = request.executions;
  options.seed = request.seed;
  options.schedule = request.schedule;
  options.shrink = request.shrink;
  options.stop_at_step = request.stop_at_step;
  options.fixes = request.fixes.fixes;
  options.fail_alloc = request.fail_alloc;
  options.stop = &context.stop;
  const ScenarioRun& run = run_on(scenario, arch);
  if (run.explore == nullptr)
    throw UsageError(fmt::format("{} cannot be explored on {}; type tlblab stress {}",
                                 scenario.name, arch, scenario.name));
  const Countdown countdown(context.err, context.progress && request.seconds < max_duration,
                            fmt::format("{} on {}, seconds", scenario.name, arch), request.seconds);
  ExploreReport report = run.explore(options);
  ScheduleHeader header{std::string(scenario.name), arch,         report.model,
                        request.fixes.without,      request.cpus, {}};
  for (const AllocRule& rule : request.fail_alloc) header.fail_alloc.push_back(rule.text);
  for (ExploreReport::Found& found : report.violations)
    found.schedule = with_header(header, found.schedule);
  return report;
}

}  // namespace

bool violated(const ExplorePage& page) {
  return std::ranges::any_of(page.runs,
                             [](const auto& run) { return !run.report.violations.empty(); });
}

ExplorePage explore(const ExploreRequest& request, Context& context) {
  const ScenarioEntry& scenario = *request.scenario;
  ExplorePage page{.seed = request.seed,
                   .replayed = !request.schedule.empty(),
                   .budget_seconds = request.seconds,
                   .executions_asked = request.executions,
                   .verbose = request.verbose,
                   .runs = {},
                   .cures = cures_of(scenario),
                   .tool = tool_facts()};
  for (const std::string& arch : request.arches) {
    const unsigned cpus = request.cpus != 0 ? request.cpus : explored_cpus(scenario);
    page.runs.push_back({{std::string(scenario.name), arch, request.fixes.without, cpus},
                         run_once(request, arch, context)});
    if (context.stop) break;
  }
  page.interrupted = context.stop;
  return page;
}

Command explore_command() {
  return {.name = "explore",
          .words = "SCENARIO",
          .least_words = 1,
          .most_words = 1,
          .line = "search a scenario's interleavings for a violation, and print how to repeat it",
          .options = {{"--arch", "A[,A]|all", "on these backends (default: its first one)"},
                      {"--without", "FIX[,FIX]", "take these fixes away"},
                      {"--cpus", "N", "simulated CPUs (default: as many as it has actors)"},
                      {"--budget", "T", "stop after 10s, 500ms, 2m (default 10s)"},
                      {"--seconds", "S", "the same as --budget"},
                      {"--executions", "N", "stop after N executions; without --budget only then"},
                      {"--seed", "N", "of the random schedules (default 1)"},
                      {"--strategy", "S", "random; there is no other yet"},
                      {"--memory", "M", "sc; there is no other yet"},
                      {"--require-complete", "", "exit code 3 if not every schedule was seen"},
                      fail_alloc_option,
                      {"--verbose", "", "show everything that the CPUs did, not only what matters"},
                      {"--no-shrink", "", "print the schedule as it was found, however long"},
                      {"--json", "", "as one JSON object"}},
          .more =
              "Exit code 1 if a violation was found, expected or not. Random schedules can\n"
              "find one and can never show that there is none. The same seed finds the same.\n"
              "What is found is made short: the fewest context switches, then hardware choices,\n"
              "then steps that still break the same rule.\n\n"
              "RULE is KEY=VALUE,...: site=S (user_page, page_table, gather_batch, table_batch,\n"
              "object) and cpu=N say of whom; number=N (the N-th, from 1), number=N-M (one of\n"
              "these, drawn for each execution), every=N or rate=P (others each time, or with\n"
              "seed=N the same) say which;\n"
              "without any of these all fail. What the scenario sets up before is not asked.\n\n"
              "examples:\n"
              "  tlblab explore madvise-parallel-2017 --without nested-flush\n"
              "  tlblab explore madvise-parallel-2017 --budget 1m --seed 7\n"
              "  tlblab explore madvise-parallel-2017 --executions 1000 --json\n"
              "  tlblab explore madvise-parallel-2017 --fail-alloc number=1-9\n",
          .run = run_explore};
}

}  // namespace tlblab
