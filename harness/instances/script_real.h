// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a script on pinned CPUs. Real world only.
#pragma once

#include <exception>

#include "harness/instances/mm_script_target.h"
#include "harness/instances/oracle_setup.h"
#include "harness/instances/session.h"
#include "harness/instances/table.h"
#include "harness/workload/script_run.h"
#include "mm/swap.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A>
class ScriptMachine {
 public:
  ScriptMachine(const Script& script, const ScriptOptions& options)
      : script_(script),
        machine_({.cpus = cpus_of(script, options),
                  .units = options.placement.units,
                  .nodes = options.placement.nodes,
                  .tracked_windows = A::features.async_invalidate}),
        oracles_(machine_.cpus(), options.oracles, {}),
        target_(machine_, script, options.cpus == 2) {
    for (unsigned cpu = 0; cpu < machine_.cpus(); ++cpu) {
      target_.collector(cpu).forward_to(oracles_.sink(cpu));
      machine_.attach(cpu, &target_.collector(cpu));
    }
  }

  ScriptRunReport run(const ScriptOptions& options) {
    ScriptRunReport report;
    report.cpus = options.cpus;
    report.oversubscribed = machine_.oversubscribed();
    on_first([&] {
      session_.start();
      const bool swaps = options.swap_pages == 0 || swapon(options.swap_pages) == 0;
      vm_bug_on(!swaps, "no_memory_for_the_script");
    });
    target_.begin(script_.keeper);
    std::exception_ptr refused;
    try {
      report.script = run_script(script_, target_, options.stop);
    } catch (...) {  // the machine is to be left empty whatever happens
      refused = std::current_exception();
    }
    target_.end();
    on_first([this] { session_.stop(); });
    if (refused) std::rethrow_exception(refused);
    oracles_.finish();
    report.violations = oracles_.total();
    report.examples = oracles_.examples();
    return report;
  }

 private:
  static unsigned cpus_of(const Script& script, const ScriptOptions& options) noexcept {
    return script.child_cpu >= options.cpus ? script.child_cpu + 1 : options.cpus;
  }
  template <class Body>
  void on_first(Body body) {
    machine_.run([&](unsigned cpu) {
      if (cpu == 0) body();
    });
  }

  const Script& script_;
  Machine machine_;
  OracleSetup<A> oracles_;
  MmScriptTarget<A> target_;
  Session<A> session_{{.frames = 1ULL << 18, .tlb = {}}};
};

template <ArchBackend A>
ScriptRunReport script_on_threads(const Script& script, const ScriptOptions& options) {
  return ScriptMachine<A>(script, options).run(options);
}

}  // namespace tlblab::inline TLBLAB_WORLD
