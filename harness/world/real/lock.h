// SPDX-License-Identifier: GPL-2.0-or-later
// Locks of the real world. All of them are loops over cpu_relax(): a CPU that waits for a lock
// serves its mailbox, so a holder that waits for an acknowledgement from the waiter gets it. The
// outermost unlock is a poll point.
//
// Strength: acquire on lock, release on unlock, no more, as the kernel promises for all.
#pragma once

#include "harness/world/real/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

class Spinlock {
 public:
  void lock() noexcept {
    ++detail::current->lock_depth;
    while (!take())
      while (is_locked()) cpu_relax();
  }
  [[nodiscard]] bool trylock() noexcept {
    if (!take()) return false;
    ++detail::current->lock_depth;
    return true;
  }
  void unlock() noexcept {
    word_.store(0, std::memory_order_release);
    if (--detail::current->lock_depth == 0) detail::poll();
  }
  [[nodiscard]] bool is_locked() const noexcept {
    return word_.load(std::memory_order_relaxed) != 0;
  }

 private:
  bool take() noexcept {
    unsigned expected = 0;
    return word_.compare_exchange_strong(expected, 1, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  std::atomic<unsigned> word_{0};
};

// Many readers or one writer. A waiting writer holds off new readers, so it is not starved; a
// reader may therefore not take the lock a second time.
class RwSem {
 public:
  void down_read() noexcept;
  [[nodiscard]] bool down_read_trylock() noexcept;
  void up_read() noexcept;
  void down_write() noexcept;
  [[nodiscard]] bool down_write_trylock() noexcept;
  void up_write() noexcept;
  // From writer to reader without a moment in which another writer could come in.
  void downgrade_write() noexcept;
  [[nodiscard]] bool is_locked() const noexcept {
    return state_.load(std::memory_order_relaxed) != 0;
  }
  [[nodiscard]] bool is_write_locked() const noexcept {
    return state_.load(std::memory_order_relaxed) == writer;
  }

 private:
  static constexpr int writer = -1;
  std::atomic<int> state_{0};  // readers, or `writer`
  std::atomic<int> writers_waiting_{0};
};

}  // namespace tlblab::inline TLBLAB_WORLD
