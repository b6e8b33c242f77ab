// SPDX-License-Identifier: GPL-2.0-or-later
// The functions behind the tables: each runs on the backend that its options name. World-neutral.
#pragma once

#include "harness/instances/table.h"

namespace tlblab::instances {

// Without functions.
std::vector<BackendEntry> known_backends();
TraceReport trace(const Recording& recording, const TraceOptions& options);
ScriptRunReport script(const Script& script, const ScriptOptions& options);
StressReport stress_madvise_parallel_2017(const StressOptions& options);
ExploreReport explore_madvise_parallel_2017(const ExploreOptions& options);
StressReport stress_madvise_free_parallel_2017(const StressOptions& options);
ExploreReport explore_madvise_free_parallel_2017(const ExploreOptions& options);
StressReport stress_mixed(const StressOptions& options);
ExploreReport explore_mixed(const ExploreOptions& options);
// REQUIRES: options.text.
StressReport stress_text(const StressOptions& options);
ExploreReport explore_text(const ExploreOptions& options);

}  // namespace tlblab::instances
