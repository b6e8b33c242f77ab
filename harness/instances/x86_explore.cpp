// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86/x86.h"
#include "harness/instances/scenario_explore.h"
#include "harness/instances/text_explore.h"
#include "harness/instances/x86.h"
#include "harness/scenario/madvise_free_parallel_2017.h"
#include "harness/scenario/madvise_parallel_2017.h"
#include "harness/scenario/mixed.h"

namespace tlblab::instances {

ExploreReport x86_madvise_parallel_2017_explore(const ExploreOptions& options) {
  return explore::explore_scenario<explore::x86, explore::madvise_parallel_2017>(options);
}

ExploreReport x86_madvise_free_parallel_2017_explore(const ExploreOptions& options) {
  return explore::explore_scenario<explore::x86, explore::madvise_free_parallel_2017>(options);
}

ExploreReport x86_mixed_explore(const ExploreOptions& options) {
  return explore::explore_scenario<explore::x86, explore::mixed_workload>(options);
}

ExploreReport x86_text_explore(const ExploreOptions& options) {
  return explore::explore_text<explore::x86>(options);
}

}  // namespace tlblab::instances
