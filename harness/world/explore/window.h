// SPDX-License-Identifier: GPL-2.0-or-later
// An access window: lookup, walk, A/D update and data access of one simulated access as a unit.
// Here it is one step: the CPU stands before it, and inside nothing yields. So whoever waits for
// open windows finds none; what it gets is the order: later than all windows before.
#pragma once

#include "harness/world/explore/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

template <bool Tracked>
class access_window {
 public:
  access_window() noexcept {
    detail::Engine& engine = detail::engine();
    engine.forbid_in_window("access_window_inside_another");
    engine.step_without_interrupts();
    engine.in_window = true;
    if (engine.memory == nullptr) return;
    // No interrupt comes inside; where they are off none could.
    engine.memory->window_begins(engine.actor());
    if (engine.running->irq_off == 0) detail::interrupts_go_off(engine);
  }
  ~access_window() {
    detail::Engine& engine = detail::engine();
    engine.in_window = false;
    if (engine.memory != nullptr) {
      if (engine.running->irq_off == 0) detail::interrupts_come_on(engine);
      engine.memory->window_ends(engine.actor());
    }
    if constexpr (Tracked) {
      // A release: the access is done before the window is seen closed.
      detail::Cpu& self = *engine.running;
      self.window.copy(self.clock, engine.nr_cpus);
      self.clock.tick(self.id);
    }
  }
  access_window(const access_window&) = delete;
  access_window& operator=(const access_window&) = delete;
};

// Waits until every tracked window of another CPU that is open now has ended. Does not wait for
// interrupts-off or RCU sections: that difference is what RCU table freeing exists for.
inline void access_windows_wait() noexcept {
  detail::Engine& engine = detail::engine();
  engine.step();
  smp_mb();  // entries gone before the windows are looked at, as in real
  for (unsigned id = 0; id < engine.nr_cpus; ++id) engine.acquire(engine.cpus[id].window);
}

}  // namespace tlblab::inline TLBLAB_WORLD
