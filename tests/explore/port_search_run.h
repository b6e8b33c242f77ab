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

// One execution, which the search decides, or whose chooser it asks.
template <class Body>
ExecutionResult run_with(MemorySearch& search,
                         Chooser* chooser,
                         unsigned cpus,
                         Body body,
                         const HardwareActs& acts = {}) {
  MachineOptions options;
  options.cpus = cpus;
  options.chooser = chooser;
  options.step_limit = 10'000;
  Machine machine(options);
  machine.search_with(&search);
  machine.let_hardware_act(acts);
  machine.run(body);
  return machine.result();
}

inline std::vector<ActorKind> kinds_of(const HardwareActs& acts) {
  std::vector<ActorKind> kinds;
  if (acts.walk.is_on()) kinds.push_back(ActorKind::walker);
  if (acts.evict.is_on()) kinds.push_back(ActorKind::evict);
  return kinds;
}

struct SearchedProgram {
  std::uint64_t executions = 0;  // that ended, deadlocks included
  std::uint64_t blocked = 0, lost = 0;
  std::uint64_t deadlocks = 0;
  unsigned restarts = 0;
  bool complete = false;
};

// done(state, violation) sees each execution that was made to its end.
template <class State, class Body, class Done>
SearchedProgram search_all(
    MemoryModel model, unsigned cpus, Body body, Done done, const HardwareActs& acts = {}) {
  static std::optional<State> state;
  constexpr std::uint64_t most = 200'000;
  PortSearch search(model, cpus, kinds_of(acts));
  SearchedProgram sum;
  while (search.counts().executions < most) {
    if (!search.next()) {
      sum.complete = true;
      break;
    }
    state.emplace();
    const ExecutionResult result =
        run_with(search, nullptr, cpus, [&](unsigned cpu) { body(*state, cpu); }, acts);
    if (search.is_given_up()) continue;
    done(*state, result.violation);
  }
  sum.executions = search.counts().executions;
  sum.deadlocks = search.counts().deadlocks;
  sum.blocked = search.counts().blocked;
  sum.lost = search.lost();
  sum.restarts = search.restarts();
  return sum;
}

}  // namespace tlblab::inline TLBLAB_WORLD
