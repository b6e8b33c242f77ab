// SPDX-License-Identifier: GPL-2.0-or-later
// Locks of the explore world. Taking and releasing one are steps; a CPU that wants a lock which is
// taken is not enabled until it is free. Several may then want it, and the chooser says who gets
// it: there is no queue, so no order is missed.
//
// A lock knows its owner. Taking a spinlock twice, releasing another's, sleeping where the kernel
// may not sleep end the execution with the name of the mistake.
#pragma once

#include "harness/world/explore/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

class Spinlock {
 public:
  constexpr Spinlock() noexcept = default;
  Spinlock(const Spinlock&) = delete;
  Spinlock& operator=(const Spinlock&) = delete;
  void lock() noexcept;
  [[nodiscard]] bool trylock() noexcept;
  void unlock() noexcept;
  [[nodiscard]] bool is_locked() const noexcept;

 private:
  void taken(detail::Engine& engine) noexcept;

  unsigned owner_ = 0;         // CPU + 1; 0: free
  detail::CpuSet wanted_ = 0;  // CPUs that stand before lock()
};

// Many readers or one writer. A waiting writer holds off new readers, so it is not starved; a
// reader may therefore not take the lock a second time.
class RwSem {
 public:
  constexpr RwSem() noexcept = default;
  RwSem(const RwSem&) = delete;
  RwSem& operator=(const RwSem&) = delete;
  void down_read() noexcept;
  [[nodiscard]] bool down_read_trylock() noexcept;
  void up_read() noexcept;
  void down_write() noexcept;
  [[nodiscard]] bool down_write_trylock() noexcept;
  void up_write() noexcept;
  // From writer to reader without a moment in which another writer could come in.
  void downgrade_write() noexcept;
  [[nodiscard]] bool is_locked() const noexcept;
  [[nodiscard]] bool is_write_locked() const noexcept;

 private:
  [[nodiscard]] bool readable() const noexcept { return writer_ == 0 && writers_waiting_ == 0; }
  [[nodiscard]] bool is_free() const noexcept { return writer_ == 0 && readers_ == 0; }
  void take_read(detail::Engine& engine) noexcept;
  void take_write(detail::Engine& engine) noexcept;
  void took_read(detail::Engine& engine) noexcept;
  void took_write(detail::Engine& engine) noexcept;
  void tell_search(detail::Engine& engine, MemorySearch::Section what) noexcept;
  void waits_for_search(detail::Engine& engine, MemorySearch::Section what) noexcept;
  [[nodiscard]] bool can_try(detail::Engine& engine, MemorySearch::Section what, bool can) noexcept;
  void state_changed(detail::Engine& engine) noexcept;
  static void must_be_able_to_sleep(detail::Engine& engine) noexcept;

  unsigned writer_ = 0;  // CPU + 1; 0: none
  unsigned readers_ = 0;
  unsigned writers_waiting_ = 0;
  detail::CpuSet want_read_ = 0;   // CPUs that stand before down_read()
  detail::CpuSet want_write_ = 0;  // CPUs that wait in down_write()
};

}  // namespace tlblab::inline TLBLAB_WORLD
