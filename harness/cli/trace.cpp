// SPDX-License-Identifier: GPL-2.0-or-later
// Everything that can be wrong with the command line is found before the recording is read.
#include <fmt/format.h>

#include "harness/cli/about.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/events_file.h"
#include "harness/cli/names.h"
#include "harness/cli/progress.h"
#include "harness/cli/runs.h"
#include "harness/cli/seating.h"
#include "harness/cli/values.h"
#include "harness/report/json.h"
#include "harness/report/layout.h"
#include "harness/report/text.h"
#include "harness/run/host.h"
#include "harness/workload/input_error.h"
#include "harness/workload/perf_script.h"

namespace tlblab {
namespace {

void check_world(const Arguments& arguments) {
  const std::string world = word_value(arguments, "--world", {"real", "virtual"});
  if (world == "virtual")
    throw UsageError("--world virtual: there is no virtual clock yet; type --world real");
}

std::vector<std::string> replaying_arches(const Arguments& arguments) {
  std::vector<std::string> arches =
      with_strategies(arguments, chosen_arches(arguments, backend_names(), "replay"));
  for (const std::string& name : arches)
    if (find_backend(name)->trace == nullptr)
      throw UsageError(fmt::format("--arch {}: it cannot replay; type --arch x86", name));
  return arches;
}

TraceReport replay_on(const std::string& arch,
                      const Recording& recording,
                      TraceOptions options,
                      const Context& context) {
  Progress progress(context.err, context.progress, fmt::format("replaying on {}", arch));
  options.arch = arch;
  options.on_progress = [&progress](std::size_t done, std::size_t of) { progress.show(done, of); };
  return find_backend(arch)->trace(recording, options);
}

bool interrupted(const TracePage& page) {
  return std::ranges::any_of(page.runs, [](const auto& run) { return run.report.interrupted; });
}

bool violated(const TracePage& page) {
  return std::ranges::any_of(page.runs, [](const auto& run) { return run.report.violations != 0; });
}

int run_trace(const Arguments& arguments, Context& context) {
  check_world(arguments);
  TraceRequest request{
      .file = arguments.words.front(),
      .arches = replaying_arches(arguments),
      .cpus = static_cast<unsigned>(number_value(arguments, "--cpus", 0, 1, max_cpus)),
      .policy = chosen_policy(arguments),
      .oracles = !arguments.has("--no-oracles"),
      .fail_alloc = alloc_rules(arguments),
      .on_event = {}};
  std::optional<EventsFile> events;
  if (const auto path = arguments.value("--events")) {
    if (request.arches.size() > 1)
      throw UsageError(fmt::format("--events: it is of one backend; type --arch {} with it",
                                   request.arches.front()));
    events.emplace(*path, request.file);
    request.on_event = [&events](const ReplayEvent& event) { events->add(event); };
  }
  const TracePage page = trace(request, context);
  const bool ended = !interrupted(page);
  if (events && ended) events->commit();
  context.out << (context.json ? trace_json(page) : trace_text(page, context.paint));
  if (ended) return violated(page) ? exit_violation : exit_fine;
  if (events) context.err << "tlblab trace: interrupted: no events were written\n";
  return exit_interrupted;
}

}  // namespace

TracePage trace(const TraceRequest& request, Context& context) {
  const Recording recording = read_perf_script(request.file);
  if (recording.records.empty())
    throw InputError(request.file, 0, "there is no memory event in it",
                     "the text of 'perf script' of a recording with tlb:tlb_flush, page faults and "
                     "memory system calls");
  const auto recorded = static_cast<unsigned>(recording.cpus.size());
  Seating seating = seat(request.policy, request.cpus != 0 ? request.cpus : recorded, context);
  TracePage page{.file = request.file,
                 .lines = recording.lines,
                 .oracles = request.oracles,
                 .seats = seating.seats,
                 .runs = {},
                 .tool = tool_facts(),
                 .host = host_facts()};
  TraceOptions options;
  options.cpus = request.cpus;
  options.placement = std::move(seating.placement);
  options.oracles = request.oracles;
  options.fail_alloc = request.fail_alloc;
  options.on_event = request.on_event;
  options.stop = &context.stop;
  for (const std::string& arch : request.arches) {
    page.runs.push_back({arch, replay_on(arch, recording, options, context)});
    if (context.stop) break;
  }
  return page;
}

Command trace_command() {
  return {.name = "trace",
          .words = "FILE",
          .least_words = 1,
          .most_words = 1,
          .line = "replay a recorded program's memory activity, against what the kernel did",
          .options = {{"--arch", "A[,A]|all", "on these backends (default: the first one)"},
                      {"--strategy", "S[,S]", "with these of their options; default: with none"},
                      {"--cpus", "N", "simulated CPUs (default: those of the recording)"},
                      place_option,
                      {"--world", "W", "real: on threads; there is no other yet"},
                      {"--events", "F", "write the prediction for every recorded call to F"},
                      {"--no-oracles", "", "do not look for violations: quicker"},
                      fail_alloc_option,
                      {"--json", "", "as one JSON object"}},
          .more =
              "FILE is the text of perf script, plain or gzipped. Each recorded call is made\n"
              "again on simulated CPUs, each recorded fault is an access. The flushes that\n"
              "come of it are compared with the recorded ones. What differs is reported and is\n"
              "no failure; exit code 1 means that an oracle was violated.\n"
              "RULE is as tlblab help explore says; the whole replay is one round.\n\n"
              "examples:\n"
              "  tlblab trace program.perf.txt.gz\n"
              "  tlblab trace program.perf.txt.gz --arch all --json\n"
              "  tlblab trace program.perf.txt --cpus 8 --events predicted.jsonl\n",
          .run = run_trace};
}

}  // namespace tlblab
