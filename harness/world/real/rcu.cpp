// SPDX-License-Identifier: GPL-2.0-or-later
// The only file that sees liburcu: its headers turn rcu_read_lock and its kin into macros, so they
// come after ours and every use below is by the flavour's own name.
#include "harness/world/real/rcu.h"

#include <new>

#include <urcu/urcu-memb.h>
#undef rcu_read_lock
#undef rcu_read_unlock
#undef call_rcu
#undef synchronize_rcu
#undef rcu_dereference
#undef rcu_assign_pointer

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using LibraryHead = ::rcu_head;
static_assert(sizeof(rcu_head::library) >= sizeof(LibraryHead));

// liburcu 0.13 has no annotations for ThreadSanitizer. What it orders is said here: a reader's
// section before a callback of a later grace period, and the poster before its callback.
#if defined(__SANITIZE_THREAD__)
char sections_ended;
void tsan_release(void* address) noexcept { __tsan_release(address); }
void tsan_acquire(void* address) noexcept { __tsan_acquire(address); }
void section_ended() noexcept { __tsan_release(&sections_ended); }
void grace_period_over() noexcept { __tsan_acquire(&sections_ended); }
#else
void tsan_release(void*) noexcept {}
void tsan_acquire(void*) noexcept {}
void section_ended() noexcept {}
void grace_period_over() noexcept {}
#endif

// On liburcu's own thread: only hands the head back to the CPU that posted it.
void hand_back(LibraryHead* library) noexcept {
  auto* head = reinterpret_cast<rcu_head*>(library);
  tsan_acquire(head);
  grace_period_over();
  detail::Cpu& cpu = *head->cpu;  // once it is on the list the head is its owner's again
  std::atomic<rcu_head*>& done = cpu.rcu_done;
  rcu_head* first = done.load(std::memory_order_relaxed);
  do head->next = first;
  while (!done.compare_exchange_weak(first, head, std::memory_order_release,
                                     std::memory_order_relaxed));
  // Last, and release: after it the machine may end. Pairs with the acquire in rcu_drain.
  cpu.rcu_returned.fetch_add(1, std::memory_order_release);
}

rcu_head* reversed(rcu_head* list) noexcept {
  rcu_head* result = nullptr;
  while (list != nullptr) {
    rcu_head* next = list->next;
    list->next = result;
    result = list;
    list = next;
  }
  return result;
}

struct Waiter {
  rcu_head head;
  std::atomic<bool> over{false};
};

}  // namespace

void rcu_read_lock() noexcept { urcu_memb_read_lock(); }

void rcu_read_unlock() noexcept {
  section_ended();
  urcu_memb_read_unlock();
}

void call_rcu(rcu_head* head, void (*func)(rcu_head*)) noexcept {
  head->func = func;
  head->cpu = detail::current;
  ++detail::current->rcu_posted;
  tsan_release(head);
  urcu_memb_call_rcu(new (head->library) LibraryHead, hand_back);
}

// liburcu's own wait would block this CPU in the operating system with its mailbox unserved.
void synchronize_rcu() noexcept {
  vm_bug_on(detail::current->irq_off != 0 || detail::current->lock_depth != 0,
            "synchronize_rcu_in_atomic_section");
  Waiter waiter;
  call_rcu(&waiter.head, [](rcu_head* head) {
    reinterpret_cast<Waiter*>(head)->over.store(true, std::memory_order_release);
  });
  while (!waiter.over.load(std::memory_order_acquire)) {
    cpu_relax();
    detail::rcu_run_callbacks(*detail::current);
  }
}

namespace detail {

void rcu_register_thread() noexcept { urcu_memb_register_thread(); }
void rcu_unregister_thread() noexcept { urcu_memb_unregister_thread(); }

void rcu_run_callbacks(Cpu& cpu) noexcept {
  if (cpu.rcu_done.load(std::memory_order_relaxed) == nullptr) return;
  rcu_head* list = reversed(cpu.rcu_done.exchange(nullptr, std::memory_order_acquire));
  while (list != nullptr) {
    rcu_head* next = list->next;
    list->func(list);
    list = next;
  }
}

void rcu_drain(Cpu& cpu) noexcept {
  while (cpu.rcu_returned.load(std::memory_order_acquire) != cpu.rcu_posted ||
         cpu.rcu_done.load(std::memory_order_relaxed) != nullptr) {
    cpu_relax();
    rcu_run_callbacks(cpu);
  }
}

}  // namespace detail

}  // namespace tlblab::inline TLBLAB_WORLD
