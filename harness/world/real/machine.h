// SPDX-License-Identifier: GPL-2.0-or-later
// Starting simulated CPUs. For the harness: mm and arch never see a machine, they are run on one.
// The explore world has a class of the same name and use.
#pragma once

#include <memory>
#include <type_traits>
#include <vector>

#include "harness/world/real/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

struct MachineOptions {
  unsigned cpus = 1;
  // Operating-system index of the processing unit of each CPU, as harness/run chose them; empty:
  // not pinned. Two CPUs on one unit make the machine oversubscribed.
  std::vector<unsigned> units{};
  std::vector<unsigned> nodes{};  // NUMA node of each CPU's frames; empty: node 0
  std::uint64_t seed = 0;         // of choose(); 0: it always answers 0
  bool junk_fill = false;         // overwrite freed frames
  // Under AddressSanitizer, freed frames may not be touched. False where a use of a stale translation
  // is no end of the run: a frame is there for the hardware, whoever owns it.
  bool poison_frames = true;
  // Tracked access windows are (world's window.h): false where no CPU touches another one's MMU.
  bool tracked_windows = true;
  AllocPolicy* alloc_policy = nullptr;
};

struct CpuCounters {
  std::uint64_t ipis_sent = 0;
  std::uint64_t interrupts = 0;
};

// One at a time in a program.
class Machine {
 public:
  explicit Machine(MachineOptions options);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void attach(unsigned cpu, TraceSink* sink) noexcept;  // not during run
  [[nodiscard]] CpuCounters counters(unsigned cpu) const noexcept;
  [[nodiscard]] unsigned cpus() const noexcept { return options_.cpus; }
  [[nodiscard]] bool oversubscribed() const noexcept;

  // body(cpu) on every CPU at once. A CPU whose body ended idles, serving its mailbox, until all
  // have ended; then outstanding RCU callbacks run, and run() returns.
  template <class Body>
  void run(Body&& body) {
    run_erased([](void* context,
                  unsigned cpu) { (*static_cast<std::remove_reference_t<Body>*>(context))(cpu); },
               const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using ErasedBody = void (*)(void* context, unsigned cpu);
  void run_erased(ErasedBody body, void* context);
  void run_cpu(unsigned cpu, ErasedBody body, void* context);

  MachineOptions options_;
  struct State;
  std::unique_ptr<State> state_;
};

namespace detail {
extern MachineOptions* options;  // of the running machine
}

}  // namespace tlblab::inline TLBLAB_WORLD
