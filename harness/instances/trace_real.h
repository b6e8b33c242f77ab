// SPDX-License-Identifier: GPL-2.0-or-later
// Replays a recording on pinned CPUs. Records go in file order: a CPU that has made a step hands
// the baton to the CPU of the next record, so what one step leaves is there for the next, and every
// CPU serves its mailbox while it waits. Real world only.
#pragma once

#include <chrono>

#include "harness/instances/mm_replay_target.h"
#include "harness/instances/oracle_setup.h"
#include "harness/instances/session.h"
#include "harness/instances/table.h"
#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A>
class TraceRun {
 public:
  TraceRun(const Recording& recording, const TraceOptions& options, unsigned cpus)
      : options_(options),
        failures_(options.fail_alloc, cpus),
        machine_({.cpus = cpus,
                  .units = options.placement.units,
                  .nodes = options.placement.nodes,
                  .tracked_windows = A::features.async_invalidate,
                  .alloc_policy = failures_.policy()}),
        oracles_(cpus, options.oracles, {.scan_frees = false}),
        target_(cpus),
        replay_(recording, target_, {.cpus = options.cpus, .on_event = options.on_event}),
        total_(recording.records.size()) {
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
      target_.collector(cpu).forward_to(oracles_.sink(cpu));
      machine_.attach(cpu, &target_.collector(cpu));
    }
    target_.count_ipis_with([this] { return ipis(); });
    target_.switch_failures_with(
        [this](bool on) { on ? failures_.arm_again() : failures_.disarm(); });
  }

  TraceReport run() {
    const auto began = std::chrono::steady_clock::now();
    machine_.run([this](unsigned cpu) { run_cpu(cpu); });
    machine_.run([this](unsigned cpu) {
      if (cpu == 0) session_.stop();
    });
    oracles_.finish();
    TraceReport report;
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    report.replay = replay_.finish();
    report.cpus = machine_.cpus();
    report.oversubscribed = machine_.oversubscribed();
    report.ipis = ipis();
    report.work = work();
    report.violations = oracles_.total();
    report.examples = oracles_.examples();
    report.allocations = failures_.report();
    report.interrupted = stopped_;
    return report;
  }

 private:
  static constexpr unsigned finished = ~0U;  // nobody's turn any more
  static constexpr std::size_t progress_every = 4096;

  [[nodiscard]] std::uint64_t ipis() const {
    std::uint64_t sum = 0;
    for (unsigned cpu = 0; cpu < machine_.cpus(); ++cpu) sum += machine_.counters(cpu).ipis_sent;
    return sum;
  }

  [[nodiscard]] FlushWork work() {
    FlushWork sum;
    for (unsigned cpu = 0; cpu < machine_.cpus(); ++cpu) {
      const FlushWork& one = target_.collector(cpu).work();
      sum.broadcasts += one.broadcasts;
      sum.hash_inserts += one.hash_inserts;
      sum.hash_removals += one.hash_removals;
    }
    return sum;
  }

  void run_cpu(unsigned cpu) {
    if (cpu == 0) {
      session_.start();
      failures_.arm(choose);
      turn_.store(next_turn(), order::release);
    }
    for (;;) {
      // Acquire: pairs with the release below; what the last step left is seen here.
      const unsigned turn = turn_.load(order::acquire);
      if (turn == finished) break;
      if (turn == cpu) {
        do replay_.step();
        while (next_turn() == cpu);
        turn_.store(next_turn(), order::release);
      }
      cpu_relax();
    }
    lab_.meet();
    if (cpu == 0) target_.exit_all();
  }

  [[nodiscard]] unsigned next_turn() {
    const std::size_t done = replay_.position();
    if (options_.on_progress && done % progress_every == 0) options_.on_progress(done, total_);
    stopped_ = options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed);
    return stopped_ || replay_.done() ? finished : replay_.next_cpu();
  }

  static constexpr unsigned nobody = ~0U - 1;  // not started yet

  const TraceOptions& options_;
  AllocFailures failures_;
  Machine machine_;
  OracleSetup<A> oracles_;
  MmReplayTarget<A> target_;
  Replay replay_;
  std::size_t total_;
  Session<A> session_{{.frames = 1ULL << 22, .tlb = {}}};
  LabRun lab_{0};
  Atomic<unsigned> turn_{nobody};
  bool stopped_ = false;
};

template <ArchBackend A>
TraceReport trace_recording(const Recording& recording, const TraceOptions& options) {
  const auto recorded = static_cast<unsigned>(recording.cpus.size());
  const unsigned cpus = options.cpus != 0 ? options.cpus : recorded;
  return TraceRun<A>(recording, options, cpus).run();
}

}  // namespace tlblab::inline TLBLAB_WORLD
