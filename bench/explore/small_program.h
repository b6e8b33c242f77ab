// SPDX-License-Identifier: GPL-2.0-or-later
// A small concurrent program: what the fuzzers of the explorer make up, what the explorer runs on
// simulated CPUs and what the reference (reference.h) enumerates by the axioms. Straight-line; a
// register is written once, by the operation that returns a value.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "mm/types.h"

namespace tlblab {

enum class OpKind : std::uint8_t {
  load,      // READ_ONCE, smp_load_acquire
  store,     // WRITE_ONCE, smp_store_release: `value`
  exchange,  // xchg: `value`
  add,       // atomic_fetch_add: `value`
  void_add,  // atomic_add: returns nothing, and its read is of no use to smp_rmb
  cmpxchg,   // `expected` to `value`; a failed one orders nothing
  await,     // a load that waits until it reads `value`
  mb,        // smp_mb, smp_rmb, smp_wmb
  rmb,
  wmb,
  lock,  // of spinlock `where`
  unlock,
  read_lock,  // RCU
  read_unlock,
  synchronize,  // synchronize_rcu
};

struct SmallOp {
  OpKind kind = OpKind::load;
  unsigned where = 0;  // location, or lock
  std::int64_t value = 0;
  std::int64_t expected = 0;  // cmpxchg
  order o = order::relaxed;   // full: as the kernel's value-returning atomics
  // Of an access: bit n is the thread's n-th value read. It depends on it, and is the same whatever
  // the value is: x + (r & 0), r ^ r, if (r == r).
  std::uint64_t address_from = 0, data_from = 0, control_from = 0;
  friend bool operator==(const SmallOp&, const SmallOp&) = default;
};

struct SmallProgram {
  unsigned locations = 0;  // all 0 at the beginning
  unsigned locks = 0;
  std::vector<std::vector<SmallOp>> threads;
};

// Values returned, thread by thread in program order, then the locations.
using FinalState = std::vector<std::int64_t>;
using FinalStates = std::set<FinalState>;

[[nodiscard]] constexpr bool returns_value(OpKind kind) noexcept {
  return kind == OpKind::load || kind == OpKind::exchange || kind == OpKind::add ||
         kind == OpKind::cmpxchg || kind == OpKind::await;
}

}  // namespace tlblab
