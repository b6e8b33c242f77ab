// SPDX-License-Identifier: GPL-2.0-or-later
// A machine with mm, a backend and the oracles on it; CPUs that take turns; and the backends with
// one planted bug each.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "arch/x86/x86.h"
#include "harness/instances/mm_entry.h"
#include "harness/oracle/kinds.h"
#include "harness/oracle/oracles.h"

namespace tlblab::inline TLBLAB_WORLD {

inline constexpr vaddr_t arena_start = 1ULL << 30;
inline constexpr TlbGeometry small_tlb{.sets = 4,
                                       .ways = 2,
                                       .huge_sets = 1,
                                       .huge_ways = 1,
                                       .giant_sets = 1,
                                       .giant_ways = 1,
                                       .walk_entries = 4,
                                       .front = 4};

// Power on, run, power off. What is between on and off is one memory.
template <class A>
class Rig {
 public:
  Rig(const MachineOptions& options, const TlbGeometry& tlb, std::uint64_t frames)
      : machine_(options), oracles_(oracle_table<A>(options.cpus)), tlb_(tlb), frames_(frames) {}

  // body(cpu) on every CPU, with mm() there and used by none.
  template <class Body>
  void run(const struct fixes& fixes, Body body, bool listen = true) {
    machine_.run([&](unsigned cpu) {
      if (cpu == 0) vm_bug_on(!mem_init(frames_) || !A::hardware_init(tlb_), "no_memory");
    });
    for (unsigned cpu = 0; listen && cpu < machine_.cpus(); ++cpu)
      machine_.attach(cpu, oracles_.sink(cpu));
    machine_.run([&](unsigned cpu) {
      if (cpu != 0) return;
      mm_ = mm_alloc<A>(3);
      mm_->fixes = fixes;
    });
    machine_.run(body);
    machine_.run([&](unsigned cpu) {
      if (cpu == 0) mmput<A>(*mm_);
    });
    oracles_.finish();
    for (unsigned cpu = 0; cpu < machine_.cpus(); ++cpu) machine_.attach(cpu, nullptr);
    machine_.run([&](unsigned cpu) {
      if (cpu != 0) return;
      vm_bug_on(frames_in_use() != 0, "frames_left_at_the_end");
      A::hardware_exit();
      mem_exit();
    });
  }

  [[nodiscard]] mm_struct& mm() noexcept { return *mm_; }
  [[nodiscard]] Machine& machine() noexcept { return machine_; }
  [[nodiscard]] Oracles& oracles() noexcept { return oracles_; }
  [[nodiscard]] std::set<std::string> kinds() const {
    std::set<std::string> found;
    for (const Violation& seen : oracles_.examples()) found.insert(seen.kind);
    return found;
  }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const Violation& seen : oracles_.examples()) all += seen.kind + ": " + seen.text + "\n";
    return all;
  }

 private:
  Machine machine_;
  Oracles oracles_;
  TlbGeometry tlb_;
  std::uint64_t frames_;
  mm_struct* mm_ = nullptr;
};

// A script over several CPUs: turn(n) waits until the turns before it are over, then makes the next
// one possible at its end.
class Turns {
 public:
  template <class Act>
  void turn(unsigned n, Act act) noexcept {
    wait_for(n);
    act();
    now_.store(n + 1, order::release);  // pairs with the acquire in wait_for
  }
  void wait_for(unsigned n) noexcept {
    while (now_.load(order::acquire) != n) cpu_relax();
  }
  [[nodiscard]] bool reached(unsigned n) const noexcept { return now_.load(order::acquire) >= n; }
  // For the middle of another turn.
  void next() noexcept { now_.fetch_add(1, order::full); }

 private:
  Atomic<unsigned> now_{0};
};

// ---- backends with one bug ------------------------------------------------------------------------

struct forgets_flush : x86 {
  static void tlb_flush(gather_range&) noexcept {}
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<forgets_flush>(tlb, start, end, force);
  }
};

// Not a bug: one CPU is slow to flush. The script goes on meanwhile.
struct stalls_before_flush : x86 {
  static inline Turns* script = nullptr;
  static inline unsigned slow_cpu = 0, until = 0;
  static void wait_for_script() noexcept {
    if (smp_processor_id() != slow_cpu || script == nullptr) return;
    script->next();
    script->wait_for(until);
    script = nullptr;
  }
  static void stall(Turns& turns, unsigned cpu, unsigned until_turn) noexcept {
    script = &turns;
    slow_cpu = cpu;
    until = until_turn;
  }
  static void tlb_flush(gather_range& tlb) noexcept {
    wait_for_script();
    x86::tlb_flush(tlb);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<stalls_before_flush>(tlb, start, end, force);
  }
};

// Is not pending any more while it flushes.
struct decrements_early : stalls_before_flush {
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    tlb.mm->tlb_flush_pending.fetch_sub(1, order::full);
    const bool flushed = stalls_before_flush::arch_tlb_finish_mmu(tlb, start, end, force);
    tlb.mm->tlb_flush_pending.fetch_add(1, order::full);
    return flushed;
  }
};

struct decrements_twice : x86 {
  static inline bool armed = false;
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    if (armed) tlb.mm->tlb_flush_pending.fetch_sub(1, order::full);
    return x86::arch_tlb_finish_mmu(tlb, start, end, force);
  }
};

struct ignores_force : stalls_before_flush {
  static bool arch_tlb_finish_mmu(gather_range& tlb, vaddr_t start, vaddr_t end, bool) noexcept {
    return stalls_before_flush::arch_tlb_finish_mmu(tlb, start, end, false);
  }
};

// CPU 0 forgets, the others are slow.
struct forgets_on_cpu0 : stalls_before_flush {
  static inline bool others_flush_all = false;
  static void tlb_flush(gather_range& tlb) noexcept {
    if (smp_processor_id() == 0) return;
    wait_for_script();
    if (others_flush_all)
      x86::flush_tlb_mm(*tlb.mm);
    else
      x86::tlb_flush(tlb);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<forgets_on_cpu0>(tlb, start, end, force);
  }
};

// Invalidates pages and leaves the upper levels.
struct forgets_walk_cache : x86 {
  static void tlb_flush(gather_range&) noexcept {
    cpumask all;
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) all.set(id);
    on_each_cpu_mask(
        all, [](void*) { this_cpu().mmu.tlb.invalidate_asid(this_cpu().mmu.asid()); }, nullptr);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<forgets_walk_cache>(tlb, start, end, force);
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
