// SPDX-License-Identifier: GPL-2.0-or-later
// What the hardware of each CPU does unasked under the explorer, as it is typed, written in a scenario
// and repeated by a schedule: walker,evict=2. World-neutral; what it means: world/explore/hardware_acts.h.
#pragma once

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tlblab {

struct HardwareActors {
  static constexpr unsigned most = 8;  // of a kind: each one more multiplies the executions
  unsigned walks = 0, evictions = 0, arrivals = 0;  // of each CPU, in one execution; 0: off
  // How many kinds there are.
  [[nodiscard]] constexpr unsigned kinds() const noexcept {
    return (walks != 0 ? 1U : 0U) + (evictions != 0 ? 1U : 0U) + (arrivals != 0 ? 1U : 0U);
  }
  friend bool operator==(const HardwareActors&, const HardwareActors&) noexcept = default;
};

struct HardwareActorName {
  std::string_view word;
  unsigned HardwareActors::* times;
};
inline constexpr std::array<HardwareActorName, 3> hardware_actor_names{
    {{"walker", &HardwareActors::walks},
     {"evict", &HardwareActors::evictions},
     {"arrive", &HardwareActors::arrivals}}};

// what(): what is wrong, and what to type.
struct HardwareActorsError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
// "none", or nothing: none. Throws HardwareActorsError.
[[nodiscard]] HardwareActors parse_hardware_actors(std::string_view text);
// "walker,evict=2"; "none".
[[nodiscard]] std::string print_hardware_actors(const HardwareActors& actors);

}  // namespace tlblab
