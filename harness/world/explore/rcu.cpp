// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/rcu.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

namespace {

void grace_period_over(Engine& engine, rcu_head& head) noexcept {
  Cpu& cpu = *head.cpu;
  for (unsigned other = 0; other < engine.nr_cpus; ++other)
    cpu.grace_periods.join(engine.cpus[other].section, engine.nr_cpus);
  if (head.func == nullptr) {
    head.cpu = nullptr;
    if (cpu.awaits_grace_period) engine.enable(cpu_bit(cpu.id));
    return;
  }
  cpu.callbacks.push(&head);
  engine.update_callbacks(cpu);
}

// They end in the order in which they began: who holds up an older one and not a newer one would
// have left the section between the two, and so not hold up the older one either.
void end_grace_periods(Engine& engine) noexcept {
  Queue<rcu_head>& waiting = engine.grace_periods;
  while (!waiting.empty() && waiting.first->awaited == 0) grace_period_over(engine, *waiting.pop());
  engine.sections_awaited = 0;
  for (const rcu_head* head = waiting.first; head != nullptr; head = head->next)
    engine.sections_awaited |= head->awaited;
}

void begin_grace_period(Engine& engine, rcu_head& head) noexcept {
  head.cpu = engine.running;
  head.awaited = engine.in_section;
  engine.had_grace_period = true;
  engine.release(engine.grace_period_began);
  engine.grace_periods.push(&head);
  end_grace_periods(engine);
}

}  // namespace

void enter_section(Engine& engine, Cpu& cpu) noexcept {
  if (cpu.rcu_depth++ != 0) return;
  engine.in_section |= cpu_bit(cpu.id);
  if (engine.had_grace_period) engine.acquire(engine.grace_period_began);
}

void leave_section(Engine& engine, Cpu& cpu) noexcept {
  if (--cpu.rcu_depth != 0) return;
  cpu.section.copy(cpu.clock, engine.nr_cpus);
  cpu.clock.tick(cpu.id);
  engine.in_section &= ~cpu_bit(cpu.id);
  if ((engine.sections_awaited & cpu_bit(cpu.id)) == 0) return;
  for (rcu_head* head = engine.grace_periods.first; head != nullptr; head = head->next)
    head->awaited &= ~cpu_bit(cpu.id);
  end_grace_periods(engine);
}

}  // namespace detail

void rcu_read_lock() noexcept {
  detail::Engine& engine = detail::engine();
  if (engine.running->rcu_depth == 0) {
    engine.step();
    detail::note(engine, Operation::rcu_read_lock);
  }
  detail::enter_section(engine, *engine.running);
}

void rcu_read_unlock() noexcept {
  detail::Engine& engine = detail::engine();
  detail::Cpu& self = *engine.running;
  const unsigned others = self.irq_off != 0 ? 1 : 0;  // sections not made by rcu_read_lock()
  engine.end_if(self.rcu_depth <= others, "rcu_read_unlock_without_lock");
  if (self.rcu_depth == 1) {
    engine.step();
    detail::note(engine, Operation::rcu_read_unlock);
  }
  detail::leave_section(engine, self);
}

void call_rcu(rcu_head* head, void (*func)(rcu_head*)) noexcept {
  detail::Engine& engine = detail::engine();
  engine.step();
  detail::note(engine, Operation::call_rcu);
  head->func = func;
  detail::begin_grace_period(engine, *head);
}

void synchronize_rcu() noexcept {
  detail::Engine& engine = detail::engine();
  detail::Cpu& self = *engine.running;
  engine.end_if(self.rcu_depth != 0 || self.lock_depth != 0 || self.in_callbacks,
                "synchronize_rcu_in_atomic_section");
  engine.step();
  rcu_head waiter;
  detail::begin_grace_period(engine, waiter);
  engine.step_when(
      [&] {
        self.awaits_grace_period = true;
        if (waiter.cpu != nullptr) engine.disable(detail::cpu_bit(self.id));
      },
      [&] { self.awaits_grace_period = false; });
  detail::note(engine, Operation::synchronize_rcu);
  engine.acquire(self.grace_periods);
}

}  // namespace tlblab::inline TLBLAB_WORLD
