// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/instances/backends.h"
#include "harness/instances/runs.h"
#include "harness/instances/scenario_real.h"
#include "harness/instances/scenarios.h"
#include "harness/instances/script_real.h"
#include "harness/instances/text_real.h"
#include "harness/instances/trace_real.h"

namespace tlblab::instances {

namespace {

template <class Scenario>
StressReport stress_on(const StressOptions& options) {
  real::choose_backend(options.arch);
  return real::stress_scenario(real::parts_of<real::chosen_arch, Scenario>(), options);
}

template <class... Scenario>
std::vector<StressReport (*)(const StressOptions&)> stresses_of(real::ScenarioList<Scenario...>) {
  return {stress_on<Scenario>...};
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

std::vector<StressReport (*)(const StressOptions&)> scenario_stresses() {
  return stresses_of(real::Scenarios{});
}

StressReport stress_text(const StressOptions& options) {
  real::choose_backend(options.arch);
  return real::stress_text<real::chosen_arch>(options);
}

}  // namespace tlblab::instances
