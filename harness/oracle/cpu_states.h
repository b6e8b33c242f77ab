// SPDX-License-Identifier: GPL-2.0-or-later
// What oracles know of each CPU and read from others.
//
// A TLB keeps entries of address spaces that its CPU does not run: they may be out of date as long as
// they are flushed before they are used again (x86: the generation is compared when the mm is loaded
// and when a lazy CPU wakes). So an entry counts only while its CPU runs the entry's mm. The runs_mm
// events say when that begins, after the switch, and when it ends, before the CPU turns lazy.
#pragma once

#include <atomic>
#include <memory>

#include "mm/world.h"

namespace tlblab::inline TLBLAB_WORLD {

struct alignas(128) CpuState {
  std::atomic<std::uint64_t> runs{0};     // id of the mm; 0: none
  std::atomic<std::uint64_t> flushes{0};  // of its gathers
  std::atomic<bool> in_call{false};       // between call_begin and call_end
  std::atomic<std::uint64_t> forks{0};    // id of the mm that it is copying; 0: none
};

class CpuStates {
 public:
  explicit CpuStates(unsigned cpus) : cpus_(cpus), states_(std::make_unique<CpuState[]>(cpus)) {}

  [[nodiscard]] unsigned cpus() const noexcept { return cpus_; }
  [[nodiscard]] CpuState& operator[](unsigned cpu) noexcept { return states_[cpu]; }

  void set_runs(unsigned cpu, std::uint64_t mm) noexcept {
    // Release: a flush that the switch made is seen by whoever sees the mm; pairs with the acquire
    // in for_each_running().
    states_[cpu].runs.store(mm, std::memory_order_release);
    // "Runs none" is visible before the CPU shows itself as lazy; pairs with smp_mb in
    // for_each_running(): a flusher that passed over a lazy CPU passes over its entries too.
    smp_mb();
  }
  // visit(cpu) for every CPU that runs the mm now. What it finds in that CPU's TLB then was not
  // flushed by anything that is complete.
  template <class Visit>
  void for_each_running(std::uint64_t mm, Visit visit) noexcept {
    smp_mb();  // what the caller knows before the states; pairs with smp_mb in set_runs()
    for (unsigned cpu = 0; cpu < cpus_; ++cpu)
      if (states_[cpu].runs.load(std::memory_order_acquire) == mm) visit(cpu);
  }
  // Asked with a page-table lock held: a fork that has had the lock is seen.
  [[nodiscard]] bool is_forked(std::uint64_t mm) const noexcept {
    for (unsigned cpu = 0; cpu < cpus_; ++cpu)
      if (states_[cpu].forks.load(std::memory_order_relaxed) == mm) return true;
    return false;
  }
  void reset() noexcept {
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
      states_[cpu].runs.store(0, std::memory_order_relaxed);
      states_[cpu].flushes.store(0, std::memory_order_relaxed);
      states_[cpu].in_call.store(false, std::memory_order_relaxed);
      states_[cpu].forks.store(0, std::memory_order_relaxed);
    }
  }

 private:
  unsigned cpus_;
  std::unique_ptr<CpuState[]> states_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
