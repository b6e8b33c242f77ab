// SPDX-License-Identifier: GPL-2.0-or-later
// The functions behind the x86 rows of the tables. World-neutral.
#pragma once

#include "harness/instances/table.h"

namespace tlblab::instances {

TraceReport x86_trace(const Recording& recording, const TraceOptions& options);
ScriptRunReport x86_script(const Script& script, const ScriptOptions& options);
StressReport x86_madvise_parallel_2017_stress(const StressOptions& options);
ExploreReport x86_madvise_parallel_2017_explore(const ExploreOptions& options);
StressReport x86_madvise_free_parallel_2017_stress(const StressOptions& options);
ExploreReport x86_madvise_free_parallel_2017_explore(const ExploreOptions& options);
StressReport x86_mixed_stress(const StressOptions& options);
ExploreReport x86_mixed_explore(const ExploreOptions& options);
// REQUIRES: options.text.
StressReport x86_text_stress(const StressOptions& options);
ExploreReport x86_text_explore(const ExploreOptions& options);

}  // namespace tlblab::instances
