// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/stall_points.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace tlblab {

namespace {

std::optional<unsigned> role_in(std::string_view point, std::string_view role) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(role.data(), role.data() + role.size(), number);
  if (error != std::errc{} || end != role.data() + role.size())
    throw StallPointError(
        fmt::format("'{}': '{}' is no actor's number; type 0:flush, for instance", point, role));
  return number;
}

std::optional<EventKind> event_in(std::string_view point, std::string_view place) {
  const auto* found = std::ranges::find(stall_events, place, [](const auto& e) { return e.first; });
  if (found != stall_events.end()) return found->second;
  std::string names;
  for (const auto& [name, kind] : stall_events) names += fmt::format(", {}", name);
  throw StallPointError(fmt::format("'{}': there is no place '{}'; type one of flush, anywhere{}",
                                    point, place, names));
}

StallPoint parse_one(std::string_view text) {
  const std::size_t colon = text.find(':');
  const bool has_role = colon != text.npos;
  StallPoint point;
  if (has_role) point.role = role_in(text, text.substr(0, colon));
  const std::string_view place = text.substr(has_role ? colon + 1 : 0);
  point.anywhere = place == "anywhere";
  if (!point.anywhere && place != "flush") point.after = event_in(text, place);
  point.text = text;
  return point;
}

}  // namespace

std::vector<StallPoint> parse_stall_points(std::string_view text) {
  std::vector<StallPoint> points;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    points.push_back(parse_one(text.substr(at, comma - at)));
    at = comma + 1;
  }
  return points;
}

}  // namespace tlblab
