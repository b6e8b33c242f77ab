// SPDX-License-Identifier: GPL-2.0-or-later
// Who listens to what CPUs do at their visible steps: for a counterexample that is to be read, and
// for stopping in a debugger. Knows no world, as chooser.h; the hooks are in note.h. While nobody
// listens an operation costs one test of a pointer.
#pragma once

#include <cstdint>

#include "mm/types.h"

namespace tlblab {

enum class Operation : std::uint8_t {
  load,
  store,
  modify,          // a read-modify-write
  failed_cmpxchg,  // it only read
  lock,
  unlock,
  down_read,
  up_read,
  down_write,
  up_write,
  downgrade_write,
  irq_save,  // interrupts go off, and on
  irq_restore,
  ipi_post,     // value: the target
  ipi_wait,     // value: the targets, a bit each
  ipi_handler,  // the interrupt has come
  ipi_done,     // value: the sender, which is told
  rcu_read_lock,
  rcu_read_unlock,
  call_rcu,
  synchronize_rcu,
  rcu_callbacks,
  walk_ahead,  // of the hardware, unasked. value: the address
  evict,
  arrive,
};

struct OperationNote {
  Operation what{};
  unsigned cpu = 0;
  const void* word = nullptr;  // or lock; null: it has none
  std::uint64_t before = 0;    // of a signed word: with its sign
  std::uint64_t value = 0;     // of a word afterwards
  order o = order::relaxed;
  bool pointer = false;    // the word's values are addresses of this program
  bool in_window = false;  // part of an access window's step
};

class OperationListener {
 public:
  virtual ~OperationListener() = default;
  // Runs on the stack of the CPU, right before or after the operation; nobody has moved since. Words
  // are plain for it, as for a TraceSink.
  virtual void operation(const OperationNote& note) noexcept = 0;
};

inline constinit OperationListener* operation_listener = nullptr;

}  // namespace tlblab
