// SPDX-License-Identifier: GPL-2.0-or-later
// RCU of the explore world. A CPU is inside a read-side section from the outermost rcu_read_lock()
// or local_irq_save() to its end; a handler is one section. A grace period begins at call_rcu() or
// synchronize_rcu() and is over when every CPU that was inside a section then has left it: a later
// section of such a CPU does not count, so the shortest legal grace period is what is explored.
//
// Callbacks run like the kernel's softirq: on the CPU that posted them, at a step with interrupts
// on, no spinlock held and no other callback running.
//
// Clocks. Whoever waited for a grace period acquires the end of each CPU's last section. A section
// that begins after a grace period did acquires what the updater had done before it.
#pragma once

#include <array>

#include "harness/world/explore/cpu.h"

namespace tlblab::inline TLBLAB_WORLD {

struct rcu_head {
  void (*func)(rcu_head*) = nullptr;  // null: a CPU stands in synchronize_rcu()
  rcu_head* next = nullptr;
  detail::Cpu* cpu = nullptr;
  detail::CpuSet awaited = 0;  // CPUs that have not left their section
  // For a search: the counts of Cpu::sections when the grace period began.
  std::array<std::array<std::uint64_t, 3>, max_searched_cpus> began{};
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
// No steps of their own: their callers made one.
void enter_section(Engine& engine, Cpu& cpu) noexcept;
void leave_section(Engine& engine, Cpu& cpu) noexcept;
// For a search: sections of all CPUs that a grace period waited for came before.
void sections_are_over(Engine& engine, const rcu_head& head) noexcept;
}  // namespace detail

}  // namespace tlblab::inline TLBLAB_WORLD
