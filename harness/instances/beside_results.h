// SPDX-License-Identifier: GPL-2.0-or-later
// What the executions of a random search leave beside their results: which words of the machine turned
// out to be shared, where its memory is not sequentially consistent; what could not be made; which
// allocations failed; under the weak model, what load buffering could swap. Several processes tell each
// other of it. Explore world only.
#pragma once

#include <set>
#include <string>

#include "harness/explore/load_buffering.h"
#include "harness/explore/port_search.h"
#include "harness/explore/search.h"
#include "harness/instances/scenario_explore.h"

namespace tlblab::inline TLBLAB_WORLD {

class BesideResults {
 public:
  // `memory` is of all executions, which begin through begin_execution().
  BesideResults(PortSearch& memory, ExploreReport& report)
      : memory_(memory), report_(report), buffering_(memory.graph().threads()) {}
  // `execute`, in a search with these options.
  [[nodiscard]] Execute watch(SearchOptions& options, const Execute& execute);
  // Executions that could not be made.
  [[nodiscard]] std::uint64_t lost() const noexcept { return memory_.lost() + lost_; }
  [[nodiscard]] const LoadBuffering& buffering() const noexcept { return buffering_; }

 private:
  using Learnt = std::set<PortSearch::Learnt>;
  [[nodiscard]] std::string tell();
  void hear(const std::string& told);

  PortSearch& memory_;
  ExploreReport& report_;
  Learnt of_earlier_rounds_, learnt_;
  std::uint64_t lost_ = 0;  // by others
  std::uint64_t lost_told_ = 0;
  AllocCounts counts_told_;
  LoadBuffering buffering_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
