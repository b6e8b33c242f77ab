// SPDX-License-Identifier: GPL-2.0-or-later
// The functions behind the tables: each runs on the backend that its options name. World-neutral.
#pragma once

#include "harness/instances/table.h"

namespace tlblab::instances {

// Without functions.
std::vector<BackendEntry> known_backends();
TraceReport trace(const Recording& recording, const TraceOptions& options);
ScriptRunReport script(const Script& script, const ScriptOptions& options);
// Of every scenario, in the order of scenarios.h.
std::vector<const ScenarioInfo*> scenario_infos();
std::vector<StressReport (*)(const StressOptions&)> scenario_stresses();
std::vector<ExploreReport (*)(const ExploreOptions&)> scenario_explores();
// REQUIRES: options.text.
StressReport stress_text(const StressOptions& options);
ExploreReport explore_text(const ExploreOptions& options);

}  // namespace tlblab::instances
