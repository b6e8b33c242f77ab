// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/json.h"
#include "harness/report/json_parts.h"

namespace tlblab {
namespace {

// The time last: all before it is the same in every run.
Json check_row(const CheckPage::Scenario& scenario, const CheckPage::Row& row) {
  return {{"scenario", scenario.name},
          {"arch", row.arch},
          {"model", row.model},
          {"without", row.without},
          {"expected", row.expected},
          {"got", row.skipped.empty() ? row.got : "skipped"},
          {"complete", row.complete},
          {"executions", row.executions},
          {"masked_by", text_or_null(row.masked_by)},
          {"ok", !row.is_unexpected()},
          {"expected_complete", row.wants_complete},
          {"strategy", row.strategy},
          {"skipped", text_or_null(row.skipped)},
          {"text", text_or_null(row.text)},
          {"schedule", text_or_null(row.schedule)},
          {"seconds", rounded(row.seconds)}};
}

// Of an interrupted check those rows that were done.
Json check_rows(const CheckPage& page) {
  Json rows = Json::array();
  for (const CheckPage::Scenario& scenario : page.scenarios)
    for (const CheckPage::Row& row : scenario.rows)
      if (row.is_done || !row.skipped.empty()) rows.push_back(check_row(scenario, row));
  return rows;
}

Json without_table(const CheckPage& page) {
  Json names = Json::array();
  for (const CheckPage::Scenario& scenario : page.scenarios)
    if (scenario.rows.empty()) names.push_back(scenario.name);
  return names;
}

}  // namespace

std::string check_json(const CheckPage& page) {
  const CheckPage::Sums sums = page.sums();
  const Json out{{"schema", "tlblab/check/1"},      {"rows", check_rows(page)},
                 {"unexpected", sums.unexpected},   {"planned", sums.rows},
                 {"skipped", sums.skipped},         {"without_table", without_table(page)},
                 {"interrupted", page.interrupted}, {"tool", object(page.tool)},
                 {"seconds", rounded(page.seconds)}};
  return dumped(out);
}

}  // namespace tlblab
