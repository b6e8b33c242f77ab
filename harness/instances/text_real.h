// SPDX-License-Identifier: GPL-2.0-or-later
// A scenario that is a text, on pinned threads. Real world only.
#pragma once

#include "harness/instances/scenario_real.h"
#include "harness/workload/scenario_text_body.h"

namespace tlblab::inline TLBLAB_WORLD {

// REQUIRES: options.text.
template <ArchBackend A>
StressReport stress_text(StressOptions options) {
  if (options.cpus == 0) options.cpus = static_cast<unsigned>(options.text->programs.size());
  StressReport report = stress_scenario<A>(parts_of<A, text_scenario>(), options);
  report.asks_existence = options.text->asks_existence();
  // That a state can be is an answer and no violation.
  report.witnesses = std::erase_if(report.examples,
                                   [](const Violation& seen) { return seen.kind == witness_kind; });
  report.violations -= report.witnesses;
  return report;
}

}  // namespace tlblab::inline TLBLAB_WORLD
