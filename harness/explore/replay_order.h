// SPDX-License-Identifier: GPL-2.0-or-later
// In which order a machine is to make the events of a graph, so that what it keeps beside the graph
// (its TLBs, its queues, the contents of objects that are handed over) is what it was. Such an order
// agrees with program order and reads-from; under sc it is also one in which every read finds the last
// write. An access window is made as a whole, and while an interrupt handler runs nothing else of
// its CPU moves. If a window or handler is not over the program will go on with it at that place;
// it comes as late as it can.
//
// Threads are numbered as port_search.h does: the bodies of all CPUs, then their interrupt handlers,
// then their RCU callbacks, then what their hardware does unasked, kind by kind.
#pragma once

#include <optional>
#include <vector>

#include "harness/world/explore/execution_graph.h"
#include "harness/world/explore/memory_model.h"

namespace tlblab {

// The thread that makes each access; a read-modify-write is one. Nothing if there is no such order:
// no machine has this execution.
[[nodiscard]] std::optional<std::vector<unsigned>> replay_order(const ExecutionGraph& graph,
                                                                MemoryModel model,
                                                                unsigned cpus);

}  // namespace tlblab
