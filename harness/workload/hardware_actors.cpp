// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/hardware_actors.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace tlblab {

namespace {

constexpr std::string_view nothing = "none";

[[noreturn]] void refuse(const std::string& wrong) {
  throw HardwareActorsError(fmt::format(
      "{}; type none, or some of walker, evict and arrive, as in walker,evict=2", wrong));
}

unsigned times_of(std::string_view digits, std::string_view word) {
  unsigned times = 0;
  const char* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, times);
  if (digits.empty() || error != std::errc() || end != last || times == 0 ||
      times > HardwareActors::most)
    refuse(fmt::format("'{}' says no number of times from 1 to {}", word, HardwareActors::most));
  return times;
}

void take(std::string_view word, HardwareActors& actors) {
  const std::size_t sign = word.find('=');
  const auto actor =
      std::ranges::find(hardware_actor_names, word.substr(0, sign), &HardwareActorName::word);
  if (actor == hardware_actor_names.end()) refuse(fmt::format("there is no actor '{}'", word));
  unsigned& times = actors.*(actor->times);
  if (times != 0) refuse(fmt::format("'{}' was named already", actor->word));
  times = sign == std::string_view::npos ? 1 : times_of(word.substr(sign + 1), word);
}

}  // namespace

HardwareActors parse_hardware_actors(std::string_view text) {
  HardwareActors actors;
  if (text.empty() || text == nothing) return actors;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    take(text.substr(at, comma - at), actors);
    at = comma + 1;
  }
  return actors;
}

std::string print_hardware_actors(const HardwareActors& actors) {
  std::string text;
  for (const HardwareActorName& name : hardware_actor_names) {
    const unsigned times = actors.*(name.times);
    if (times == 0) continue;
    text += (text.empty() ? "" : ",") + std::string(name.word);
    if (times != 1) text += fmt::format("={}", times);
  }
  return text.empty() ? std::string(nothing) : text;
}

}  // namespace tlblab
