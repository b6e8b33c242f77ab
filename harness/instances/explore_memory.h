// SPDX-License-Identifier: GPL-2.0-or-later
// Executions on a machine whose memory is not sequentially consistent, for what asks for executions:
// searches, the shrinker, replay. Explore world only.
#pragma once

#include "harness/explore/port_search.h"
#include "harness/instances/scenario_explore.h"

namespace tlblab::inline TLBLAB_WORLD {

// One execution of a walk; made again as often as more words turn out to be shared. One that had to be
// given up ends without a violation.
[[nodiscard]] Execution walk(const ExploreCalls& calls,
                             PortSearch& search,
                             Chooser& chooser,
                             std::uint64_t step_limit);

// The calls with that memory; what is recorded is found out about anew each time, as a replay does.
// `search` outlives them. The counterpart of `searched` is left as it is.
[[nodiscard]] ExploreCalls with_memory(const ExploreCalls& calls,
                                       MemoryModel model,
                                       PortSearch& search);

// An execution that a complete search has just made, as one that its schedule alone leads to.
[[nodiscard]] ExecutionResult as_schedule(const ExploreCalls& calls,
                                          MemoryModel model,
                                          const ExecutionResult& made,
                                          const PortSearch& search);

}  // namespace tlblab::inline TLBLAB_WORLD
