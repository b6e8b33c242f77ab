// SPDX-License-Identifier: GPL-2.0-or-later
// The processing units of this host, or of a made-up one, and which of them simulated CPUs run on.
//
// Asking hwloc takes milliseconds: commands that need no topology do not make one. hwloc's own
// environment variables count (HWLOC_SYNTHETIC="pack:2 core:8 pu:2", HWLOC_XMLFILE); what they
// describe can be looked at, and not pinned on.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tlblab {

struct ProcessingUnit {
  unsigned os_index = 0;  // what pinning wants
  // All numbered from 0 in hwloc's order, in which neighbours are close.
  unsigned package = 0;
  unsigned node = 0;  // NUMA node
  unsigned core = 0;  // in the whole machine
  unsigned smt = 0;   // among those units of its core that may be used
  friend bool operator==(const ProcessingUnit&, const ProcessingUnit&) = default;
};

// What the user asked for is not to be had; what() is one line and says what is.
class TopologyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Topology {
 public:
  // The units that this process may run on. Throws TopologyError for a HWLOC_SYNTHETIC that hwloc
  // does not understand, and std::system_error if hwloc cannot read this host.
  [[nodiscard]] static Topology host();
  // Throws TopologyError.
  [[nodiscard]] static Topology synthetic(const std::string& description);

  [[nodiscard]] std::span<const ProcessingUnit> units() const noexcept { return units_; }
  [[nodiscard]] bool can_pin() const noexcept { return can_pin_; }
  // The machine in hwloc's synthetic words; empty where it is too irregular for them.
  [[nodiscard]] const std::string& description() const noexcept { return description_; }

 private:
  class Loaded;
  explicit Topology(const Loaded& loaded);
  std::vector<ProcessingUnit> units_;
  std::string description_;
  bool can_pin_ = false;
};

enum class Policy : std::uint8_t {
  compact,  // as close as possible: the siblings of a core, its package, the next package
  spread,   // as far apart as possible: packages in turn, a core each, siblings last
  socket,   // the first package alone: its cores, then their siblings
  smt,      // the siblings of a core side by side, the cores of the packages in turn
  list,     // as told
};

struct PlacePolicy {
  Policy policy = Policy::spread;
  std::vector<unsigned> listed;  // OS indices, for Policy::list

  // "spread", "list=0,2,4-7". Throws TopologyError.
  [[nodiscard]] static PlacePolicy parse(std::string_view text);
};

[[nodiscard]] std::string_view policy_name(Policy policy) noexcept;

// The unit of each of `cpus` simulated CPUs. More CPUs than units: the units are used again from
// the first one on. Throws TopologyError if a listed unit is not there.
[[nodiscard]] std::vector<ProcessingUnit> place(const Topology& topology,
                                                const PlacePolicy& policy,
                                                unsigned cpus);

// How many different units these are; fewer than there are CPUs means oversubscribed.
[[nodiscard]] unsigned distinct_units(std::span<const ProcessingUnit> placed);

}  // namespace tlblab
