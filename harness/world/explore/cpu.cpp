// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/cpu.h"

#include <cstdio>
#include <cstdlib>

#include "harness/world/explore/rcu.h"

namespace tlblab::inline TLBLAB_WORLD {

using detail::cpu_bit;
using detail::CpuSet;

namespace {

void wait_for_acknowledgements(detail::Engine& engine, CpuSet targets) noexcept {
  detail::Cpu& self = *engine.running;
  engine.step_when(
      [&] {
        self.awaited = targets;
        if ((self.unacknowledged & targets) != 0) engine.disable(cpu_bit(self.id));
      },
      [&] { self.awaited = 0; });
}

// Full: what posts by a locked instruction orders all that came before it.
void post_for_search(detail::Engine& engine,
                     detail::CallSingle& call,
                     detail::Cpu& target) noexcept {
  if (engine.memory == nullptr) return;
  const unsigned actor = engine.actor();
  const detail::OneUnit unit(engine);
  call.pending = engine.memory->store({actor, &call.pending, order::relaxed, call.pending}, 1);
  target.posted =
      engine.memory
          ->modify({actor, &target.posted, order::full, target.posted},
                   {.op = Modify::bit_or, .o = order::full, .operand = cpu_bit(call.sender)})
          .after;
}

// One after the other, since each is an event of its own.
void await_for_search(detail::Engine& engine, unsigned target) noexcept {
  detail::Cpu& self = *engine.running;
  const CpuSet bit = cpu_bit(target);
  engine.silent_step_when(
      [&] {
        self.awaited = bit;
        if ((self.unacknowledged & bit) != 0) engine.disable(cpu_bit(self.id));
      },
      [&] { self.awaited = 0; });
  const std::uint64_t& pending =
      engine.calls[std::size_t{self.id} * engine.nr_cpus + target].pending;
  engine.memory->await({engine.actor(), &pending, order::acquire, pending}, 0, 0);
}

}  // namespace

void local_irq_save() noexcept {
  detail::Engine& engine = detail::engine();
  detail::Cpu& self = *engine.running;
  if (self.irq_off == 0) engine.step_without_interrupts();
  if (++self.irq_off != 1) return;
  detail::note(engine, Operation::irq_save);
  const detail::OneUnit unit(engine);
  detail::interrupts_go_off(engine);
  detail::enter_section(engine, self);
  engine.update_both(self);
}

void local_irq_restore() noexcept {
  detail::Engine& engine = detail::engine();
  detail::Cpu& self = *engine.running;
  engine.end_if(self.irq_off == 0, "interrupts_restored_twice");
  if (self.irq_off == 1) engine.step();
  if (--self.irq_off != 0) return;
  detail::note(engine, Operation::irq_restore);
  {
    const detail::OneUnit unit(engine);
    detail::leave_section(engine, self);
    detail::interrupts_come_on(engine);
  }
  engine.update_both(self);
}

// The first call of a loop finds an old mark and may return for nothing; the second then waits.
[[gnu::noinline]] void cpu_relax() noexcept {
  detail::Engine& engine = detail::engine();
  detail::WaitContext& wait = engine.running->wait;
  const CpuSet self = cpu_bit(engine.running->id);
  const auto by_others = [&] { return engine.changes - wait.own_changes; };
  if (engine.memory != nullptr) engine.memory->relax(engine.actor(), __builtin_return_address(0));
  engine.step_or_interrupt(
      [&] {
        if (by_others() != wait.seen) return;
        engine.relaxing |= self;
        engine.disable(self);
      },
      [&] { engine.relaxing &= ~self; });
  wait.seen = by_others();
}

ipi_ticket ipi_post(const cpumask& targets, ipi_fn fn, void* info) noexcept {
  detail::Engine& engine = detail::engine();
  detail::Cpu& self = *engine.running;
  engine.end_if(self.irq_off != 0, "ipi_with_interrupts_off");
  engine.end_if(targets.test(self.id), "ipi_to_self");
  targets.for_each([&](unsigned target) {
    engine.end_if(target >= engine.nr_cpus, "ipi_to_absent_cpu");
    wait_for_acknowledgements(engine, cpu_bit(target));  // of an earlier post
    detail::note(engine, Operation::ipi_post, nullptr, target);
    detail::CallSingle& call = engine.calls[std::size_t{self.id} * engine.nr_cpus + target];
    call.fn = fn;
    call.info = info;
    call.clock.copy(self.clock, engine.nr_cpus);
    self.clock.tick(self.id);
    self.unacknowledged |= cpu_bit(target);
    detail::Cpu& other = engine.cpus[target];
    post_for_search(engine, call, other);
    if (other.mailbox.empty()) ++self.ipis_sent;
    other.mailbox.push(&call);
    engine.update_interrupt(other);
  });
  return {targets};
}

void ipi_wait(const ipi_ticket& ticket) noexcept {
  detail::Engine& engine = detail::engine();
  const auto targets = static_cast<CpuSet>(ticket.targets.word(0));
  if (targets == 0) return;
  if (engine.memory != nullptr)
    ticket.targets.for_each([&](unsigned target) { await_for_search(engine, target); });
  wait_for_acknowledgements(engine, targets);
  detail::note(engine, Operation::ipi_wait, nullptr, targets);
  const std::size_t first = std::size_t{engine.running->id} * engine.nr_cpus;
  ticket.targets.for_each(
      [&](unsigned target) { engine.acquire(engine.calls[first + target].clock); });
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

void cpu_event(CpuEvent) noexcept { detail::engine().step(); }

void vm_bug(const char* what) noexcept {
  if (detail::current != nullptr) detail::current->end(what);
  std::fprintf(stderr, "tlblab: broken invariant: %s (no cpu)\n", what);
  std::abort();
}

}  // namespace tlblab::inline TLBLAB_WORLD
