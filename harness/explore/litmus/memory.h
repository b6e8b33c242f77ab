// SPDX-License-Identifier: GPL-2.0-or-later
// What a process of a litmus test needs of the machine that it runs on. The explorer implements it
// over its Atomics and locks, the tests by a plain interleaver.
#pragma once

#include <cstdint>

#include "harness/explore/litmus/value.h"

namespace tlblab {

// A set of the loads that one process has done: bit n is the load number n.
using LoadSet = std::uint64_t;
inline constexpr unsigned max_litmus_loads = 64;  // of one process

// The orders of linux-kernel.def.
enum class AccessOrder : std::uint8_t {
  plain,     // *x = 1, r0 = *x
  once,      // READ_ONCE, xchg_relaxed
  acquire,   // a failed cmpxchg of whatever order is `once`
  release,   //
  full,      // an RMW that returns a value and names no order: smp_mb on both sides
  noreturn,  // atomic_inc: its read is of no use to smp_rmb, acquire and others
};

enum class FenceKind : std::uint8_t {
  mb,
  rmb,
  wmb,
  before_atomic,      // smp_mb__before_atomic
  after_atomic,       // smp_mb__after_atomic
  after_spinlock,     // smp_mb__after_spinlock
  after_unlock_lock,  // smp_mb__after_unlock_lock
};

enum class RmwKind : std::uint8_t {
  exchange,          // to the operand
  add,               // the operand; wraps around
  compare_exchange,  // if it is `expected`: to the operand
  add_unless,        // unless it is `expected`: add the operand. Returns the old value
};

// What an access depends on. `address` and `data` (the latter of stores and RMWs) are the loads of
// this process from which the address and the value to be stored were computed, through registers
// and through locations where this process read its own store back.
// `control`: the loads on which it depends whether the access is made, being in an arm of an `if`; what
// stands behind the arms is not meant. They order a load before stores only, and mode B, the `weak`
// model, keeps every load before every later store anyway: load_buffering.h asks.
struct LitmusAccess {
  unsigned location = 0;  // never a lock's
  AccessOrder order = AccessOrder::once;
  LoadSet address = 0;
  LoadSet data = 0;
  LoadSet control = 0;
  unsigned load = 0;  // load, rmw: its number among this process's loads, for later LoadSets
};

struct LitmusLoaded {
  LitmusValue value = 0;
  // The store that was read is this very process's. Then the value carries on what that store
  // depended on (LKMM's carry-dep).
  bool own = false;
};

// Called by one process. Each call is one step of the program order; it returns when the step has
// been taken. `location` of the lock calls is a lock's.
class LitmusMemory {
 public:
  LitmusMemory() = default;
  LitmusMemory(const LitmusMemory&) = delete;
  LitmusMemory& operator=(const LitmusMemory&) = delete;
  virtual ~LitmusMemory() = default;

  virtual LitmusLoaded load(const LitmusAccess& access) = 0;              // plain, once, acquire
  virtual void store(const LitmusAccess& access, LitmusValue value) = 0;  // plain, once, release
  // Returns what was there before. All orders but plain.
  virtual LitmusLoaded rmw(const LitmusAccess& access,
                           RmwKind kind,
                           LitmusValue operand,
                           LitmusValue expected) = 0;
  virtual void fence(FenceKind kind) = 0;
  virtual void spin_lock(unsigned location) = 0;
  virtual void spin_unlock(unsigned location) = 0;
  virtual bool spin_trylock(unsigned location) = 0;
  virtual bool spin_is_locked(unsigned location) = 0;
  virtual void rcu_read_lock() = 0;
  virtual void rcu_read_unlock() = 0;
  virtual void synchronize_rcu() = 0;
};

}  // namespace tlblab
