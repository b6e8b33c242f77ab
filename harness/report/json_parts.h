// SPDX-License-Identifier: GPL-2.0-or-later
// What the writers of JSON share. For them alone: whoever prints a page includes json.h.
#pragma once

#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "harness/report/pages.h"

namespace tlblab {

using Json = nlohmann::ordered_json;

// With a line break. Names of files and of programs may be any bytes.
inline std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}
inline double rounded(double value, double per_unit = 1e6) {
  return std::round(value * per_unit) / per_unit;
}
inline Json object(const NamedValues& values) {
  Json out = Json::object();
  for (const auto& [name, value] : values) out[name] = value;
  return out;
}
inline Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace tlblab
