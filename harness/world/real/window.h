// SPDX-License-Identifier: GPL-2.0-or-later
// An access window: lookup, walk, A/D update and data access of one simulated access as a unit.
//
// Where invalidates arrive as interrupts (Tracked = false) nothing has to be done: the mailbox is
// not served inside a window, so an acknowledgement implies that none is open. Where another CPU
// removes entries by itself (Tracked = true) the window shows itself: the count is odd inside.
#pragma once

#include "harness/world/real/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

template <bool Tracked>
class access_window {
 public:
  access_window() noexcept {
    detail::poll();  // an interrupt comes before the access, never inside
    if constexpr (Tracked) {
      auto& count = detail::current->window;
      count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      // Open before the TLB is looked up; pairs with smp_mb in access_windows_wait: either the
      // waiter sees the window or the window sees the entry gone.
      smp_mb();
    }
  }
  ~access_window() {
    if constexpr (Tracked) {
      auto& count = detail::current->window;
      // Release: the access is done before the window is seen closed.
      count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
  }
  access_window(const access_window&) = delete;
  access_window& operator=(const access_window&) = delete;
};

// Waits until every tracked window of another CPU that is open now has ended. Does not wait for
// interrupts-off or RCU sections: that difference is what RCU table freeing exists for.
void access_windows_wait() noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
