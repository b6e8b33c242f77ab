// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/real/lock.h"

namespace tlblab::inline TLBLAB_WORLD {

bool RwSem::down_read_trylock() noexcept {
  int readers = state_.load(std::memory_order_relaxed);
  return readers >= 0 && writers_waiting_.load(std::memory_order_relaxed) == 0 &&
         state_.compare_exchange_strong(readers, readers + 1, std::memory_order_acquire,
                                        std::memory_order_relaxed);
}

void RwSem::down_read() noexcept {
  while (!down_read_trylock()) cpu_relax();
}

void RwSem::up_read() noexcept { state_.fetch_sub(1, std::memory_order_release); }

bool RwSem::down_write_trylock() noexcept {
  int free = 0;
  return state_.compare_exchange_strong(free, writer, std::memory_order_acquire,
                                        std::memory_order_relaxed);
}

void RwSem::down_write() noexcept {
  if (down_write_trylock()) return;
  writers_waiting_.fetch_add(1, std::memory_order_relaxed);
  while (!down_write_trylock()) cpu_relax();
  writers_waiting_.fetch_sub(1, std::memory_order_relaxed);
}

void RwSem::up_write() noexcept { state_.store(0, std::memory_order_release); }

void RwSem::downgrade_write() noexcept { state_.store(1, std::memory_order_release); }

}  // namespace tlblab::inline TLBLAB_WORLD
