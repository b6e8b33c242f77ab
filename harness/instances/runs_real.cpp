// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/instances/backends.h"
#include "harness/instances/runs.h"
#include "harness/instances/scenario_real.h"
#include "harness/instances/script_real.h"
#include "harness/instances/text_real.h"
#include "harness/instances/trace_real.h"
#include "harness/scenario/madvise_free_parallel_2017.h"
#include "harness/scenario/madvise_parallel_2017.h"
#include "harness/scenario/mixed.h"

namespace tlblab::instances {

namespace {

template <class Scenario>
StressReport stress_on(const StressOptions& options) {
  real::choose_backend(options.arch);
  return real::stress_scenario<real::chosen_arch, Scenario>(options);
}

}  // namespace

TraceReport trace(const Recording& recording, const TraceOptions& options) {
  real::choose_backend(options.arch);
  return real::trace_recording<real::chosen_arch>(recording, options);
}

ScriptRunReport script(const Script& script, const ScriptOptions& options) {
  real::choose_backend(options.arch);
  return real::script_on_threads<real::chosen_arch>(script, options);
}

StressReport stress_madvise_parallel_2017(const StressOptions& options) {
  return stress_on<real::madvise_parallel_2017>(options);
}

StressReport stress_madvise_free_parallel_2017(const StressOptions& options) {
  return stress_on<real::madvise_free_parallel_2017>(options);
}

StressReport stress_mixed(const StressOptions& options) {
  return stress_on<real::mixed_workload>(options);
}

StressReport stress_text(const StressOptions& options) {
  real::choose_backend(options.arch);
  return real::stress_text<real::chosen_arch>(options);
}

}  // namespace tlblab::instances
