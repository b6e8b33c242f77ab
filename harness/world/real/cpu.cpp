// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/real/cpu.h"

#include <cstdio>
#include <cstdlib>

#include <sched.h>

#include "harness/world/real/rcu.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

namespace {

CallSingle* reversed(CallSingle* list) noexcept {
  CallSingle* result = nullptr;
  while (list != nullptr) {
    CallSingle* next = list->next;
    list->next = result;
    result = list;
    list = next;
  }
  return result;
}

void pause_instruction() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  compiler_barrier();
#endif
}

// True if this was the node that found the mailbox empty: then an interrupt is needed.
bool push(Cpu& target, CallSingle& call) noexcept {
  CallSingle* head = target.mailbox.load(std::memory_order_relaxed);
  do call.next = head;
  while (!target.mailbox.compare_exchange_weak(head, &call, std::memory_order_release,
                                               std::memory_order_relaxed));
  return head == nullptr;
}

// One interrupt: interrupts are off meanwhile.
void serve_calls(Cpu& cpu, CallSingle* list) noexcept {
  ++cpu.irq_off;
  rcu_read_lock();
  ++cpu.interrupts;
  for (CallSingle* call = reversed(list); call != nullptr;) {
    CallSingle* next = call->next;  // the sender may reuse the node once it is unlocked
    call->fn(call->info);
    // The acknowledgement. Pairs with the acquire in ipi_wait; without it the sender could free
    // what this CPU still reads (D20).
    call->locked.store(0, std::memory_order_release);
    call = next;
  }
  rcu_read_unlock();
  --cpu.irq_off;
}

}  // namespace

void serve_mailbox(Cpu& cpu) noexcept {
  // A loop and not the poll of local_irq_restore(): in a storm of calls that would nest for ever.
  do {
    // The newest call's line, to be written: it comes while the list is taken.
    __builtin_prefetch(cpu.mailbox.load(std::memory_order_relaxed), 1);
    serve_calls(cpu, cpu.mailbox.exchange(nullptr, std::memory_order_acquire));
  } while (cpu.mailbox.load(std::memory_order_relaxed) != nullptr);
}

void relax_slowly(Cpu& cpu) noexcept {
  constexpr unsigned patience = 1024;
  ++cpu.relaxes;
  if (cpu.oversubscribed ? cpu.relaxes % 16 == 0 : cpu.relaxes % patience == 0)
    sched_yield();
  else
    pause_instruction();
}

}  // namespace detail

void local_irq_save() noexcept {
  if (detail::current->irq_off++ == 0) rcu_read_lock();
}

void local_irq_restore() noexcept {
  detail::Cpu& cpu = *detail::current;
  if (--cpu.irq_off != 0) return;
  rcu_read_unlock();
  detail::poll();
}

ipi_ticket ipi_post(const cpumask& targets, ipi_fn fn, void* info) noexcept {
  detail::Cpu& self = *detail::current;
  vm_bug_on(self.irq_off != 0, "ipi_with_interrupts_off");
  targets.for_each([&](unsigned target) {
    detail::CallSingle& call = self.calls[target];
    // Still in use by an earlier post that nobody waited for.
    while (call.locked.load(std::memory_order_acquire) != 0) cpu_relax();
    call.fn = fn;
    call.info = info;
    call.locked.store(1, std::memory_order_relaxed);
    if (detail::push(detail::cpus[target], call)) ++self.ipis_sent;
  });
  return {targets};
}

void ipi_wait(const ipi_ticket& ticket) noexcept {
  detail::Cpu& self = *detail::current;
  ticket.targets.for_each([&](unsigned target) {
    while (self.calls[target].locked.load(std::memory_order_acquire) != 0) cpu_relax();
  });
}

void on_each_cpu_mask(const cpumask& mask, ipi_fn fn, void* info) noexcept {
  cpumask others = mask;
  const unsigned self = smp_processor_id();
  others.clear(self);
  const ipi_ticket ticket = ipi_post(others, fn, info);
  if (mask.test(self)) {
    local_irq_save();
    fn(info);
    local_irq_restore();
  }
  ipi_wait(ticket);
}

void cpu_event(CpuEvent event) noexcept {
  detail::poll();
  if (event != CpuEvent::context_switch && detail::current->lock_depth == 0)
    detail::rcu_run_callbacks(*detail::current);
}

unsigned choose(unsigned n) noexcept {
  std::uint64_t& state = detail::current->choice_state;
  if (state == 0) return 0;
  state ^= state << 13;  // xorshift64
  state ^= state >> 7;
  state ^= state << 17;
  return static_cast<unsigned>((state >> 32) * n >> 32);
}

void vm_bug(const char* what) noexcept {
  const detail::Cpu* cpu = detail::current;
  std::fprintf(stderr, "tlblab: broken invariant: %s (cpu %d)\n", what,
               cpu != nullptr ? static_cast<int>(cpu->id) : -1);
  std::abort();
}

}  // namespace tlblab::inline TLBLAB_WORLD
