// SPDX-License-Identifier: GPL-2.0-or-later
// Which address space a CPU has loaded on x86, and what of the last ones its TLB still holds.
//
// A CPU keeps the entries of its last six address spaces, each in a slot (PCID) of its own. A slot
// is known by the id of the mm, never by its address: a dead mm's memory comes back (trap T36). If
// the mm was flushed since it was here last, its slot is flushed as it is loaded.
#include <new>

#include "arch/x86/x86.h"
#include "mm/fences.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

struct Slot {
  std::uint16_t asid;
  bool need_flush;
};

// An mm that has a global ASID is never loaded with another one again. What is left in a slot of the CPU's
// own is dropped, as hardware may at any time: oracles know the mm of an entry, and not its ASID.
Slot take_global_asid(x86::cpu_state& cpu, const mm_struct& next, unsigned global) noexcept {
  for (std::uint16_t asid = 0; asid < x86::tlb_nr_dyn_asids; ++asid)
    if (cpu.ctxs[asid].ctx_id == next.id) {
      cpu.ctxs[asid] = {};
      const x86_window window;
      cpu.mmu.invalidate_asid(asid);
    }
  return {static_cast<std::uint16_t>(global), false};
}

Slot choose_new_asid(x86::cpu_state& cpu, mm_struct& next, std::uint64_t next_gen) noexcept {
  if (x86::opted.invlpgb)
    if (const unsigned global = mm_global_asid(next); global != 0)
      return take_global_asid(cpu, next, global);
  if (x86::opted.no_pcid) return {0, true};
  for (std::uint16_t asid = 0; asid < x86::tlb_nr_dyn_asids; ++asid)
    if (cpu.ctxs[asid].ctx_id == next.id) return {asid, cpu.ctxs[asid].tlb_gen < next_gen};
  const std::uint16_t taken = cpu.next_asid;
  cpu.next_asid = static_cast<std::uint16_t>((taken + 1) % x86::tlb_nr_dyn_asids);
  return {taken, true};
}

// Writes CR3.
void load_new_mm_cr3(x86::cpu_state& cpu, mm_struct& next, Slot slot) noexcept {
  const x86_window window;
  if (slot.need_flush) cpu.mmu.invalidate_asid(slot.asid);
  cpu.mmu.load(&next == &x86::init_mm() ? nullptr : next.pgd, slot.asid, next.id);
}

void load(x86::cpu_state& cpu, mm_struct& next, Slot slot, std::uint64_t next_gen) noexcept {
  if (slot.need_flush) cpu.ctxs[slot.asid] = {next.id, next_gen};
  load_new_mm_cr3(cpu, next, slot);
  trace(EventKind::tlb_flush, next.id, static_cast<std::uint64_t>(FlushReason::task_switch),
        static_cast<std::uint64_t>(slot.need_flush ? full_flush : 0));
  cpu.loaded_mm_asid = slot.asid;
  if (x86::opted.invlpgb) cpu.shared_asid.store(slot.asid, order::relaxed);
  // Release: accesses through the old mm before it is seen gone; pairs with should_flush_tlb.
  cpu.loaded_mm.store(&next, order::release);
}

// A bit that is set already is not written again: the line is shared by all CPUs of the mm. In either case
// loaded_mm = switching() comes before the look at the generation; pairs with the full increment of tlb_gen
// in flush_tlb_mm_range, after which the flusher looks at loaded_mm.
void join_cpumask(mm_struct& next) noexcept {
  if (!mm_cpumask_test(next, smp_processor_id()))
    mm_cpumask_set(next, smp_processor_id());
  else
    smp_mb(Fence::switch_in);  // as the RMW would; without it scenario switch-order-2025 fails
}

// The mm that is loaded already is wanted. With INVLPGB it may have to be loaded with another ASID, and if
// that is the one it has, nothing can be behind. True: done.
bool is_global_here(x86::cpu_state& cpu, mm_struct& next) noexcept {
  if (mm_needs_global_asid(next, cpu.loaded_mm_asid)) {
    const std::uint64_t gen = context_of<x86>(next).tlb_gen.load(order::relaxed);
    load(cpu, next, choose_new_asid(cpu, next, gen), gen);
  }
  return is_global_asid(cpu.loaded_mm_asid);
}

// The mm that the lazy CPU left loaded is wanted again.
void leave_lazy(x86::cpu_state& cpu, mm_struct& next) noexcept {
  // is_lazy is visible as false before the generation is read; pairs with the full increment of
  // tlb_gen in flush_tlb_mm_range, after which the flusher reads is_lazy (L2 in fidelity.md). Without it
  // scenario lazy-order-2018 fails.
  smp_mb(Fence::leave_lazy);
  const std::uint64_t gen = context_of<x86>(next).tlb_gen.load(order::relaxed);
  if (cpu.ctxs[cpu.loaded_mm_asid].tlb_gen == gen) return;
  load(cpu, next, {cpu.loaded_mm_asid, true}, gen);
}

}  // namespace

void x86::switch_mm_irqs_off(mm_struct& next) noexcept {
  vm_bug_on(!irqs_disabled(), "switch_mm_with_interrupts_on");
  cpu_state& cpu = this_cpu();
  if (opted.any) [[unlikely]]
    before_switch_as_opted();
  mm_struct* prev = cpu.loaded_mm.load(order::relaxed);
  const bool was_lazy = cpu.is_lazy.load(order::relaxed);
  // First of all: who sees the new loaded_mm must not see is_lazy from before (trap T35).
  if (was_lazy) cpu.is_lazy.store(false, order::relaxed);
  if (prev == &next) {
    if (opted.invlpgb && is_global_here(cpu, next)) return;
    if (was_lazy) leave_lazy(cpu, next);
    return;
  }
  // Release: is_lazy before loaded_mm; pairs with the acquire in should_flush_tlb.
  cpu.loaded_mm.store(switching(), order::release);
  // The old mm keeps its bit: clearing it is left to the next flush that finds it wrong. Before 6.14 it
  // was cleared here, with the old tables still loaded.
  if (opted.clears_own_bit && prev != &init_mm()) mm_cpumask_clear(*prev, smp_processor_id());
  const auto& tlb_gen = context_of<x86>(next).tlb_gen;
  const std::uint64_t before = next.fixes.switch_mask_first ? 0 : tlb_gen.load(order::relaxed);
  if (&next != &init_mm()) join_cpumask(next);
  const std::uint64_t gen = next.fixes.switch_mask_first ? tlb_gen.load(order::relaxed) : before;
  load(cpu, next, choose_new_asid(cpu, next, gen), gen);
}

void x86::enter_lazy_tlb() noexcept {
  cpu_state& cpu = this_cpu();
  if (cpu.loaded_mm.load(order::relaxed) == &init_mm()) return;
  if (opted.no_lazy) {
    local_irq_save();
    switch_mm_irqs_off(init_mm());
    local_irq_restore();
    return;
  }
  if (opted.any) return enter_lazy_tlb_as_opted();
  // Release: the program's accesses before it is seen asleep; pairs with should_flush_tlb.
  cpu.is_lazy.store(true, order::release);
}

void x86::init_new_context(mm_struct& mm) noexcept {
  context_of<x86>(mm).tlb_gen.store(1, order::relaxed);
}

// Kernel: shoot_lazy_tlbs, the way of architectures that do not count lazy references.
void x86::forget_mm(mm_struct& mm) noexcept {
  cpumask mask = mm_cpumask(mm);
  // A CPU that is leaving the mm may have cleared its bit and have the root loaded still.
  if (opted.clears_own_bit)
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) mask.set(id);
  on_each_cpu_mask(
      mask,
      [](void* dead) {
        if (x86::loaded_mm() == dead) x86::switch_mm_irqs_off(x86::init_mm());
      },
      &mm);
}

bool x86::hardware_init(const TlbGeometry& geometry) noexcept {
  cpus = static_cast<cpu_state*>(kmalloc(nr_cpu_ids() * sizeof(cpu_state), AllocSite::object));
  kernel_mm = create_mm<x86>();
  if (cpus == nullptr || kernel_mm == nullptr) return false;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
    cpu_state& cpu = *new (&cpus[id]) cpu_state;
    if (!cpu.mmu.init(geometry, nr_asids)) return false;
    cpu.loaded_mm.store(kernel_mm, order::relaxed);
  }
  return true;
}

void x86::hardware_exit() noexcept {
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
    cpus[id].mmu.exit();
    cpus[id].~cpu_state();
  }
  kfree(cpus);
  destroy_mm<x86>(*kernel_mm);
}

}  // namespace tlblab::inline TLBLAB_WORLD
