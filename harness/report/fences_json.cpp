// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/json.h"
#include "harness/report/json_parts.h"

namespace tlblab {
namespace {

Json row_json(const FencesPage::Row& one) {
  const CheckPage::Row& row = one.row;
  return {{"scenario", one.scenario},
          {"arch", row.arch},
          {"model", row.model},
          {"expected", row.expected},
          {"got", row.got},
          {"executions", row.executions},
          {"masked_by", text_or_null(row.masked_by)},
          {"schedule", text_or_null(row.schedule)}};
}

Json fence_json(const FencesPage::Fence& fence) {
  Json rows = Json::array();
  for (const FencesPage::Row& row : fence.rows) rows.push_back(row_json(row));
  return {{"id", fence.id},
          {"commit", fence.commit},
          {"year", fence.year},
          {"line", fence.line},
          {"rows", std::move(rows)}};
}

}  // namespace

std::string fences_json(const FencesPage& page) {
  Json fences = Json::array();
  for (const FencesPage::Fence& fence : page.fences) fences.push_back(fence_json(fence));
  const Json out{{"schema", "tlblab/fences/1"},
                 {"fences", std::move(fences)},
                 {"unexpected", page.unexpected()},
                 {"tool", object(page.tool)},
                 {"seconds", rounded(page.seconds)}};
  return dumped(out);
}

}  // namespace tlblab
