// SPDX-License-Identifier: GPL-2.0-or-later
// KTAP, version 1: a test for each scenario, and below it one for each row of its table. What is said
// about a test stands before its result, as KUnit has it.
#include <algorithm>

#include <fmt/format.h>

#include "harness/report/layout.h"
#include "harness/report/subject_text.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

constexpr std::string_view version = "KTAP version 1\n";
constexpr std::string_view remark = "  # ";

std::string row_name(const CheckPage::Row& row) {
  return search_place(row.arch, row.model, row.without);
}

std::string explore_command(const std::string& scenario, const CheckPage::Row& row) {
  return search_command({.scenario = scenario,
                         .arch = row.arch,
                         .model = row.model,
                         .strategy = row.strategy,
                         .without = row.without,
                         .executions = row.executions_asked,
                         .budget_seconds = row.budget_seconds});
}

std::string searched(const CheckPage::Row& row) {
  return fmt::format("{}{}", counted(row.executions, "execution"),
                     row.complete ? ", complete" : "");
}

std::string said_of(const std::string& words) { return wrapped(remark, words, "  #   "); }

std::string surprise(const std::string& scenario, const CheckPage::Row& row) {
  std::string out =
      said_of("expected: " + row.expected + (row.wants_complete ? ", complete" : "")) +
      said_of(fmt::format("got: {}; {}", row.got, searched(row)));
  if (!row.text.empty()) out += said_of(row.text);
  if (!row.schedule.empty()) out += fmt::format("{}tlblab replay '{}'\n", remark, row.schedule);
  return out + fmt::format("{}{}\n", remark, explore_command(scenario, row));
}

std::string row_text(const std::string& scenario,
                     const CheckPage::Row& row,
                     std::size_t number,
                     const Paint& paint) {
  const std::string result = fmt::format("ok {} {}", number, row_name(row));
  if (!row.skipped.empty()) return fmt::format("  {} # SKIP {}\n", result, row.skipped);
  if (!row.is_done) return {};
  if (row.is_unexpected())
    return surprise(scenario, row) + "  " + paint.bad("not ok") + result.substr(2) + "\n";
  std::string out = said_of(fmt::format("{}; {}", row.got, searched(row)));
  if (!row.masked_by.empty()) out += said_of("masked by " + row.masked_by);
  return out + "  " + result + "\n";
}

// Of the scenario; nothing if it was interrupted.
std::string result_text(const CheckPage::Scenario& scenario,
                        std::size_t number,
                        const Paint& paint) {
  const auto& rows = scenario.rows;
  const auto done = std::ranges::count_if(rows, &CheckPage::Row::is_done);
  if (!scenario.is_done()) return fmt::format("# interrupted: {} of {} rows\n", done, rows.size());
  const std::string words = fmt::format("ok {} {}", number, scenario.name);
  if (done == 0) return words + " # SKIP no row of it can be run\n";
  if (std::ranges::any_of(rows, &CheckPage::Row::is_unexpected))
    return paint.bad("not ok") + words.substr(2) + "\n";
  return words + "\n";
}

}  // namespace

bool CheckPage::Scenario::is_done() const {
  return std::ranges::all_of(rows,
                             [](const Row& row) { return row.is_done || !row.skipped.empty(); });
}

CheckPage::Sums CheckPage::sums() const {
  Sums sums;
  for (const Scenario& scenario : scenarios)
    for (const Row& row : scenario.rows) {
      ++(row.skipped.empty() ? sums.rows : sums.skipped);
      if (row.is_done) ++sums.done;
      if (row.is_unexpected()) ++sums.unexpected;
    }
  return sums;
}

std::string check_plan_text(const CheckPage& page) {
  return fmt::format("{}1..{}\n", version, page.scenarios.size());
}

std::string check_scenario_text(const CheckPage::Scenario& scenario,
                                std::size_t number,
                                const Paint& paint) {
  if (scenario.rows.empty())
    return fmt::format("ok {} {} # SKIP it has no table of verdicts\n", number, scenario.name);
  std::string out =
      fmt::format("  {}  # Subtest: {}\n  1..{}\n", version, scenario.name, scenario.rows.size());
  for (std::size_t row = 0; row < scenario.rows.size(); ++row)
    out += row_text(scenario.name, scenario.rows[row], row + 1, paint);
  return out + result_text(scenario, number, paint);
}

std::string check_sum_text(const CheckPage& page) {
  const CheckPage::Sums sums = page.sums();
  std::string words = counted(sums.rows, "row");
  if (page.interrupted) words = fmt::format("interrupted: {} of {}", sums.done, words);
  words += fmt::format(", {} unexpected", sums.unexpected);
  if (sums.skipped != 0) words += fmt::format(", {} skipped", sums.skipped);
  return fmt::format("# {}, {}\n", words, readable_seconds(page.seconds));
}

}  // namespace tlblab
