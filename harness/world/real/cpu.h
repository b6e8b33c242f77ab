// SPDX-License-Identifier: GPL-2.0-or-later
// A simulated CPU of the real world: a thread and this structure.
//
// Interrupts. A cross call is a node put on the target's mailbox, as the kernel's call-single
// queue; nodes coalesce: only the one that finds the mailbox empty counts as an interrupt. The
// mailbox is served at poll points (before each simulated access, in cpu_relax, when interrupts
// come back on, at the outermost unlock, on return to user mode), and not while interrupts are
// off. Every sender owns one node per target; a node is free again when its `locked` word is 0.
// The target clears that word with a release and the sender waits with an acquire: this, and no
// more, is what an acknowledgement orders (arch/arch.h, row "acknowledgement").
//
// A CPU never blocks in the operating system: everything that waits loops over cpu_relax(), so a
// waiting CPU serves its own mailbox. With more CPUs than processors the loop also yields.
#pragma once

#include "harness/world/real/atomic.h"

namespace tlblab::inline TLBLAB_WORLD {

using ipi_fn = void (*)(void* info);

struct rcu_head;

namespace detail {

// Alone in its line: the target of one must not wait for the line because another one is written.
struct alignas(64) CallSingle {
  ipi_fn fn = nullptr;
  void* info = nullptr;
  CallSingle* next = nullptr;
  std::atomic<unsigned> locked{0};
};

struct alignas(128) Cpu {
  unsigned id = 0;
  unsigned irq_off = 0;     // depth of local_irq_save
  unsigned lock_depth = 0;  // spinlocks held
  bool oversubscribed = false;
  TraceSink* sink = nullptr;
  std::uint64_t choice_state = 0;  // 0: choose() answers 0
  std::uint64_t ipis_sent = 0;     // interrupts really sent, after coalescing
  std::uint64_t interrupts = 0;    // handler runs
  unsigned relaxes = 0;
  HeldMemory held;               // allocations less frees of this CPU; one CPU's may be negative
  std::uint64_t rcu_posted = 0;  // callbacks
  CallSingle* calls = nullptr;   // one node per target
  void** frames = nullptr;       // free ones kept at hand (real/memory.h)
  unsigned nr_frames = 0;
  alignas(128) std::atomic<CallSingle*> mailbox{nullptr};
  alignas(128) std::atomic<rcu_head*> rcu_done{nullptr};  // callbacks whose grace period is over
  std::atomic<std::uint64_t> rcu_returned{0};             // how many of rcu_posted came there
  alignas(128) std::atomic<std::uint64_t> window{0};      // odd: inside a tracked access window
  std::atomic<bool> mmu_taken{false};                     // by a remote_mmu
};

inline constinit thread_local Cpu* current = nullptr;
extern Cpu* cpus;  // of the running machine
extern unsigned nr_cpus;
extern bool tracked_windows;  // MachineOptions

void serve_mailbox(Cpu& cpu) noexcept;
void relax_slowly(Cpu& cpu) noexcept;

// Poll point. Only between two simulated accesses, never inside a window.
inline void poll() noexcept {
  Cpu& cpu = *current;
  if (cpu.mailbox.load(std::memory_order_relaxed) != nullptr && cpu.irq_off == 0) [[unlikely]]
    serve_mailbox(cpu);
}

}  // namespace detail

[[nodiscard]] inline unsigned smp_processor_id() noexcept { return detail::current->id; }
[[nodiscard]] inline unsigned nr_cpu_ids() noexcept { return detail::nr_cpus; }

// A simulated CPU is never taken from its thread, so there is nothing to do; mm says it anyway.
inline void preempt_disable() noexcept { compiler_barrier(); }
inline void preempt_enable() noexcept { compiler_barrier(); }

[[nodiscard]] inline bool irqs_disabled() noexcept { return detail::current->irq_off != 0; }
// Interrupts off is also a read-side section of RCU, so both take part in real/rcu.h.
void local_irq_save() noexcept;
void local_irq_restore() noexcept;

// Body of every waiting loop.
inline void cpu_relax() noexcept {
  detail::poll();
  detail::relax_slowly(*detail::current);
}

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

void cpu_event(CpuEvent event) noexcept;

// A freedom of the hardware: 0 <= result < n. Always 0 unless the machine was given a seed.
[[nodiscard]] unsigned choose(unsigned n) noexcept;

inline void charge(Cost) noexcept {}

[[nodiscard]] inline bool tracing() noexcept { return detail::current->sink != nullptr; }
inline void trace(EventKind kind,
                  std::uint64_t mm = 0,
                  std::uint64_t a = 0,
                  std::uint64_t b = 0,
                  std::uint64_t c = 0,
                  std::uint64_t d = 0) noexcept {
  detail::Cpu& cpu = *detail::current;
  if (cpu.sink != nullptr) [[unlikely]]
    cpu.sink->event({kind, cpu.id, mm, a, b, c, d});
}

[[noreturn]] void vm_bug(const char* what) noexcept;
// A broken invariant stops the program at once; `what` names the kind.
inline void vm_bug_on(bool broken, const char* what) noexcept {
  if (broken) [[unlikely]]
    vm_bug(what);
}

}  // namespace tlblab::inline TLBLAB_WORLD
