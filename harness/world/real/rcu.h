// SPDX-License-Identifier: GPL-2.0-or-later
// RCU of the real world: liburcu (memb flavour) behind the kernel's names. liburcu's own headers
// rename these very identifiers with macros, so only real/rcu.cpp includes them.
//
// A read-side section is entered by rcu_read_lock and by switching interrupts off, as in the
// kernel since its flavours were merged. Callbacks run where the kernel's softirq would: on the
// CPU that posted them, on its way back to user mode or when idle, with no lock held.
#pragma once

#include "harness/world/real/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

struct rcu_head {
  alignas(void*) unsigned char library[2 * sizeof(void*)];  // liburcu's part
  void (*func)(rcu_head*) = nullptr;
  rcu_head* next = nullptr;
  detail::Cpu* cpu = nullptr;
};

void rcu_read_lock() noexcept;
void rcu_read_unlock() noexcept;
// func(head) runs on this CPU after a grace period. `head` stays the caller's until then.
void call_rcu(rcu_head* head, void (*func)(rcu_head*)) noexcept;
// Returns after a grace period. May not be called inside a read-side section or under a spinlock.
void synchronize_rcu() noexcept;

template <class T>
void rcu_assign_pointer(Atomic<T*>& slot, T* value) noexcept {
  slot.store(value, order::release);  // pairs with the dependency in rcu_dereference
}
template <class T>
T* rcu_dereference(const Atomic<T*>& slot) noexcept {
  T* object = slot.load(order::consume);
  return led_to(object, object);
}

namespace detail {
void rcu_register_thread() noexcept;
void rcu_unregister_thread() noexcept;
void rcu_run_callbacks(Cpu& cpu) noexcept;
// Runs callbacks until none that this CPU posted is outstanding. liburcu's own barrier would block
// in the operating system.
void rcu_drain(Cpu& cpu) noexcept;
}  // namespace detail

}  // namespace tlblab::inline TLBLAB_WORLD
