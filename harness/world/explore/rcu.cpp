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
  if (engine.memory == nullptr) {
    while (!waiting.empty() && waiting.first->awaited == 0)
      grace_period_over(engine, *waiting.pop());
  } else {  // one that still looks holds up no other
    for (Queue<rcu_head> all = waiting.take(); !all.empty();)
      if (rcu_head* head = all.pop(); head->awaited == 0)
        grace_period_over(engine, *head);
      else
        waiting.push(head);
  }
  engine.sections_awaited = 0;
  for (const rcu_head* head = waiting.first; head != nullptr; head = head->next)
    engine.sections_awaited |= head->awaited;
}

// For a search the grace period looks at one CPU after the other, and ends when it has left those that
// were inside. Full: what came before is seen by every section that begins later.
void look_at_sections(Engine& engine, rcu_head& head) noexcept {
  constexpr CpuSet looking = cpu_bit(31);
  head.awaited = looking;
  engine.grace_periods.push(&head);
  for (unsigned id = 0; id < engine.nr_cpus; ++id)
    for (unsigned kind = 0; kind < 3; ++kind) {
      // What interrupts this is over.
      if (id == engine.running->id &&
          rank_of(static_cast<ActorKind>(kind)) > rank_of(engine.running->context))
        continue;
      engine.silent_step_when([] {}, [] {});
      const std::uint64_t& count = engine.cpus[id].sections[kind].count;
      const MemorySearch::Use use{engine.actor(), &count, order::full, count};
      head.began[id][kind] = engine.memory->modify(use, {.op = Modify::add, .o = order::full}).old;
      if ((head.began[id][kind] & 1) == 0) continue;
      head.awaited |= cpu_bit(id);
      engine.sections_awaited |= cpu_bit(id);
    }
  head.awaited &= ~looking;
}

void count_section(Engine& engine, std::uint64_t& count, order o) noexcept {
  count = engine.memory->count_section({engine.actor(), &count, o, count});
}

void enter_for_search(Engine& engine, Cpu& cpu) noexcept {
  if (engine.memory == nullptr) return;
  Cpu::Sections& own = cpu.sections[static_cast<unsigned>(cpu.context)];
  if (own.depth++ == 0) count_section(engine, own.count, order::acquire);
}
void leave_for_search(Engine& engine, Cpu& cpu) noexcept {
  if (engine.memory == nullptr) return;
  Cpu::Sections& own = cpu.sections[static_cast<unsigned>(cpu.context)];
  if (--own.depth == 0) count_section(engine, own.count, order::release);
}

void begin_grace_period(Engine& engine, rcu_head& head) noexcept {
  head.cpu = engine.running;
  engine.had_grace_period = true;
  engine.release(engine.grace_period_began);
  if (engine.memory != nullptr) {
    look_at_sections(engine, head);
  } else {
    head.awaited = engine.in_section;
    engine.grace_periods.push(&head);
  }
  end_grace_periods(engine);
}

}  // namespace

void sections_are_over(Engine& engine, const rcu_head& head) noexcept {
  if (engine.memory == nullptr) return;
  for (unsigned id = 0; id < engine.nr_cpus; ++id)
    for (unsigned kind = 0; kind < 3; ++kind) {
      const std::uint64_t began = head.began[id][kind];
      const std::uint64_t& count = engine.cpus[id].sections[kind].count;
      if ((began & 1) != 0)
        engine.memory->await({engine.actor(), &count, order::acquire, count}, began + 1, ~0ULL);
    }
}

void enter_section(Engine& engine, Cpu& cpu) noexcept {
  enter_for_search(engine, cpu);
  if (cpu.rcu_depth++ != 0) return;
  engine.in_section |= cpu_bit(cpu.id);
  if (engine.had_grace_period) engine.acquire(engine.grace_period_began);
}

void leave_section(Engine& engine, Cpu& cpu) noexcept {
  leave_for_search(engine, cpu);
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
  // The callback reads it: it comes after all that the grace period looked at.
  if (engine.memory == nullptr) return;
  engine.silent_step_when([] {}, [] {});
  engine.memory->store({engine.actor(), head, order::release, 0}, 1);
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
  const detail::OneUnit unit(engine);
  detail::sections_are_over(engine, waiter);
}

}  // namespace tlblab::inline TLBLAB_WORLD
