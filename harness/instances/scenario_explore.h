// SPDX-License-Identifier: GPL-2.0-or-later
// A scenario under the explorer: one round is one execution, on a machine as small as the scenario
// allows. Explore world only.
#pragma once

#include "harness/explore/choosers.h"
#include "harness/explore/schedule.h"
#include "harness/explore/search.h"
#include "harness/instances/oracle_setup.h"
#include "harness/instances/session.h"
#include "harness/instances/table.h"
#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

inline constexpr unsigned explored_turns = 2;
inline constexpr SessionOptions explored_session{.frames = 96,
                                                 .tlb = {.sets = 2,
                                                         .ways = 2,
                                                         .huge_sets = 1,
                                                         .huge_ways = 1,
                                                         .giant_sets = 1,
                                                         .giant_ways = 1,
                                                         .walk_entries = 2,
                                                         .front = 1}};

// What one execution came to: the world's result, with what the oracles and the body saw.
struct Execution {
  ExecutionResult result;
  Violation violation;
};

template <ArchBackend A, class Scenario>
class ExploreRun {
 public:
  ExploreRun(const ExploreOptions& options, unsigned cpus, Chooser& chooser)
      : fixes_(options.fixes),
        cpus_(cpus),
        failures_(options.fail_alloc, cpus),
        machine_({.cpus = cpus, .alloc_policy = failures_.policy(), .chooser = &chooser}),
        oracles_(cpus, true, {.scan_frees = true}),
        session_(memory(options)),
        body_(make_body<Body>(options)) {
    oracles_.attach(machine_);
    if (const ScenarioText* text = options.text)
      oracles_.count_only([text](std::string_view kind) { return text->forbids(kind); });
    // What has gone wrong is not gone on with: the schedule ends there.
    oracles_.call_on_report([this] { machine_.request_end(); });
    lab_.call_on_violation([this] { machine_.request_end(); });
  }

  Execution run() {
    machine_.run([this](unsigned cpu) { run_cpu(cpu); });
    machine_.run([this](unsigned cpu) {
      if (cpu == 0) session_.stop();
    });
    // An execution that was cut short leaves gathers open, and that is nobody's fault.
    if (machine_.result().ok() && !machine_.result().cut_short) oracles_.finish();
    Execution execution{machine_.result(), {}};
    if (!execution.result.ok()) execution.violation.kind = execution.result.violation;
    for (const Violation& seen : oracles_.examples()) prefer(execution, seen);
    for (const Violation& seen : lab_.examples()) prefer(execution, seen);
    return execution;
  }
  [[nodiscard]] AllocReport allocations() const { return failures_.report(); }

 private:
  using Body = typename Scenario::template Body<A>;

  // The first thing that went wrong is the one to tell: a state oracle before an end-to-end check.
  static void prefer(Execution& execution, const Violation& seen) {
    if (!execution.violation.kind.empty()) return;
    execution.violation = seen;
    execution.result.violation = seen.kind;
  }

  void run_cpu(unsigned cpu) {
    if (cpu == 0) {
      session_.start();
      mm_ = mm_alloc<A>(3);
      mm_->fixes = fixes_;
    }
    lab_.meet();
    use_mm<A>(*mm_);
    Lab<A> lab(lab_, *mm_);
    if (cpu == 0) {
      body_.setup(lab);
      failures_.arm(choose);
    }
    lab_.meet();
    body_.act(lab, cpu < Scenario::info.cpus ? cpu : Scenario::info.crowd_role);
    unuse_mm<A>();
    lab_.meet();
    if (cpu != 0) return;
    if constexpr (requires { body_.teardown(lab); }) body_.teardown(lab);
    mmput<A>(*mm_);
  }

  struct fixes fixes_;
  unsigned cpus_;
  AllocFailures failures_;
  Machine machine_;
  OracleSetup<A> oracles_;
  static SessionOptions memory(const ExploreOptions& options) noexcept {
    SessionOptions session = explored_session;
    if constexpr (requires { Scenario::explored_session; }) session = Scenario::explored_session;
    if (options.text != nullptr) session.frames += frames_of(*options.text);
    return session;
  }
  Session<A> session_;
  LabRun lab_{explored_turns};
  Body body_;
  mm_struct* mm_ = nullptr;
};

template <ArchBackend A, class Scenario>
ExploreReport explore_scenario(const ExploreOptions& options) {
  constexpr unsigned usual =
      Scenario::info.explored_cpus != 0 ? Scenario::info.explored_cpus : Scenario::info.cpus;
  const unsigned cpus = options.cpus == 0 ? usual : options.cpus;
  Violation first;
  AllocReport allocations;
  const auto execute = [&](Chooser& chooser) {
    ExploreRun<A, Scenario> run(options, cpus, chooser);
    Execution execution = run.run();
    const AllocReport asked = run.allocations();
    allocations.rules = asked.rules;
    allocations.counts += asked.counts;
    if (first.kind.empty()) first = execution.violation;
    return std::move(execution.result);
  };
  static const std::atomic<bool> never{false};
  const std::atomic<bool>& stop = options.stop != nullptr ? *options.stop : never;
  ExploreReport report = options.schedule.empty() ? search_report(options, execute, stop, first)
                                                  : replay_report(options, execute, first);
  report.allocations = std::move(allocations);
  return report;
}

ExploreReport search_report(const ExploreOptions& options,
                            const Execute& execute,
                            const std::atomic<bool>& stop,
                            const Violation& first);
ExploreReport replay_report(const ExploreOptions& options,
                            const Execute& execute,
                            const Violation& first);

}  // namespace tlblab::inline TLBLAB_WORLD
