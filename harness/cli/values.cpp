// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <sched.h>

#include "harness/cli/errors.h"
#include "harness/report/layout.h"

namespace tlblab {

double duration_from(std::string_view text) noexcept {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(value) || std::signbit(value)) return -1;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "ms") return value * 1e-3;
  if (unit.empty() || unit == "s") return value;
  if (unit == "m" || unit == "min") return value * 60;
  return unit == "h" ? value * 3600 : -1;
}

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    parts.emplace_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

std::vector<std::string> list_value(const Arguments& arguments, std::string_view option) {
  std::vector<std::string> parts;
  const auto found = arguments.options.find(option);
  if (found == arguments.options.end()) return parts;
  for (const std::string& list : found->second)
    for (std::string& part : split_list(list)) parts.push_back(std::move(part));
  return parts;
}

std::uint64_t number_value(const Arguments& arguments,
                           std::string_view option,
                           std::uint64_t otherwise,
                           std::uint64_t least,
                           std::uint64_t most) {
  const std::optional<std::string> text = arguments.value(option);
  if (!text) return otherwise;
  std::uint64_t value = 0;
  const char* last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, value);
  if (text->empty() || error != std::errc() || end != last || value < least || value > most)
    throw UsageError(fmt::format("{} '{}': no whole number from {} to {}; type for instance {} {}",
                                 option, *text, least, most, option,
                                 std::clamp<std::uint64_t>(4, least, most)));
  return value;
}

double seconds_value(const Arguments& arguments, std::string_view option, double otherwise) {
  const std::optional<std::string> text = arguments.value(option);
  if (!text) return otherwise;
  const double seconds = duration_from(*text);
  if (!(seconds > 0) || seconds > max_duration)
    throw UsageError(
        fmt::format("{} '{}': no duration above 0 and up to {:.0f} s; type for "
                    "instance {} 10s, 500ms or 2m",
                    option, *text, max_duration, option));
  return seconds;
}

std::string word_value(const Arguments& arguments,
                       std::string_view option,
                       const std::vector<std::string>& allowed,
                       std::string_view why_not) {
  const std::string word = arguments.value(option).value_or(allowed.front());
  if (std::ranges::find(allowed, word) != allowed.end()) return word;
  throw UsageError(fmt::format("{} '{}': {}{}type {} {}", option, word, why_not,
                               why_not.empty() ? "there is no such thing; " : "; ", option,
                               joined(allowed, ", ", " or ")));
}

HardwareActors hardware_actors(const Arguments& arguments, const HardwareActors& otherwise) {
  const std::optional<std::string> text = arguments.value(actors_option.name);
  if (!text) return otherwise;
  if (text->empty()) throw UsageError("--actors '' names nobody; type --actors none");
  try {
    return parse_hardware_actors(*text);
  } catch (const HardwareActorsError& error) {
    throw UsageError(fmt::format("{} '{}': {}", actors_option.name, *text, error.what()));
  }
}

std::vector<AllocRule> alloc_rules(const Arguments& arguments, std::string_view otherwise) {
  std::vector<AllocRule> rules;
  const auto found = arguments.options.find(fail_alloc_option.name);
  if (found == arguments.options.end()) {
    if (!otherwise.empty()) rules.push_back(parse_alloc_rule(otherwise));
    return rules;
  }
  if (found->second == std::vector<std::string>{"none"}) return rules;
  for (const std::string& text : found->second) try {
      rules.push_back(parse_alloc_rule(text));
    } catch (const AllocRuleError& error) {
      throw UsageError(fmt::format("{} {}", fail_alloc_option.name, error.what()));
    }
  return rules;
}

std::vector<StallPoint> stall_points(const Arguments& arguments, std::string_view otherwise) {
  const auto found = arguments.options.find(stall_option.name);
  if (found == arguments.options.end())
    return otherwise.empty() ? std::vector<StallPoint>{} : parse_stall_points(otherwise);
  const std::string& typed = found->second.back();
  if (typed == "none") return {};
  try {
    return parse_stall_points(typed);
  } catch (const StallPointError& error) {
    throw UsageError(fmt::format("{} {}", stall_option.name, error.what()));
  }
}

unsigned jobs_value(const Arguments& arguments, unsigned otherwise) {
  constexpr unsigned most = 256;
  return static_cast<unsigned>(number_value(arguments, "--jobs", otherwise, 1, most));
}

unsigned usable_processors() {
  constexpr unsigned most = 16;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::clamp(static_cast<unsigned>(CPU_COUNT(&set)), 1U, most);
}

}  // namespace tlblab
