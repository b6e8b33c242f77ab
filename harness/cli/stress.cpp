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
#include "harness/cli/seating.h"
#include "harness/cli/values.h"
#include "harness/report/json.h"
#include "harness/report/text.h"
#include "harness/run/host.h"

namespace tlblab {
namespace {

void check_runs(const ScenarioEntry& scenario, const std::vector<std::string>& arches) {
  for (const std::string& arch : arches)
    if (run_on(scenario, arch).stress == nullptr)
      throw UsageError(fmt::format("{} cannot be run on real threads; type tlblab explore {}",
                                   scenario.name, scenario.name));
}

int run_stress(const Arguments& arguments, Context& context) {
  const ChosenScenario chosen = chosen_scenario(arguments.words.front());
  const ScenarioEntry& scenario = *chosen.entry;
  StressRequest request;
  request.scenario = &scenario;
  request.file = chosen.file.get();
  request.arches = chosen_arches(arguments, chosen);
  request.fixes = chosen_fixes(arguments, chosen);
  request.cpus =
      static_cast<unsigned>(number_value(arguments, "--cpus", 0, least_cpus(scenario), max_cpus));
  request.seconds = seconds_value(arguments, "--seconds", request.seconds);
  request.seed =
      number_value(arguments, "--seed", request.seed, 0, std::numeric_limits<std::uint64_t>::max());
  request.fail_alloc = alloc_rules(arguments, scenario.fail_alloc);
  request.stalls = stall_points(arguments, scenario.stalls);
  request.policy = chosen_policy(arguments);
  check_runs(scenario, request.arches);
  const StressPage page = stress(request, context);
  context.out << (context.json ? stress_json(page) : stress_text(page, context.paint));
  if (page.interrupted) return exit_interrupted;
  return violated(page) ? exit_violation : exit_fine;
}

}  // namespace

bool violated(const StressPage& page) {
  return std::ranges::any_of(page.runs, [](const auto& run) { return run.report.violations != 0; });
}

StressPage stress(const StressRequest& request, Context& context) {
  const ScenarioEntry& scenario = *request.scenario;
  const unsigned cpus = request.cpus != 0 ? request.cpus : scenario.cpus;
  Seating seating = seat(request.policy, cpus, context);
  StressPage page{.seed = request.seed,
                  .stalls = {},
                  .seats = seating.seats,
                  .runs = {},
                  .cures = cures_of(scenario),
                  .tool = tool_facts(),
                  .host = host_facts()};
  for (const StallPoint& point : request.stalls) page.stalls.push_back(point.text);
  StressOptions options;
  options.cpus = cpus;
  options.seconds = request.seconds;
  options.seed = request.seed;
  options.placement = std::move(seating.placement);
  options.fixes = request.fixes.fixes;
  options.fail_alloc = request.fail_alloc;
  options.stalls = request.stalls;
  if (request.file != nullptr) options.text = &request.file->text;
  options.stop = &context.stop;
  for (const std::string& arch : request.arches) {
    const Countdown countdown(context.err, context.progress,
                              fmt::format("{} on {}, seconds", scenario.name, arch),
                              request.seconds);
    Subject subject{std::string(scenario.name), arch, request.fixes.without, cpus};
    describe(subject, request.file);
    options.arch = arch;
    page.runs.push_back({std::move(subject), run_on(scenario, arch).stress(options)});
    check_setup(request.file, page.runs.back().report.examples);
    if (context.stop) break;
  }
  page.interrupted = context.stop;
  return page;
}

Command stress_command() {
  return {.name = "stress",
          .words = "SCENARIO|FILE",
          .least_words = 1,
          .most_words = 1,
          .line = "run a scenario again and again on pinned threads",
          .options = {{"--arch", "A[,A]|all", "on these backends (default: its first one)"},
                      {"--without", "FIX[,FIX]", "take these fixes away (none: keep all)"},
                      set_option,
                      {"--cpus", "N", "simulated CPUs (default: as many as it has actors)"},
                      place_option,
                      {"--seconds", "S", "for so long (default 5)"},
                      {"--seed", "N", "of the pauses and of the hardware's choices (default 1)"},
                      stall_option,
                      fail_alloc_option,
                      {"--json", "", "as one JSON object"}},
          .more =
              "Exit code 1 if a violation was seen, expected or not. That none was seen says\n"
              "little: explore looks more closely. FILE: a scenario as text, see tlblab help\n"
              "explore.\n\n"
              "RULE is as tlblab help explore says; a round is one run of the actors. mixed has\n"
              "one of its own (rate=0.01), unless another is typed, or none.\n\n"
              "POINT is [ROLE:]PLACE: the actor's number (without it all of them), and flush,\n"
              "for before a flush is asked for, anywhere, by a timer, or a trace event, for\n"
              "right after it: ptl_acquire, pte_change, copy_begin, tlb_fill, ... Every other\n"
              "time the CPU waits there, up to some 100 us: what others do fits into a window.\n\n"
              "examples:\n"
              "  tlblab stress madvise-parallel-2017 --without nested-flush\n"
              "  tlblab stress madvise-parallel-2017 --cpus 4 --seconds 60\n"
              "  tlblab stress madvise-parallel-2017 --fail-alloc rate=0.01,seed=5\n"
              "  tlblab stress uffd-wp-cow-2020 --without uffd-wp-flush --stall 0:flush\n"
              "  tlblab stress mixed --seconds 600 --fail-alloc rate=0.02\n",
          .run = run_stress};
}

}  // namespace tlblab
