// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/check_plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "harness/cli/schedule_header.h"
#include "harness/workload/alloc_failures.h"
#include "harness/workload/hardware_actors.h"
#include "harness/world/explore/memory_search.h"

namespace tlblab {
namespace {

constexpr std::array<std::string_view, 3> fast_backends{"x86", "s390", "arm64"};

bool is_fast(const ScenarioEntry& entry, std::string_view arch) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(entry.runs, name, &ScenarioRun::arch) != entry.runs.end();
  };
  const std::string_view backend = without_options(arch);
  if (std::ranges::any_of(fast_backends, has))
    return std::ranges::find(fast_backends, backend) != fast_backends.end();
  return backend == entry.runs.front().arch;
}

std::uint64_t executions_of(const Expectation& expected, CheckDepth depth) {
  const bool is_complete = expected.complete && depth == CheckDepth::usual;
  const bool is_clean = expected.kind.empty();
  std::uint64_t most = expected.executions;
  if (most == 0 && !is_complete)
    most = is_clean ? usual_clean_executions : usual_violation_executions;
  return is_clean && depth == CheckDepth::fast ? std::min(most, fast_clean_executions) : most;
}

HardwareActors actors_of(const ScenarioEntry& entry) { return parse_hardware_actors(entry.actors); }

std::vector<AllocRule> alloc_rules_of(const ScenarioEntry& entry) {
  if (entry.fail_alloc.empty()) return {};
  return {parse_alloc_rule(entry.fail_alloc)};
}

ExploreOptions options_of(const CheckSearch& search, double most_seconds) {
  ExploreOptions options;
  options.arch = search.arch;
  options.seconds = most_seconds;
  options.executions = search.executions;
  options.strategy = search.is_complete ? ExploreStrategy::dpor : ExploreStrategy::pct;
  options.memory = search.model;
  options.fixes = search.fixes.fixes;
  options.fail_alloc = alloc_rules_of(*search.scenario);
  options.actors = actors_of(*search.scenario);
  options.shrink = search.shrink;
  options.count_flushes = search.count_flushes;
  options.names_buffering = false;  // nobody would see it
  return options;
}

std::string schedule_of(const CheckSearch& search, const ExploreReport::Found& found) {
  if (found.schedule.empty()) return {};
  ScheduleHeader header{.scenario = std::string(search.scenario->name),
                        .arch = search.arch,
                        .model = found.memory,
                        .without = search.fixes.without};
  for (const AllocRule& rule : alloc_rules_of(*search.scenario))
    header.fail_alloc.push_back(rule.text);
  header.actors = actors_of(*search.scenario);
  return with_header(header, found.schedule);
}

std::string got_of(const CheckPage::Row& row, const CheckOutcome& outcome) {
  if (!outcome.kind.empty()) return "violation " + outcome.kind;
  if (is_settled(outcome, row.executions_asked)) return "clean";
  if (outcome.lost == 0) return "undecided (time)";
  return fmt::format("undecided ({} executions could not be made)", outcome.lost);
}

}  // namespace

std::string_view strategy_of(const CheckSearch& search) noexcept {
  return search.is_complete ? "dpor" : "pct";
}

bool is_settled(const CheckOutcome& outcome, std::uint64_t executions_asked) {
  const bool made_all = executions_asked != 0 && outcome.executions >= executions_asked;
  return !outcome.kind.empty() || outcome.complete || made_all;
}

std::string why_not(const CheckSearch& search) {
  const ScenarioEntry& entry = *search.scenario;
  if (run_on(entry, search.arch).explore == nullptr) return "it cannot be explored";
  const unsigned most = searched_cpus(actors_of(entry).kinds());
  const bool is_bounded = search.is_complete || search.model != "sc";
  if (!is_bounded || explored_cpus(entry) <= most) return {};
  return fmt::format("{} CPUs, and the search takes at most {}", explored_cpus(entry), most);
}

std::vector<CheckSearch> searches_of(const ScenarioEntry& entry, CheckDepth depth) {
  std::vector<CheckSearch> searches;
  for (CheckPlace& place : places_of(entry)) {
    const Expectation* expected = expectation_at(entry, place);
    if (expected == nullptr || (depth == CheckDepth::fast && !is_fast(entry, place.arch))) continue;
    CheckSearch search{.scenario = &entry,
                       .expected = expected,
                       .arch = std::move(place.arch),
                       .model = std::move(place.model),
                       .fixes = fixes_without(names_in(place.set)),
                       .is_complete = expected->complete && depth == CheckDepth::usual,
                       .executions = executions_of(*expected, depth),
                       .shrink = expected->kind.empty()};  // what was expected stays as it is
    search.skipped = why_not(search);
    searches.push_back(std::move(search));
  }
  return searches;
}

CheckOutcome outcome_of(const CheckSearch& search, double most_seconds) {
  const ScenarioRun& run = run_on(*search.scenario, search.arch);
  const ExploreReport report = run.explore(options_of(search, most_seconds));
  CheckOutcome outcome{.kind = {},
                       .text = {},
                       .schedule = {},
                       .complete = report.complete,
                       .executions = report.executions,
                       .lost = report.lost,
                       .seconds = report.seconds,
                       .flushes = report.flushes};
  if (report.violations.empty()) return outcome;
  const ExploreReport::Found& first = report.violations.front();
  outcome.kind = first.violation.kind;
  outcome.text = first.violation.text;
  outcome.schedule = schedule_of(search, first);
  return outcome;
}

CheckPage::Row row_of(const CheckSearch& search, double most_seconds) {
  const Expectation& expected = *search.expected;
  CheckPage::Row row;
  row.arch = search.arch;
  row.model = search.model;
  row.without = search.fixes.without;
  row.expected = expected.kind.empty() ? "clean" : "violation " + std::string(expected.kind);
  row.masked_by = expected.masked_by;
  row.wants_complete = search.is_complete;
  row.skipped = search.skipped;
  row.strategy = strategy_of(search);
  row.executions_asked = search.executions;
  row.budget_seconds = most_seconds;
  return row;
}

void judge(CheckPage::Row& row, const CheckOutcome& outcome) {
  row.is_done = true;
  row.got = got_of(row, outcome);
  row.as_expected = row.got == row.expected && (!row.wants_complete || outcome.complete);
  row.text = outcome.text;
  row.schedule = outcome.schedule;
  row.complete = outcome.complete;
  row.executions = outcome.executions;
  row.seconds = outcome.seconds;
}

}  // namespace tlblab
