// SPDX-License-Identifier: GPL-2.0-or-later
// A simulated CPU of the explore world, as mm and arch see it: who it is, interrupts, waiting,
// the hardware's freedoms, events.
//
// Interrupts. As in real: a post puts a call on the target's mailbox, calls coalesce while it is
// not empty, the handler runs with interrupts off and takes all that is there, each call is
// acknowledged by a release. Each post to one target, the start of the handler and each
// acknowledgement are visible steps. An interrupt may be late: it is enabled from the post on, and
// comes when the chooser says so (also right after local_irq_restore(), or not until a good while
// later).
//
// Interrupts off. Switching them off and on is a visible step even if no interrupt waits: one may
// come to wait while the CPU stands there, and both ends are ends of an RCU read-side section.
#pragma once

#include "harness/world/explore/atomic.h"

namespace tlblab::inline TLBLAB_WORLD {

[[nodiscard]] inline unsigned smp_processor_id() noexcept { return detail::engine().running->id; }
[[nodiscard]] inline unsigned nr_cpu_ids() noexcept {
  return detail::machine == nullptr ? 0 : detail::machine->nr_cpus;
}

// A simulated CPU is never taken from its fiber, so there is nothing to do; mm says it anyway.
inline void preempt_disable() noexcept {}
inline void preempt_enable() noexcept {}

[[nodiscard]] inline bool irqs_disabled() noexcept {
  return detail::engine().running->irq_off != 0;
}
void local_irq_save() noexcept;
void local_irq_restore() noexcept;

// Body of every waiting loop. Returns when a word or lock was changed by another CPU, or a handler
// or callback has run on this one, since it last returned; so a loop that waits for a condition
// over shared words looks at it again after every change, and never in between. A loop that gives
// up after some number of rounds would be a deadlock here: let choose() decide that instead.
void cpu_relax() noexcept;

// Cross calls that were posted and not waited for yet. One at a time per CPU, as in the kernel.
struct ipi_ticket {
  cpumask targets;
};

// Runs fn(info) on each target in interrupt context. The caller may not be among the targets and
// must have interrupts on (else two CPUs could wait for each other for ever).
[[nodiscard]] ipi_ticket ipi_post(const cpumask& targets, ipi_fn fn, void* info) noexcept;
// Returns when every target has run it; later accesses of the caller are ordered after that.
void ipi_wait(const ipi_ticket& ticket) noexcept;
// On all of the mask, the caller included if it is in it; its own part runs while others work.
void on_each_cpu_mask(const cpumask& mask, ipi_fn fn, void* info) noexcept;

// A step, at which interrupts and callbacks may come as at any other.
void cpu_event(CpuEvent event) noexcept;

// A freedom of the hardware: 0 <= result < n. The chooser's; without one, as in real. No step: what
// was chosen is seen by others only through a later one.
[[nodiscard]] inline unsigned choose(unsigned n) noexcept {
  return detail::current == nullptr ? 0 : detail::current->choose(n);
}

inline void charge(Cost cost) noexcept {
  if (detail::current != nullptr)
    ++detail::current->running->charged[static_cast<std::size_t>(cost)];
}

[[nodiscard]] inline bool tracing() noexcept {
  return detail::current != nullptr && detail::current->running->sink != nullptr;
}
inline void trace(EventKind kind,
                  std::uint64_t mm = 0,
                  std::uint64_t a = 0,
                  std::uint64_t b = 0,
                  std::uint64_t c = 0,
                  std::uint64_t d = 0) noexcept {
  if (!tracing()) return;
  detail::Engine* engine = detail::current;
  const detail::Cpu& cpu = *engine->running;
  // For the listener words are plain, as outside of a run: what it reads is no step and orders
  // nothing.
  detail::current = nullptr;
  cpu.sink->event({kind, cpu.id, mm, a, b, c, d});
  detail::current = engine;
}

[[noreturn]] void vm_bug(const char* what) noexcept;
// A broken invariant ends the execution; `what` names the kind and becomes the result's violation.
inline void vm_bug_on(bool broken, const char* what) noexcept {
  if (broken) [[unlikely]]
    vm_bug(what);
}

}  // namespace tlblab::inline TLBLAB_WORLD
