// SPDX-License-Identifier: GPL-2.0-or-later
// A scenario under the explorer: one round is one execution, on a machine as small as the scenario
// allows. Explore world only.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "harness/explore/choosers.h"
#include "harness/explore/port_search.h"
#include "harness/explore/recorder.h"
#include "harness/explore/schedule.h"
#include "harness/explore/search.h"
#include "harness/instances/flush_counter.h"
#include "harness/instances/oracle_setup.h"
#include "harness/instances/scenario_parts.h"
#include "harness/instances/table.h"
#include "harness/instances/word_names.h"
#include "harness/lab.h"
#include "harness/oracle/tee.h"

namespace tlblab::inline TLBLAB_WORLD {

inline constexpr unsigned explored_turns = 2;
// What one execution came to: the world's result, with what the oracles and the body saw.
struct Execution {
  ExecutionResult result;
  Violation violation;
  std::vector<TraceStep> trace;  // of a recorded one
  Weakness weakness;             // the same
};

// One execution that is written down.
using Record = std::function<Execution(Chooser&)>;

template <ArchBackend A>
class ExploreRun {
 public:
  ExploreRun(const ScenarioParts<A>& parts,
             BodyPlace& place,
             const ExploreOptions& options,
             unsigned cpus,
             Chooser& chooser,
             std::uint64_t step_limit = MachineOptions{}.step_limit)
      : info_(*parts.info),
        fixes_(options.fixes),
        cpus_(cpus),
        actors_(options.actors),
        failures_(options.fail_alloc, cpus),
        machine_({.cpus = cpus,
                  .poison_frames = counts_all(info_, options.text),
                  .tracked_windows = A::features.async_invalidate,
                  .alloc_policy = failures_.policy(),
                  .chooser = &chooser,
                  .requests_taken_by = order_of_taking(options.fixes),
                  .step_limit = step_limit}),
        oracles_(cpus, true, {.scan_frees = true}),
        memory_(memory_of(parts, options)),
        session_(memory_),
        body_(parts.make(place, options.text)) {
    oracles_.attach(machine_);
    oracles_.count_only(counted_kinds(info_, options.text));
    // What has gone wrong is not gone on with: the schedule ends there.
    oracles_.call_on_report([this] { end_here(); });
    lab_.call_on_violation([this] { end_here(); });
  }

  // Before run(): what flushes of the programs take is counted.
  void count_flushes() {
    counters_.reserve(cpus_);
    tees_.resize(cpus_);
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
      tees_[cpu] = TeeSink(&counters_.emplace_back(flushes_), oracles_.sink(cpu));
      machine_.attach(cpu, &tees_[cpu]);
    }
  }
  [[nodiscard]] const FlushCounts& flushes() const noexcept { return flushes_of_programs_; }

  // Before run(): what it does is written down.
  Recorder& record() {
    names_ = std::make_unique<WordNames<A>>(memory_.frames, cpus_);
    names_->add(&lab_, sizeof lab_, {.text = "lab", .of_lab = true});
    body_->name_words([this](const void* word, std::size_t bytes, const char* name) {
      names_->add(word, bytes, {.text = name});
    });
    recorder_ = std::make_unique<Recorder>(*names_, machine_.result().schedule);
    tees_.resize(cpus_);
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
      tees_[cpu] = TeeSink(recorder_.get(), oracles_.sink(cpu));
      machine_.attach(cpu, &tees_[cpu]);
    }
    return *recorder_;
  }

  // What the programs do beside each other is the search's, if there is one.
  // Then `explain` is asked, if it is written down.
  Execution run(MemorySearch* search = nullptr,
                const std::function<Weakness(Recorder&)>& explain = {}) {
    set_the_scene();
    machine_.search_with(search);
    machine_.let_hardware_act(acts());
    flushes_ = {.interrupts = 0 - interrupts()};
    machine_.run([this](unsigned cpu) { body_->act(labs_[cpu], role_of(info_, cpu)); });
    flushes_.interrupts += interrupts();
    flushes_of_programs_ = flushes_;
    machine_.let_hardware_act({});
    machine_.search_with(nullptr);
    Execution execution;
    if (recorder_ && explain) execution.weakness = explain(*recorder_);
    machine_.run([](unsigned) { unuse_mm<A>(); });
    on_cpu_0([this] {
      body_->teardown(labs_[0]);
      mmput<A>(*mm_);
    });
    on_cpu_0([this] { session_.stop(); });
    // An execution that was cut short leaves gathers open, and that is nobody's fault.
    if (machine_.result().ok() && !machine_.result().cut_short) oracles_.finish();
    execution.result = machine_.result();
    if (!execution.result.ok()) execution.violation.kind = execution.result.violation;
    for (const Violation& seen : oracles_.examples()) prefer(execution, seen);
    for (const Violation& seen : lab_.examples()) prefer(execution, seen);
    if (recorder_) execution.trace = recorder_->take(!execution.violation.kind.empty());
    return execution;
  }
  [[nodiscard]] AllocReport allocations() const { return failures_.report(); }

 private:
  static order order_of_taking(const struct fixes& fixes) noexcept {
    const bool drops =
        (fixes.dropped_fences >> static_cast<unsigned>(Fence::take_requests) & 1) != 0;
    return drops ? order::acquire : order::full;
  }

  // The first thing that went wrong is the one to tell: a state oracle before an end-to-end check.
  static void prefer(Execution& execution, const Violation& seen) {
    if (!execution.violation.kind.empty()) return;
    execution.violation = seen;
    execution.result.violation = seen.kind;
  }

  [[nodiscard]] std::uint64_t interrupts() const noexcept {
    std::uint64_t sent = 0;
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) sent += machine_.counters(cpu).ipis_sent;
    return sent;
  }

  void end_here() noexcept {
    if (recorder_) recorder_->violation_seen();
    machine_.request_end();
  }

  [[nodiscard]] HardwareActs acts() {
    HardwareActs acts;
    addresses_ = body_->addresses();
    acts.addresses = addresses_;
    if constexpr (WalksAhead<A>) acts.walk = {A::walk_ahead, actors_.walks};
    if constexpr (EvictsTranslations<A>) acts.evict = {A::evict, actors_.evictions};
    if constexpr (InvalidatesArrive<A>) acts.arrive = {A::arrive, actors_.arrivals};
    return acts;
  }

  template <class Act>
  void on_cpu_0(Act act) {
    machine_.run([&](unsigned cpu) {
      if (cpu == 0) act();
    });
  }
  void set_the_scene() {
    on_cpu_0([this] {
      session_.start();
      mm_ = mm_alloc<A>(3);
      mm_->fixes = fixes_;
      dropped_fences = fixes_.dropped_fences;
      for (unsigned cpu = 0; cpu < cpus_; ++cpu) labs_.emplace_back(lab_, *mm_);
      if (names_) names_->use(*mm_);
      if (recorder_) recorder_->listen(true);
    });
    machine_.run([this](unsigned) { use_mm<A>(*mm_); });
    on_cpu_0([this] {
      body_->setup(labs_[0]);
      failures_.arm(choose);
      if (recorder_) recorder_->scene_is_set();
    });
  }

  const ScenarioInfo& info_;
  struct fixes fixes_;
  unsigned cpus_;
  HardwareActors actors_;
  std::vector<vaddr_t> addresses_;
  AllocFailures failures_;
  Machine machine_;
  OracleSetup<A> oracles_;
  static SessionOptions memory_of(const ScenarioParts<A>& parts,
                                  const ExploreOptions& options) noexcept {
    SessionOptions session = parts.explored;
    if (options.text != nullptr) session.frames += frames_of(*options.text);
    return session;
  }
  const SessionOptions memory_;
  Session<A> session_;
  LabRun lab_{explored_turns};
  typename ScenarioParts<A>::Made body_;
  mm_struct* mm_ = nullptr;
  std::vector<Lab<A>> labs_;             // by CPU
  std::unique_ptr<WordNames<A>> names_;  // null: nobody writes down
  std::unique_ptr<Recorder> recorder_;
  FlushCounts flushes_, flushes_of_programs_;
  std::vector<FlushCounter> counters_;  // by CPU
  std::vector<TeeSink> tees_;           // by CPU
};

// How a report gets at executions.
struct ExploreCalls {
  Execute search;
  // One that a complete search decides.
  std::function<Execution(MemorySearch& search)> searched;
  // One whose reads a search asks the chooser for (PortSearch::begin_walk), perhaps written down.
  std::function<Execution(
      PortSearch& walk, Chooser& chooser, std::uint64_t step_limit, bool write_down)>
      walked;
  unsigned cpus = 0;
  std::vector<ActorKind> hardware{};  // that is a thread to a search, beside the CPUs'
  std::string memory = "sc";          // the model of what follows, and of `search`
  // What is no part of the search, with at most so many steps.
  std::function<Execute(std::uint64_t step_limit)> again;
  Record record;
};
// Those that are switched on.
[[nodiscard]] std::vector<ActorKind> kinds_of(const HardwareActors& actors);
// In words; while the machine stands.
[[nodiscard]] Weakness weakness_of(const PortSearch& walk, Recorder& recorder);
// What the options ask for: a search, or a replay.
void fill(const ExploreOptions& options, const ExploreCalls& calls, ExploreReport& report);
// If a step was asked for, SIGTRAP is raised there.
void stop_at(Recorder& recorder, const ExploreOptions& options, ExploreReport& report);

template <ArchBackend A>
ExploreReport explore_scenario(const ScenarioParts<A>& parts, const ExploreOptions& options) {
  const ScenarioInfo& info = *parts.info;
  const unsigned usual = info.explored_cpus != 0 ? info.explored_cpus : info.cpus;
  const unsigned cpus = options.cpus == 0 ? usual : options.cpus;
  ExploreReport report;
  const auto counted = [&](const AllocReport& asked) {
    report.allocations.rules = asked.rules;
    report.allocations.counts += asked.counts;
  };
  // In one place: what is tracked is known by its address.
  std::optional<ExploreRun<A>> in_place;
  BodyPlace place(parts.body_bytes);
  ReplayChooser first_that_can({});
  const ExploreCalls calls{
      .search =
          [&](Chooser& chooser) {
            ExploreRun<A> run(parts, place, options, cpus, chooser);
            if (options.count_flushes) run.count_flushes();
            ExecutionResult result = run.run().result;
            report.flushes += run.flushes();
            counted(run.allocations());
            return result;
          },
      .searched =
          [&](MemorySearch& search) {
            in_place.emplace(parts, place, options, cpus, first_that_can);
            Execution execution = in_place->run(&search);
            counted(in_place->allocations());
            in_place.reset();
            return execution;
          },
      .walked =
          [&](PortSearch& walk, Chooser& chooser, std::uint64_t step_limit, bool write_down) {
            in_place.emplace(parts, place, options, cpus, chooser, step_limit);
            if (write_down) stop_at(in_place->record(), options, report);
            Execution execution = in_place->run(
                &walk, [&walk](Recorder& recorder) { return weakness_of(walk, recorder); });
            if (options.schedule.empty() != write_down) counted(in_place->allocations());
            in_place.reset();
            return execution;
          },
      .cpus = cpus,
      .hardware = kinds_of(options.actors),
      .again =
          [&](std::uint64_t step_limit) {
            return [&parts, &place, &options, cpus, step_limit](Chooser& chooser) {
              return ExploreRun<A>(parts, place, options, cpus, chooser, step_limit).run().result;
            };
          },
      .record =
          [&](Chooser& chooser) {
            ExploreRun<A> run(parts, place, options, cpus, chooser);
            stop_at(run.record(), options, report);
            Execution execution = run.run();
            if (!options.schedule.empty()) counted(run.allocations());
            return execution;
          },
  };
  fill(options, calls, report);
  return report;
}

}  // namespace tlblab::inline TLBLAB_WORLD
