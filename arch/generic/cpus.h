// SPDX-License-Identifier: GPL-2.0-or-later
// The CPUs of a backend, and the mm that is loaded while no program runs.
//
// A backend derives from generic::cpus<itself, its state of a CPU>, and that state from cpu_state.
// loaded_mm is null between two address spaces; it is written by its CPU with interrupts off.
#pragma once

#include "arch/hw/mmu.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

struct cpu_state {
  Atomic<mm_struct*> loaded_mm{nullptr};
  std::byte apart_from_mmu[64];
  hw::Mmu mmu;
  std::byte apart[128];  // the next CPU's words are in other cache lines
};

// A::asids(geometry): how many address spaces the hardware tells apart.
template <class A, class State = cpu_state>
struct cpus {
  static State& cpu(unsigned id) noexcept { return states[id]; }
  static State& this_cpu() noexcept { return states[smp_processor_id()]; }
  static mm_struct& init_mm() noexcept { return *kernel_mm; }
  static mm_struct* loaded_mm() noexcept { return this_cpu().loaded_mm.load(order::relaxed); }
  static const mm_struct* loaded_mm_on(unsigned id) noexcept {
    return states[id].loaded_mm.load(order::relaxed);
  }
  static const hw::Mmu& mmu_of(unsigned id) noexcept { return states[id].mmu; }

  // The base register, and what the CPU has loaded for who asks; null while it is between the two.
  // Interrupts are off.
  static void load(State& cpu, mm_struct& next, unsigned asid) noexcept {
    cpu.loaded_mm.store(nullptr, order::relaxed);
    {
      const access_window_of<A> window;
      cpu.mmu.load(&next == kernel_mm ? nullptr : next.pgd, asid, next.id);
    }
    cpu.loaded_mm.store(&next, order::relaxed);
  }

  static bool hardware_init(const TlbGeometry& geometry) noexcept {
    states = static_cast<State*>(kmalloc(nr_cpu_ids() * sizeof(State), AllocSite::object));
    kernel_mm = create_mm<A>();
    if (states == nullptr || kernel_mm == nullptr) return false;
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
      State& cpu = *new (&states[id]) State;
      if (!cpu.mmu.init(geometry, A::asids(geometry), A::features.contpte)) return false;
      cpu.loaded_mm.store(kernel_mm, order::relaxed);
    }
    return true;
  }
  static void hardware_exit() noexcept {
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
      states[id].mmu.exit();
      states[id].~State();
    }
    kfree(states);
    destroy_mm<A>(*kernel_mm);
  }

  // No CPU has it loaded any more. The kernel counts lazy users, and the last one frees the root; here
  // they are told (as shoot_lazy_tlbs does where it does not count).
  static void forget_mm(mm_struct& mm) noexcept {
    cpumask all;
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) all.set(id);
    on_each_cpu_mask(
        all,
        [](void* dead) {
          if (loaded_mm() == dead) A::switch_mm_irqs_off(init_mm());
        },
        &mm);
  }

  static Translation translate(vaddr_t va, Access access) noexcept {
    return this_cpu().mmu.template translate<A>(va, access);
  }
  static void walk_ahead(vaddr_t va) noexcept { this_cpu().mmu.template walk_ahead<A>(va); }
  static void evict(vaddr_t va) noexcept { this_cpu().mmu.evict(va); }

  // Names of words, for reports.
  static const char* cpu_word(unsigned id, const void* address) noexcept {
    if (address == &states[id].loaded_mm) return "loaded_mm";
    return lies_in(states[id], address) ? "state" : nullptr;
  }

 private:
  friend A;
  cpus() = default;
  static inline State* states = nullptr;
  static inline mm_struct* kernel_mm = nullptr;
};

// What the kernel's tracepoint would say: this CPU invalidates so many pages of an mm, or all.
inline void trace_tlb_flush(const mm_struct& mm, std::int64_t pages) noexcept {
  trace(EventKind::tlb_flush, mm.id, static_cast<std::uint64_t>(FlushReason::local_mm_shootdown),
        static_cast<std::uint64_t>(pages));
}

// An instruction, or the firmware, is about to reach other CPUs' TLBs; end: tlb_flush_all for everything.
inline void trace_broadcast(vaddr_t start, vaddr_t end) noexcept {
  trace(EventKind::tlb_broadcast, 0, start, end);
}

}  // namespace tlblab::inline TLBLAB_WORLD::generic
