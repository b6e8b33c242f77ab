// SPDX-License-Identifier: GPL-2.0-or-later
// What load buffering could change, in words. Explore world only.
#pragma once

#include <vector>

#include "harness/explore/load_buffering.h"
#include "harness/instances/scenario_explore.h"

namespace tlblab::inline TLBLAB_WORLD {

// Names and steps are looked up in executions that are made for it; `search` says which words are shared.
[[nodiscard]] BufferingReport buffering_report(const ExploreCalls& calls,
                                               const PortSearch& search,
                                               const std::vector<LoadBuffering::Pair>& pairs);

}  // namespace tlblab::inline TLBLAB_WORLD
