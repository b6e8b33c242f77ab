// SPDX-License-Identifier: GPL-2.0-or-later
// A scenario on pinned threads: round after round until the time is over, somebody asks for an end,
// or an oracle is violated. Real world only.
#pragma once

#include <chrono>

#include "harness/instances/oracle_setup.h"
#include "harness/instances/scenario_parts.h"
#include "harness/instances/session.h"
#include "harness/instances/stalls.h"
#include "harness/instances/table.h"
#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A>
class StressRun {
 public:
  StressRun(const ScenarioParts<A>& parts, const StressOptions& options)
      : info_(*parts.info),
        options_(options),
        cpus_(options.cpus == 0 ? info_.cpus : options.cpus),
        failures_(options.fail_alloc, cpus_),
        machine_(machine_options()),
        oracles_(cpus_, options.oracles, {.scan_frees = true}),
        place_(parts.body_bytes),
        body_(parts.make(place_, options.text)),
        operations_(cpus_),
        stalls_(options.stalls, roles(), options.seed) {
    for (unsigned cpu = 0; cpu < cpus_; ++cpu)
      machine_.attach(cpu, stalls_.sink(cpu, oracles_.sink(cpu)));
    oracles_.count_only(counted_kinds(info_, options.text));
  }

  StressReport run() {
    began_ = Clock::now();
    machine_.run([this](unsigned cpu) { run_cpu(cpu); });
    machine_.run([this](unsigned cpu) {
      if (cpu == 0) session_.stop();
    });
    oracles_.finish();
    return report();
  }

 private:
  using Clock = std::chrono::steady_clock;

  MachineOptions machine_options() {
    return {.cpus = cpus_,
            .units = options_.placement.units,
            .nodes = options_.placement.nodes,
            .seed = options_.seed,
            .junk_fill = true,
            .poison_frames = counts_all(info_, options_.text),
            .tracked_windows = A::features.async_invalidate,
            .alloc_policy = failures_.policy()};
  }
  [[nodiscard]] std::vector<unsigned> roles() const {
    std::vector<unsigned> roles;
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) roles.push_back(role_of(info_, cpu));
    return roles;
  }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - began_).count();
  }
  [[nodiscard]] std::uint64_t violations() const { return lab_.violations() + oracles_.total(); }
  [[nodiscard]] bool is_over() const {
    return violations() != 0 || seconds() >= options_.seconds ||
           (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed));
  }
  void power_on() noexcept {
    session_.start();
    mm_ = mm_alloc<A>(3);
    vm_bug_on(mm_ == nullptr, "no_memory_for_the_machine");
    mm_->fixes = options_.fixes;
    dropped_fences = options_.fixes.dropped_fences;
  }

  void run_cpu(unsigned cpu) {
    if (cpu == 0) power_on();
    lab_.meet();
    use_mm<A>(*mm_);
    Lab<A> lab(lab_, *mm_);
    while (begin_round(cpu, lab)) {
      stalls_.arm(cpu, true);
      body_->act(lab, role_of(info_, cpu));
      stalls_.arm(cpu, false);
      lab_.meet();
      if (cpu == 0) failures_.disarm();
    }
    operations_[cpu] = lab.operations();
    unuse_mm<A>();
    lab_.meet();
    if (cpu != 0) return;
    body_->teardown(lab);
    mmput<A>(*mm_);
  }

  // False: that was the last one.
  bool begin_round(unsigned cpu, Lab<A>& lab) {
    if (cpu == 0) {
      over_ = is_over();
      lab_.over.store(false, order::relaxed);
      lab_.round.store(rounds_, order::relaxed);
      if (!over_) {
        body_->setup(lab);
        failures_.arm(choose);
        ++rounds_;
      }
    }
    lab_.meet();
    lab.begin_round();
    return !over_;
  }

  StressReport report() {
    StressReport result;
    result.cpus = cpus_;
    result.oversubscribed = machine_.oversubscribed();
    result.rounds = rounds_;
    for (const std::uint64_t n : operations_) result.operations += n;
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) result.ipis += machine_.counters(cpu).ipis_sent;
    result.stalls = stalls_.made();
    result.seconds = seconds();
    result.violations = violations();
    result.allocations = failures_.report();
    if (result.violations != 0) result.first_violation_seconds = result.seconds;
    result.examples = oracles_.examples();
    for (Violation& seen : lab_.examples()) result.examples.push_back(std::move(seen));
    return result;
  }

  const ScenarioInfo& info_;
  const StressOptions& options_;
  const unsigned cpus_;
  AllocFailures failures_;
  Machine machine_;
  OracleSetup<A> oracles_;
  Session<A> session_{SessionOptions{}};
  LabRun lab_{0};
  BodyPlace place_;
  typename ScenarioParts<A>::Made body_;
  mm_struct* mm_ = nullptr;
  std::vector<std::uint64_t> operations_;
  Stalls stalls_;
  unsigned rounds_ = 0;
  bool over_ = false;
  Clock::time_point began_;
};

template <ArchBackend A>
StressReport stress_scenario(const ScenarioParts<A>& parts, const StressOptions& options) {
  return StressRun<A>(parts, options).run();
}

}  // namespace tlblab::inline TLBLAB_WORLD
