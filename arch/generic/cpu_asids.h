// SPDX-License-Identifier: GPL-2.0-or-later
// Address-space identifiers that each CPU gives out by itself, and flushes by interrupt of everybody or by
// taking identifiers (mips, sh).
//
// A CPU counts up; an mm has an ASID on each CPU that has run it. When a CPU has given out its last, a new
// version begins and it empties its TLB: an ASID of an older version is as good as none (D29). Dropping an
// mm's ASID on a CPU is a flush of the mm there: what is left under the old one is never matched again.
//
// If only the flushing CPU runs programs of the mm, the others are not interrupted: they lose their ASID of
// it. Else every other CPU is interrupted, whatever it runs. In the kernel that is told by mm_users, and
// a second user comes by clone() of the first, so never beside a flush of the first. Here any CPU may begin to
// run the mm: the lock of the context stands for that order, and users are the CPUs that run it.
//
// A has cpu_asids_context and asid_cpu for its own, and local_flush_tlb_all().
#pragma once

#include "arch/generic/cpus.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

struct asid_cpu : cpu_state {
  std::uint64_t asid_cache = 0;  // version and ASID that it gave out last
  bool counted = false;          // among the users of what it has loaded
};

struct cpu_asids_context {
  Atomic<std::uint64_t> asid[max_cpus];  // version and ASID on each CPU; 0: NO_CONTEXT
  std::uint64_t last[max_cpus];          // the one before, for oracles; each CPU's own
  Spinlock lock;                         // of users against a flush that found one
  unsigned users = 0;                    // CPUs that run a program of it
};

template <class A>
struct cpu_asids {
  // Version above, ASID below; how many there are is the machine's size.
  static constexpr unsigned version_shift = 16;
  static constexpr std::uint64_t first_version = 1ULL << version_shift;
  static constexpr std::uint64_t asid_mask = first_version - 1;

  static Atomic<std::uint64_t>& cpu_context(unsigned cpu, mm_struct& mm) noexcept {
    return context_of<A>(mm).asid[cpu];
  }
  static unsigned cpu_asid(unsigned cpu, mm_struct& mm) noexcept {
    return static_cast<unsigned>(cpu_context(cpu, mm).load(order::relaxed) & asid_mask);
  }
  static void init(unsigned asids) noexcept {
    asids_of_cpu = asids;
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) A::cpu(id).asid_cache = first_version;
  }
  static void init_new_context(mm_struct& mm) noexcept {
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
      cpu_context(id, mm).store(0, order::relaxed);
      context_of<A>(mm).last[id] = 0;
    }
  }

  // Interrupts are off.
  static void get_new_mmu_context(mm_struct& mm) noexcept {
    auto& cpu = A::this_cpu();
    std::uint64_t asid = cpu.asid_cache + 1;
    if ((asid & asid_mask) == asids_of_cpu) {
      A::local_flush_tlb_all();
      asid = (asid & ~asid_mask) + first_version + 1;  // 0 is the kernel's
    }
    cpu_context(smp_processor_id(), mm).store(asid, order::relaxed);
    cpu.asid_cache = asid;
    forget_last(context_of<A>(mm).last[smp_processor_id()], asid);
  }
  static void get_mmu_context(mm_struct& mm) noexcept {
    const std::uint64_t context = cpu_context(smp_processor_id(), mm).load(order::relaxed);
    if ((context ^ A::this_cpu().asid_cache) >> version_shift != 0) get_new_mmu_context(mm);
  }

  // A flush of the mm on this CPU. Interrupts are off.
  static void drop_mmu_context(mm_struct& mm) noexcept {
    Atomic<std::uint64_t>& context = cpu_context(smp_processor_id(), mm);
    charge(Cost::invalidate_all);
    if (context.load(order::relaxed) == 0) return;
    if (A::loaded_mm() != &mm) {
      context.store(0, order::relaxed);
      return;
    }
    get_new_mmu_context(mm);
    const access_window_of<A> window;
    A::this_cpu().mmu.load(mm.pgd, cpu_asid(smp_processor_id(), mm), mm.id);  // the ASID alone
  }

  // The switch. Interrupts are off.
  static void switch_mm(mm_struct& next) noexcept {
    auto& cpu = A::this_cpu();
    count_out(cpu);
    if (&next == &A::init_mm()) {
      A::load(cpu, next, 0);
      return;
    }
    count_in(cpu, next);
    get_mmu_context(next);
    A::load(cpu, next, cpu_asid(smp_processor_id(), next));
    mm_cpumask_set(next, smp_processor_id());
  }
  static void enter_lazy_tlb() noexcept {
    local_irq_save();
    count_out(A::this_cpu());
    local_irq_restore();
  }

  // func(info) on every CPU that may use the mm's entries, here last; it turns interrupts off itself.
  static void flush(mm_struct& mm, void (*func)(void*) noexcept, void* info) noexcept {
    vm_bug_on(irqs_disabled(), "flush_with_interrupts_off");
    preempt_disable();
    if (!dropped_for_others(mm)) {
      cpumask others;
      for (unsigned id = 0; id < nr_cpu_ids(); ++id)
        if (id != smp_processor_id()) others.set(id);
      on_each_cpu_mask(others, func, info);
    }
    func(info);
    preempt_enable();
  }

  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    return lies_in(context_of<A>(mm).asid, address) ? "asid" : nullptr;
  }

 private:
  // What is left under the one before cannot be reached: oracles are not to see it.
  static void forget_last(std::uint64_t& last, std::uint64_t now) noexcept {
    if (tracing() && last >> version_shift == now >> version_shift) {
      const access_window_of<A> window;
      A::this_cpu().mmu.invalidate_asid(static_cast<unsigned>(last & asid_mask));
    }
    last = now;
  }
  template <class Cpu>
  static void count_in(Cpu& cpu, mm_struct& mm) noexcept {
    auto& context = context_of<A>(mm);
    context.lock.lock();
    ++context.users;
    context.lock.unlock();
    cpu.counted = true;
  }
  template <class Cpu>
  static void count_out(Cpu& cpu) noexcept {
    if (!cpu.counted) return;
    auto& context = context_of<A>(*cpu.loaded_mm.load(order::relaxed));
    context.lock.lock();
    --context.users;
    context.lock.unlock();
    cpu.counted = false;
  }
  // True: nobody else runs it, and all others have lost their ASIDs of it.
  static bool dropped_for_others(mm_struct& mm) noexcept {
    auto& context = context_of<A>(mm);
    local_irq_save();
    context.lock.lock();
    const bool alone = context.users == 1 && A::this_cpu().counted && A::loaded_mm() == &mm;
    for (unsigned id = 0; alone && id < nr_cpu_ids(); ++id)
      if (id != smp_processor_id()) cpu_context(id, mm).store(0, order::relaxed);
    context.lock.unlock();
    local_irq_restore();
    return alone;
  }

  static inline unsigned asids_of_cpu = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD::generic
