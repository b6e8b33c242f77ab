// SPDX-License-Identifier: GPL-2.0-or-later
// A program's access ends: it is made, or it is fatal. One that faults again and again, for what its
// fault handler finds in order, holds its CPU for ever; Jan Stancek's threads did in 2019. Nothing
// comes out of a run that hangs, so it is stopped. Under the explorer the bound of steps comes first.
#pragma once

#include <vector>

#include "mm/world.h"

namespace tlblab::inline TLBLAB_WORLD {

class Progress {
 public:
  static constexpr std::uint64_t most_faults = 1U << 24;  // some seconds of nothing else
  explicit Progress(unsigned cpus) : cpus_(cpus) {}

  void reset() noexcept { cpus_.assign(cpus_.size(), {}); }
  void page_fault(const trace_event& e) noexcept {
    PerCpu& cpu = cpus_[e.cpu];
    if (cpu.va != e.a) cpu = {.va = e.a};
    vm_bug_on(++cpu.faults == most_faults, "faults_without_end");
  }
  void user_access(const trace_event& e) noexcept { cpus_[e.cpu].faults = 0; }

 private:
  struct alignas(64) PerCpu {
    std::uint64_t va = 0, faults = 0;  // at that address since the last access of the CPU
  };
  std::vector<PerCpu> cpus_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
