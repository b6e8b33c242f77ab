// SPDX-License-Identifier: GPL-2.0-or-later
// An access window: lookup, walk, A/D update and data access of one simulated access as a unit.
// Here it is one step: the CPU stands before it, and inside nothing yields. So whoever waits for
// open windows finds none; what it gets is the order: later than all windows before.
#pragma once

#include "harness/world/explore/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {
// What was done with the MMU last comes before what is done now, and so on.
inline void take_mmu(Engine& engine, const Cpu& cpu) noexcept { engine.acquire(cpu.mmu); }
inline void give_mmu(Engine& engine, Cpu& cpu) noexcept { engine.release(cpu.mmu); }
}  // namespace detail

template <bool Tracked>
class access_window {
 public:
  access_window() noexcept {
    detail::Engine& engine = detail::engine();
    engine.step_before_window();
    engine.in_window = true;
    if (Tracked && engine.tracked_windows) detail::take_mmu(engine, *engine.running);
    if (engine.memory == nullptr) return;
    // No interrupt comes inside; where they are off none could. Nor does the hardware by itself.
    engine.memory->window_begins(engine.actor());
    if (engine.running->irq_off == 0) detail::interrupts_go_off(engine);
    detail::begins_translating(engine);
  }
  ~access_window() {
    detail::Engine& engine = detail::engine();
    engine.in_window = false;
    if (engine.memory != nullptr) {
      detail::ends_translating(engine);
      if (engine.running->irq_off == 0) detail::interrupts_come_on(engine);
      engine.memory->window_ends(engine.actor());
    }
    if (Tracked && engine.tracked_windows) detail::give_mmu(engine, *engine.running);
  }
  access_window(const access_window&) = delete;
  access_window& operator=(const access_window&) = delete;
};

// The MMU of a CPU, this one or another, for the caller alone: no tracked window of that CPU is open
// meanwhile, and those that were have ended. Not from inside a window; nothing may wait in it. Does not
// wait for interrupts-off or RCU sections.
class remote_mmu {
 public:
  explicit remote_mmu(unsigned cpu) noexcept : cpu_(detail::engine().cpus[cpu]) {
    detail::Engine& engine = detail::engine();
    engine.step_before_mmu(cpu);
    engine.in_window = true;
    detail::take_mmu(engine, cpu_);
    if (engine.memory == nullptr) return;
    engine.memory->window_begins(engine.actor());
    engine.memory->implied_lock(engine.actor(), &cpu_.translates);
  }
  ~remote_mmu() {
    detail::Engine& engine = detail::engine();
    engine.in_window = false;
    if (engine.memory != nullptr) {
      engine.memory->implied_unlock(engine.actor(), &cpu_.translates);
      engine.memory->window_ends(engine.actor());
    }
    detail::give_mmu(engine, cpu_);
  }
  remote_mmu(const remote_mmu&) = delete;
  remote_mmu& operator=(const remote_mmu&) = delete;

 private:
  detail::Cpu& cpu_;
};

// Whether a broadcast invalidate may reach a CPU before it is waited for: then who issues it says so to
// each MMU, and hardware_acts.h lets it arrive.
inline bool invalidates_arrive_early() noexcept {
  const HardwareActs& acts = detail::engine().acts;
  return acts.has(acts.arrive);
}

// Waits until every tracked window of another CPU that is open now has ended. Does not wait for
// interrupts-off or RCU sections: that difference is what RCU table freeing exists for.
inline void access_windows_wait() noexcept {
  detail::Engine& engine = detail::engine();
  engine.step();
  smp_mb();  // entries gone before the windows are looked at, as in real
  for (unsigned id = 0; id < engine.nr_cpus; ++id) engine.acquire(engine.cpus[id].mmu);
}

}  // namespace tlblab::inline TLBLAB_WORLD
