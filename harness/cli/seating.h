// SPDX-License-Identifier: GPL-2.0-or-later
// --place: where the simulated CPUs of a command run.
#pragma once

#include "harness/cli/command.h"
#include "harness/instances/table.h"
#include "harness/report/pages.h"
#include "harness/run/topology.h"

namespace tlblab {

inline constexpr OptionSpec place_option{"--place", "P",
                                         "compact, spread (default), socket, smt or list=0,2,4"};

// Throws UsageError.
[[nodiscard]] PlacePolicy chosen_policy(const Arguments& arguments);

struct Seating {
  Placement placement;
  Seats seats;
};

// Asks hwloc. Throws UsageError.
[[nodiscard]] Seating seat(const PlacePolicy& policy, unsigned cpus, Context& context);

}  // namespace tlblab
