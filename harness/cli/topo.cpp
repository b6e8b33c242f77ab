// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/about.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/seating.h"
#include "harness/cli/values.h"
#include "harness/report/json.h"
#include "harness/report/text.h"
#include "harness/run/host.h"

namespace tlblab {
namespace {

TopoPage::Unit row(const ProcessingUnit& unit) {
  return {.os_index = unit.os_index,
          .package = unit.package,
          .node = unit.node,
          .core = unit.core,
          .smt = unit.smt};
}

Topology asked_for(const Arguments& arguments) {
  const std::optional<std::string> made_up = arguments.value("--synthetic");
  if (!made_up) return Topology::host();
  try {
    return Topology::synthetic(*made_up);
  } catch (const TopologyError& error) {
    throw UsageError(std::string("--synthetic ") + error.what());
  }
}

void place_cpus(TopoPage& page,
                const Topology& topology,
                const PlacePolicy& policy,
                unsigned cpus) {
  const std::vector<ProcessingUnit> placed = place(topology, policy, cpus);
  for (const ProcessingUnit& unit : placed) page.placed.push_back(row(unit));
  page.seats = {cpus, distinct_units(placed), std::string(policy_name(policy.policy))};
}

int run_topo(const Arguments& arguments, Context& context) {
  const PlacePolicy policy = chosen_policy(arguments);
  const std::uint64_t cpus = number_value(arguments, "--cpus", 0, 1, max_cpus);
  const Topology topology = asked_for(arguments);
  TopoPage page;
  page.description = topology.description();
  page.made_up = !topology.can_pin();
  for (const ProcessingUnit& unit : topology.units()) page.units.push_back(row(unit));
  if (cpus != 0)
    place_cpus(page, topology, policy, static_cast<unsigned>(cpus));
  else if (arguments.has("--place"))
    place_cpus(page, topology, policy, static_cast<unsigned>(page.units.size()));
  page.tool = tool_facts();
  if (!page.made_up) page.host = host_facts();
  context.out << (context.json ? topo_json(page) : topo_text(page, context.paint));
  return exit_fine;
}

}  // namespace

Command topo_command() {
  return {
      .name = "topo",
      .line = "the processing units here, and where simulated CPUs would run",
      .options = {{"--cpus", "N", "place so many simulated CPUs"},
                  place_option,
                  {"--synthetic", "S", "a made-up machine in hwloc's words instead of this one"},
                  {"--json", "", "as one JSON object"}},
      .more =
          "placements:\n"
          "  compact    as close as possible: the siblings of a core, then its package\n"
          "  spread     as far apart as possible: packages in turn, siblings last\n"
          "  socket     the first package alone: a core each, siblings last\n"
          "  smt        the siblings of a core side by side, packages in turn\n"
          "  list=...   these units, by the numbers of the operating system\n"
          "More CPUs than units use the units again, and every report says so.\n\n"
          "examples:\n"
          "  tlblab topo\n"
          "  tlblab topo --cpus 8 --place compact\n"
          "  tlblab topo --synthetic \"pack:2 core:8 pu:2\" --cpus 20 --place smt\n",
      .run = run_topo};
}

}  // namespace tlblab
