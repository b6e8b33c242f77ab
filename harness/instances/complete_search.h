// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search of a scenario, by one process or by several. Explore world only.
//
// Of several, whoever has worked for a while and sees that nobody waits with work cuts what it has left
// in two, and another process goes on with the second half (workers.h). What comes of the parts is put
// together in the order in which one process would have come by it, up to the first part that ends the
// search: a violation, or a word that is to be tracked from the beginning, which begins the search again.
// So all counts are those of one process, unless time or Ctrl-C ends it.
//
// For that nothing that an execution does may depend on those before it, but for what was learnt.
#pragma once

#include <optional>

#include "harness/instances/scenario_explore.h"

namespace tlblab::inline TLBLAB_WORLD {

// An execution that failed, as it can be repeated by its schedule.
struct FailingExecution {
  Violation violation;
  std::string memory = "sc";                // the model that it needs
  std::optional<ExecutionResult> repeated;  // nothing: no schedule leads to it
  bool counted = false;                     // it ran to its end, and what is wrong showed there
};

// What it did is in the report; the execution that failed and is returned too, if it is counted.
[[nodiscard]] std::optional<FailingExecution> complete_search(const ExploreOptions& options,
                                                              const ExploreCalls& calls,
                                                              ExploreReport& report);

}  // namespace tlblab::inline TLBLAB_WORLD
