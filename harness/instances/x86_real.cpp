// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86/x86.h"
#include "harness/instances/scenario_real.h"
#include "harness/instances/script_real.h"
#include "harness/instances/text_real.h"
#include "harness/instances/trace_real.h"
#include "harness/instances/x86.h"
#include "harness/scenario/madvise_free_parallel_2017.h"
#include "harness/scenario/madvise_parallel_2017.h"
#include "harness/scenario/mixed.h"

namespace tlblab::instances {

TraceReport x86_trace(const Recording& recording, const TraceOptions& options) {
  return trace_recording<real::x86>(recording, options);
}

ScriptRunReport x86_script(const Script& script, const ScriptOptions& options) {
  return script_on_threads<real::x86>(script, options);
}

StressReport x86_madvise_parallel_2017_stress(const StressOptions& options) {
  return real::stress_scenario<real::x86, real::madvise_parallel_2017>(options);
}

StressReport x86_madvise_free_parallel_2017_stress(const StressOptions& options) {
  return real::stress_scenario<real::x86, real::madvise_free_parallel_2017>(options);
}

StressReport x86_mixed_stress(const StressOptions& options) {
  return real::stress_scenario<real::x86, real::mixed_workload>(options);
}

StressReport x86_text_stress(const StressOptions& options) {
  return real::stress_text<real::x86>(options);
}

}  // namespace tlblab::instances
