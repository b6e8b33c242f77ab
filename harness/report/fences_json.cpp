// SPDX-License-Identifier: GPL-2.0-or-later
#include <cmath>

#include <nlohmann/json.hpp>

#include "harness/report/json.h"

namespace tlblab {
namespace {

using Json = nlohmann::ordered_json;

Json row_json(const FencesPage::Row& one) {
  const CheckPage::Row& row = one.row;
  return {{"scenario", one.scenario},
          {"arch", row.arch},
          {"model", row.model},
          {"expected", row.expected},
          {"got", row.got},
          {"executions", row.executions},
          {"masked_by", row.masked_by.empty() ? Json(nullptr) : Json(row.masked_by)},
          {"schedule", row.schedule.empty() ? Json(nullptr) : Json(row.schedule)}};
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
  Json tool = Json::object();
  for (const auto& [name, value] : page.tool) tool[name] = value;
  const Json out{{"schema", "tlblab/fences/1"},
                 {"fences", std::move(fences)},
                 {"unexpected", page.unexpected()},
                 {"tool", std::move(tool)},
                 {"seconds", std::round(page.seconds * 1e6) / 1e6}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tlblab
