// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <sstream>

#include <fmt/format.h>

#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/names.h"
#include "harness/cli/runs.h"
#include "harness/cli/schedule_header.h"
#include "harness/cli/values.h"
#include "harness/explore/schedule.h"
#include "harness/report/json.h"
#include "harness/report/layout.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 26;

std::string contents(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) ||
      std::filesystem::file_size(path, error) > largest_file)
    throw UsageError(
        fmt::format("'{}' is no schedule and no file with one; type tlblab replay "
                    "'v1 ...' as explore printed it",
                    path));
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw UsageError(fmt::format("{} cannot be read; type the schedule itself", path));
  return text.str();
}

// Any white space between words becomes one blank.
std::string in_one_line(const std::vector<std::string>& words) {
  std::istringstream text(joined(words, " "));
  std::string line;
  for (std::string word; text >> word;) line += (line.empty() ? "" : " ") + word;
  return line;
}

// A schedule, in one word or in many, or a file with one.
std::string schedule_text(const std::vector<std::string>& words) {
  const bool is_schedule = words.size() > 1 || words.front().starts_with("v1 ");
  return is_schedule ? joined(words, " ") : contents(words.front());
}

// The scenario that the schedule is of. A text may have been moved, but not have changed.
ChosenScenario scenario_of(const ScheduleHeader& header, const Arguments& arguments) {
  const std::optional<std::string> moved = arguments.value("--file");
  ChosenScenario chosen;
  if (header.fingerprint.empty()) {
    if (moved)
      throw UsageError(
          fmt::format("the schedule is of the scenario {}, which is no file; leave "
                      "--file out",
                      header.scenario));
    chosen.entry = &scenario_named(header.scenario);
    return chosen;
  }
  const std::string path = moved.value_or(header.scenario);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw UsageError(
        fmt::format("the schedule is of the file '{}', and '{}' is none; type --file "
                    "FILE to say where it is",
                    header.scenario, path));
  chosen.file = scenario_file(path);
  chosen.entry = &chosen.file->entry;
  const std::string now = fingerprint(chosen.file->text);
  if (now != header.fingerprint)
    throw UsageError(
        fmt::format("{} says something else than when the schedule was made (text={} "
                    "then, text={} now); type --file FILE with the text of then",
                    path, header.fingerprint, now));
  return chosen;
}

// ---- --break ------------------------------------------------------------------------------------

// Is this process traced? Only then does SIGTRAP stop it where the debugger can be asked.
bool has_debugger() {
  std::ifstream status("/proc/self/status");
  constexpr std::string_view key = "TracerPid:";
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return line.find_first_not_of(" \t0", key.size()) != line.npos;
  return false;
}

std::uint64_t break_step(const Arguments& arguments) {
  if (!arguments.has("--break")) return 0;
  const std::uint64_t step =
      number_value(arguments, "--break", 0, 1, std::numeric_limits<std::uint64_t>::max());
  if (has_debugger()) return step;
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  throw UsageError(fmt::format(
      "--break stops in a debugger, and none is attached; type gdb -ex run --args {} replay "
      "--break {} '{}'",
      error ? "tlblab" : program.string(), step, in_one_line(arguments.words)));
}

void check_stopped(const ExploreRequest& request, const ExploreReport& report) {
  if (request.stop_at_step != 0 && !report.stopped_at_step)
    throw UsageError(fmt::format("there is no step {}; the execution has {}, type --break 1 to {}",
                                 request.stop_at_step, report.steps, report.steps));
}

// ---- what a schedule may be ---------------------------------------------------------------------

// A schedule that cannot be followed shows something else than what it was made for.
void check_followed(const ExploreRequest& request, const ExploreReport& report) {
  if (report.departed_at < 0) return;
  const std::vector<ScheduleStep> asked = parse_schedule(request.schedule).steps;
  const std::span obeyed = std::span(asked).first(static_cast<std::size_t>(report.departed_at));
  const auto steps = std::ranges::count(obeyed, false, &ScheduleStep::hardware);
  throw UsageError(fmt::format(
      "the schedule cannot be followed after its step {}, where it says {}: it was edited, or the "
      "program is another one; type tlblab explore {}{} for a new one",
      steps, print_steps(std::span(asked).subspan(obeyed.size(), 1)), request.scenario->name,
      request.fixes.without.empty() ? "" : " --without " + joined(request.fixes.without, ",")));
}

int run_replay(const Arguments& arguments, Context& context) {
  const std::string schedule = schedule_text(arguments.words);
  const ScheduleHeader header = header_of(schedule);
  const ChosenScenario chosen = scenario_of(header, arguments);
  static_cast<void>(run_on(*chosen.entry, header.arch));
  ExploreRequest request = replay_request(schedule, header);
  request.scenario = chosen.entry;
  request.file = chosen.file.get();
  request.verbose = arguments.has("--verbose");
  request.stop_at_step = break_step(arguments);
  if (header.cpus != 0 && header.cpus < least_cpus(*request.scenario))
    throw UsageError(fmt::format("the schedule says cpus={}, but {} has {} actors; type cpus={}",
                                 header.cpus, header.scenario, least_cpus(*request.scenario),
                                 least_cpus(*request.scenario)));
  const ExplorePage page = explore(request, context);
  check_followed(request, page.runs.front().report);
  check_stopped(request, page.runs.front().report);
  context.out << (context.json ? explore_json(page) : explore_text(page, context.paint));
  write_litmus(arguments, page, context);
  if (page.interrupted) return exit_interrupted;
  return violated(page) ? exit_violation : exit_fine;
}

}  // namespace

ExploreRequest replay_request(const std::string& schedule, const ScheduleHeader& header) {
  ExploreRequest request;
  request.schedule = schedule;
  request.arches = {header.arch};
  request.fixes = fixes_without(header.without);
  request.cpus = header.cpus;
  request.memory = header.model;
  request.actors = header.actors;
  for (const std::string& rule : header.fail_alloc)
    request.fail_alloc.push_back(parse_alloc_rule(rule));
  return request;
}

Command replay_command() {
  return {.name = "replay",
          .words = "SCHEDULE",
          .least_words = 1,
          .most_words = std::numeric_limits<std::size_t>::max(),
          .line = "repeat one schedule, as explore printed it",
          .options = {{"--file", "FILE", "where the scenario of the schedule is, if it is a text"},
                      {"--break", "N", "under a debugger: stop where step N is made (gdb: bt, up)"},
                      litmus_option,
                      {"--verbose", "", "show everything that the CPUs did, not only what matters"},
                      {"--json", "", "as one JSON object"}},
          .more =
              "SCHEDULE says what it is of: scenario, backend, memory model, fixes taken away,\n"
              "allocations that fail. Of a scenario that is a text it names the file, and is\n"
              "refused if the text says something else by now.\n"
              "Then, for CPU a, b, ...: a7 makes 7 steps, a.irq takes an interrupt, a.rcu runs\n"
              "RCU callbacks, a.walk, a.evict and a.arrive are what hardware does unasked\n"
              "(explore --actors), a:2 is the hardware's answer 2 (tso, weak: a load sees the\n"
              "second value before the newest). It can be edited, and cut: where it ends the\n"
              "running CPU goes on. A file that holds one will do. Exit code 1 if the\n"
              "violation came again, 2 if the schedule cannot be followed.\n\n"
              "example:\n"
              "  tlblab replay 'v1 madvise-parallel-2017 x86 sc without=nested-flush : a7 b12'\n",
          .run = run_replay};
}

}  // namespace tlblab
