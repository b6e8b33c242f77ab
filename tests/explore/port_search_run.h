// SPDX-License-Identifier: GPL-2.0-or-later
// Programs on the explored machine under the complete search. A fresh State for each execution, always
// in one place: what is tracked is known by its address. Explore world only.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "harness/explore/port_search.h"
#include "mm/world.h"

namespace tlblab::inline TLBLAB_WORLD {

struct SearchedProgram {
  std::uint64_t executions = 0;  // that ended, deadlocks included
  std::uint64_t blocked = 0, lost = 0;
  std::uint64_t deadlocks = 0;
  unsigned restarts = 0;
  bool complete = false;
};

// done(state, violation) sees each execution that was made to its end.
template <class State, class Body, class Done>
SearchedProgram search_all(MemoryModel model, unsigned cpus, Body body, Done done) {
  static std::optional<State> state;
  constexpr std::uint64_t most = 200'000;
  PortSearch search(model, cpus);
  SearchedProgram sum;
  while (search.counts().executions < most) {
    if (!search.next()) {
      sum.complete = true;
      break;
    }
    state.emplace();
    MachineOptions options;
    options.cpus = cpus;
    options.step_limit = 10'000;
    Machine machine(options);
    machine.search_with(&search);
    machine.run([&](unsigned cpu) { body(*state, cpu); });
    if (search.is_given_up()) continue;
    done(*state, machine.result().violation);
  }
  sum.executions = search.counts().executions;
  sum.deadlocks = search.counts().deadlocks;
  sum.blocked = search.counts().blocked;
  sum.lost = search.lost();
  sum.restarts = search.restarts();
  return sum;
}

}  // namespace tlblab::inline TLBLAB_WORLD
