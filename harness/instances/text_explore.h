// SPDX-License-Identifier: GPL-2.0-or-later
// A scenario that is a text, under the explorer. Explore world only.
#pragma once

#include <algorithm>
#include <iterator>

#include "harness/instances/scenario_explore.h"
#include "harness/workload/scenario_text_body.h"

namespace tlblab::inline TLBLAB_WORLD {

// REQUIRES: options.text.
template <ArchBackend A>
ExploreReport explore_text(ExploreOptions options) {
  if (options.cpus == 0) options.cpus = static_cast<unsigned>(options.text->programs.size());
  ExploreReport report = explore_scenario<A>(parts_of<A, text_scenario>(), options);
  report.asks_existence = options.text->asks_existence();
  // That a state can be is an answer and no violation.
  const auto is_witness = [](const auto& found) { return found.violation.kind == witness_kind; };
  std::ranges::copy_if(report.violations, std::back_inserter(report.witnesses), is_witness);
  std::erase_if(report.violations, is_witness);
  return report;
}

}  // namespace tlblab::inline TLBLAB_WORLD
