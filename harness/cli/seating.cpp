// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/seating.h"

#include <algorithm>

#include "harness/cli/errors.h"

namespace tlblab {

PlacePolicy chosen_policy(const Arguments& arguments) {
  try {
    return PlacePolicy::parse(arguments.value("--place").value_or("spread"));
  } catch (const TopologyError& error) {
    throw UsageError(std::string("--place ") + error.what());
  }
}

Seating seat(const PlacePolicy& policy, unsigned cpus, Context& context) {
  const Topology host = Topology::host();
  Seating seating;
  seating.seats.cpus = cpus;
  seating.seats.policy = policy_name(policy.policy);
  if (!host.can_pin()) {
    context.err << "tlblab: hwloc describes another machine than this one: CPUs are not pinned\n";
    return seating;
  }
  const std::vector<ProcessingUnit> placed = place(host, policy, cpus);
  seating.seats.units = distinct_units(placed);
  for (const ProcessingUnit& unit : placed) seating.placement.units.push_back(unit.os_index);
  // With a single node, frames need not be told apart.
  const auto other_node = [&](const ProcessingUnit& unit) {
    return unit.node != host.units().front().node;
  };
  if (std::ranges::any_of(host.units(), other_node))
    for (const ProcessingUnit& unit : placed) seating.placement.nodes.push_back(unit.node);
  return seating;
}

}  // namespace tlblab
