// SPDX-License-Identifier: GPL-2.0-or-later
// An access window: lookup, walk, A/D update and data access of one simulated access as a unit.
//
// Where invalidates arrive as interrupts (Tracked = false) nothing has to be done: the mailbox is
// not served inside a window, so an acknowledgement implies that none is open. Where another CPU
// removes entries by itself (Tracked = true) the window shows itself: the count is odd inside. And it
// gives way to who has taken the MMU.
#pragma once

#include "harness/world/real/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {
// The MMU is taken: steps back from the window, and returns when it may be tried again.
void give_way(Cpu& cpu) noexcept;

inline void open_window(Cpu& cpu) noexcept {
  for (;;) {
    cpu.window.store(cpu.window.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    // Open before the TLB is looked up; pairs with smp_mb in remote_mmu and access_windows_wait: either
    // they see the window or the window sees the MMU taken, or the entry gone.
    smp_mb();
    // Acquire: what was done to the MMU; pairs with the release in ~remote_mmu.
    if (!cpu.mmu_taken.load(std::memory_order_acquire)) [[likely]]
      return;
    give_way(cpu);
  }
}
inline void close_window(Cpu& cpu) noexcept {
  // Release: the access is done before the window is seen closed.
  cpu.window.store(cpu.window.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}
}  // namespace detail

template <bool Tracked>
class access_window {
 public:
  access_window() noexcept {
    detail::poll();  // an interrupt comes before the access, never inside
    if constexpr (Tracked)
      if (detail::tracked_windows) detail::open_window(*detail::current);
  }
  ~access_window() {
    if constexpr (Tracked)
      if (detail::tracked_windows) detail::close_window(*detail::current);
  }
  access_window(const access_window&) = delete;
  access_window& operator=(const access_window&) = delete;
};

// The MMU of a CPU, this one or another, for the caller alone: no tracked window of that CPU is open
// meanwhile, and those that were have ended. Not from inside a window; nothing may wait in it. Does not
// wait for interrupts-off or RCU sections.
class remote_mmu {
 public:
  explicit remote_mmu(unsigned cpu) noexcept;
  ~remote_mmu();
  remote_mmu(const remote_mmu&) = delete;
  remote_mmu& operator=(const remote_mmu&) = delete;

 private:
  detail::Cpu& cpu_;
};

// They are all there when they are waited for: nobody could tell.
constexpr bool invalidates_arrive_early() noexcept { return false; }

// Waits until every tracked window of another CPU that is open now has ended. Does not wait for
// interrupts-off or RCU sections: that difference is what RCU table freeing exists for.
void access_windows_wait() noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
