// SPDX-License-Identifier: GPL-2.0-or-later
// Starting simulated CPUs, as in real/machine.h, and what only an explored machine has: who
// chooses, bounds, and the result. A machine is one execution: its memory and its schedule begin
// with it and end with it.
#pragma once

#include "harness/world/explore/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

struct MachineOptions {
  unsigned cpus = 1;       // at most max_explored_cpus
  std::uint64_t seed = 0;  // of choose() without a chooser; 0: it always answers 0
  bool junk_fill = false;  // overwrite freed frames and objects
  // Under AddressSanitizer, freed frames may not be touched. False where a use of a stale translation
  // is no end of the run: a frame is there for the hardware, whoever owns it.
  bool poison_frames = true;
  // Tracked access windows are (world's window.h): false where no CPU touches another one's MMU.
  bool tracked_windows = true;
  AllocPolicy* alloc_policy = nullptr;
  // Null: the running CPU goes on as long as it can, then the first that can move.
  Chooser* chooser = nullptr;
  // What taking its requests is as a barrier of a CPU that is interrupted. Kernels take all at once by an
  // exchange, which is full.
  order requests_taken_by = order::full;
  std::uint64_t step_limit = 1'000'000;  // more is the violation step_limit: a livelock, perhaps
};

struct CpuCounters {
  std::uint64_t ipis_sent = 0;
  std::uint64_t interrupts = 0;
};

// One at a time in a program.
class Machine {
 public:
  // Throws std::invalid_argument for a number of CPUs that this world does not take.
  explicit Machine(const MachineOptions& options);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void attach(unsigned cpu, TraceSink* sink) noexcept;  // not during run
  [[nodiscard]] CpuCounters counters(unsigned cpu) const noexcept;
  [[nodiscard]] std::uint64_t charged(unsigned cpu, Cost cost) const noexcept;
  [[nodiscard]] unsigned cpus() const noexcept { return options_.cpus; }
  [[nodiscard]] bool oversubscribed() const noexcept { return false; }

  // body(cpu) on every CPU. A CPU whose body ended idles, taking its interrupts and callbacks,
  // until all have ended and nothing is outstanding. If a violation ends the execution the bodies
  // are abandoned where they stand, without unwinding, and later runs do nothing.
  template <class Body>
  void run(Body&& body) {
    run_erased([](void* context,
                  unsigned cpu) { (*static_cast<std::remove_reference_t<Body>*>(context))(cpu); },
               const_cast<void*>(static_cast<const void*>(&body)));
  }
  // Who decides what the operations of the next runs read; null again: nobody.
  void search_with(MemorySearch* search) noexcept;
  // In the next runs the hardware of each CPU may do this unasked; {} again: nothing. What the addresses
  // are in outlives the runs.
  void let_hardware_act(const HardwareActs& acts) noexcept { engine_.acts = acts; }
  // The execution ends at the next step: for a listener that has seen enough.
  void request_end() noexcept;
  // Of all runs so far; until the next machine is made.
  [[nodiscard]] const ExecutionResult& result() const noexcept;

 private:
  using ErasedBody = void (*)(void* context, unsigned cpu);
  void run_erased(ErasedBody body, void* context);

  MachineOptions options_;
  detail::Engine& engine_;
};

namespace detail {
inline constinit MachineOptions* options = nullptr;  // of the machine
}

}  // namespace tlblab::inline TLBLAB_WORLD
