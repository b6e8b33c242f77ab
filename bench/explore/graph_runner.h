// SPDX-License-Identifier: GPL-2.0-or-later
// Small programs under the complete search.
#pragma once

#include <map>

#include "bench/explore/small_program.h"
#include "harness/explore/graph_search.h"
#include "harness/explore/load_buffering.h"

namespace tlblab {

struct GraphOutcome {
  FinalStates states;
  GraphCounts counts;
  // Executions that ended, without deadlocks, by what says which execution it is: the source of each
  // read and the coherence order of each location.
  std::map<std::vector<std::uint32_t>, unsigned> classes;
};

struct GraphRunOptions {
  bool states = true;  // the outcome is to have them
  bool classes = false;
  bool commute_additions = false;           // GraphSearch's
  unsigned same_program = 0;                // the first threads: GraphSearch's
  LoadBuffering* load_buffering = nullptr;  // is fed
  // A fault: accesses to this location bypass the search, as if they had been forgotten.
  unsigned hidden_location = ~0U;
};

[[nodiscard]] GraphOutcome search_graphs(const SmallProgram& program,
                                         MemoryModel model,
                                         const GraphRunOptions& options = {});

}  // namespace tlblab
