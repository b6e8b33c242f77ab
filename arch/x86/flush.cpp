// SPDX-License-Identifier: GPL-2.0-or-later
// Flushing on x86.
//
// Each mm counts its flushes (tlb_gen); each PCID slot of a CPU knows up to which flush it is
// clean. A flusher raises the count and then looks for CPUs that may hold entries; a CPU that
// loads an mm shows itself in the mm's set and then reads the count. Both steps are full barriers,
// so one sees the other: either the flusher interrupts the CPU, or the CPU sees the new count and
// flushes as it loads (traps T31, D26).
//
// An interrupted CPU may find requests out of order or several merged into what it has done
// already. It invalidates page by page only if the request is exactly the next one for its slot
// and there is none after it; else it flushes the slot, and in both cases it is then clean up to
// the count that it read before (trap T32, D28). If it has another mm loaded, or none, it leaves
// the slot alone: the count will tell when the mm is loaded again (trap T33).
//
// A lazy CPU runs no program. It is not interrupted for pages: it compares counts when it wakes
// (switch.cpp). It is for freed tables, since it may still walk them speculatively (trap T34).
#include "arch/x86/x86.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

void trace_tlb_flush(FlushReason reason, std::uint64_t mm_id, std::int64_t pages) noexcept {
  trace(EventKind::tlb_flush, mm_id, static_cast<std::uint64_t>(reason),
        static_cast<std::uint64_t>(pages));
}

std::int64_t pages_of(const flush_tlb_info& info, unsigned shift) noexcept {
  return info.end == tlb_flush_all ? full_flush
                                   : static_cast<std::int64_t>((info.end - info.start) >> shift);
}

bool may_be_partial(const mm_struct& mm,
                    const flush_tlb_info& info,
                    std::uint64_t local_gen,
                    std::uint64_t mm_gen) noexcept {
  const bool is_next = info.new_tlb_gen == local_gen + 1 && info.new_tlb_gen == mm_gen;
  return info.end != tlb_flush_all && (is_next || !mm.fixes.tlb_gen_in_order);
}

void invalidate_strides(hw::Mmu& mmu, const flush_tlb_info& info) noexcept {
  for (vaddr_t va = info.start; va < info.end; va += 1ULL << info.stride_shift) {
    charge(Cost::invalidate_page);
    mmu.invalidate_page(va);
  }
}

void invalidate_slot(hw::Mmu& mmu) noexcept {
  charge(Cost::invalidate_all);
  mmu.invalidate_asid(mmu.asid());
}

// Brings the loaded slot up to date; returns the pages that the kernel's tracepoint would show.
std::int64_t catch_up(x86::cpu_state& cpu, mm_struct& mm, const flush_tlb_info& info) noexcept {
  std::uint64_t& local_gen = cpu.ctxs[cpu.loaded_mm_asid].tlb_gen;
  const std::uint64_t mm_gen = context_of<x86>(mm).tlb_gen.load(order::relaxed);
  if (local_gen == mm_gen) return 0;
  const bool partial = may_be_partial(mm, info, local_gen, mm_gen);
  {
    // One unit: in explore nothing of this CPU happens between two invalidates.
    const x86_window window;
    if (partial)
      invalidate_strides(cpu.mmu, info);
    else
      invalidate_slot(cpu.mmu);
  }
  local_gen = mm_gen;
  return partial ? pages_of(info, info.stride_shift) : full_flush;
}

FlushReason reason_of(const flush_tlb_info& info, bool local) noexcept {
  if (!local) return FlushReason::remote_shootdown;
  return info.mm == nullptr ? FlushReason::local_shootdown : FlushReason::local_mm_shootdown;
}

}  // namespace

void flush_tlb_func(void* request) noexcept {
  const auto& info = *static_cast<const flush_tlb_info*>(request);
  x86::cpu_state& cpu = x86::this_cpu();
  const bool local = info.initiating_cpu == smp_processor_id();
  mm_struct* loaded = cpu.loaded_mm.load(order::relaxed);
  if (!local && info.mm != nullptr && info.mm != loaded) {
    // A bit that switch_mm left behind. Nothing of that mm can be used here before it is loaded
    // again, and loading sets the bit and compares counts.
    if (!x86::opted.clears_own_bit) mm_cpumask_clear(*info.mm, smp_processor_id());
    trace_tlb_flush(FlushReason::remote_wrong_cpu, info.mm->id, 0);
    return;
  }
  if (loaded == &x86::init_mm()) return;
  if (x86::opted.invlpgb) [[unlikely]] {
    if (mm_needs_global_asid(*loaded, cpu.loaded_mm_asid)) x86::switch_mm_irqs_off(*loaded);
    if (is_global_asid(cpu.loaded_mm_asid)) return;  // broadcasts keep it up to date
  }
  if (cpu.is_lazy.load(order::relaxed)) {
    // Drops the upper levels too; hardly dearer than the smallest flush. Then the CPU holds nothing
    // of the mm and need not be asked again. In this order: as long as it could walk, the bit stood.
    x86::switch_mm_irqs_off(x86::init_mm());
    if (!x86::opted.clears_own_bit) mm_cpumask_clear(*loaded, smp_processor_id());
    return;
  }
  if (info.new_tlb_gen != 0 && info.new_tlb_gen <= cpu.ctxs[cpu.loaded_mm_asid].tlb_gen) return;
  const std::int64_t pages = catch_up(cpu, *loaded, info);
  trace_tlb_flush(reason_of(info, local), loaded->id, pages);
}

bool should_flush_tlb(unsigned id, const flush_tlb_info& info) noexcept {
  const x86::cpu_state& cpu = x86::cpu(id);
  // Acquire, both: a CPU that is skipped has done what it did through info.mm; pairs with the
  // releases in load and enter_lazy_tlb. Without it the frame's next owner could write before the
  // last write of that CPU (tests/mm, everything at once). And is_lazy is at least as new as
  // loaded_mm; pairs with the order of the two stores in switch_mm_irqs_off (trap T35).
  const mm_struct* loaded = cpu.loaded_mm.load(order::acquire);
  if (cpu.is_lazy.load(order::acquire)) return false;
  if (info.mm == nullptr || loaded == info.mm) return true;
  return loaded == x86::switching() && info.mm->fixes.switching_counts;
}

void flush_local(flush_tlb_info& info) noexcept {
  local_irq_save();
  flush_tlb_func(&info);
  local_irq_restore();
}

void flush_tlb_multi(const cpumask& mask, flush_tlb_info& info) noexcept {
  const std::uint64_t mm_id = info.mm == nullptr ? 0 : info.mm->id;
  trace_tlb_flush(FlushReason::remote_send_ipi, mm_id, pages_of(info, page_shift));
  if (x86::opted.any) [[unlikely]]
    return flush_tlb_multi_as_opted(mask, info);
  const bool in_transition =
      x86::opted.invlpgb && info.mm != nullptr && mm_in_asid_transition(*info.mm);
  if (info.freed_tables || in_transition) {
    on_each_cpu_mask(mask, flush_tlb_func, &info);
    return;
  }
  cpumask needed;
  mask.for_each([&](unsigned id) {
    if (should_flush_tlb(id, info)) needed.set(id);
  });
  on_each_cpu_mask(needed, flush_tlb_func, &info);
}

namespace {

bool any_but(const cpumask& mask, unsigned cpu) noexcept {
  cpumask others = mask;
  others.clear(cpu);
  return !others.empty();
}

}  // namespace

flush_tlb_info& take_info(x86::cpu_state& cpu) noexcept {
  vm_bug_on(cpu.info_in_use, "flush_inside_flush");
  cpu.info_in_use = true;
  return cpu.info;
}

template <bool Broadcast>
void flush_tlb_mm_range(
    mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept {
  vm_bug_on(irqs_disabled(), "flush_with_interrupts_off");
  preempt_disable();
  x86::cpu_state& cpu = x86::this_cpu();
  if (end == tlb_flush_all || (end - start) >> stride_shift > x86::single_page_flush_ceiling) {
    start = 0;
    end = tlb_flush_all;
  }
  // Full: the changed entries before the count, the count before the set of CPUs is read; pairs
  // with mm_cpumask_set in switch_mm_irqs_off; without it a CPU that is loading the mm is missed
  // (D26; tests/arch, switch racing with shootdown).
  const std::uint64_t gen = context_of<x86>(mm).tlb_gen.fetch_add(1, order::full) + 1;
  flush_tlb_info& info = take_info(cpu);
  info = {&mm, start, end, gen, stride_shift, smp_processor_id(), freed_tables};
  const cpumask mask = mm_cpumask(mm);
  if (Broadcast && mm_global_asid(mm) != 0) {
    broadcast_tlb_flush(info);
  } else if (any_but(mask, smp_processor_id())) {
    flush_tlb_multi(mask, info);
    if constexpr (Broadcast) consider_global_asid(mm);
  } else if (cpu.loaded_mm.load(order::relaxed) == &mm) {
    flush_local(info);
  }
  cpu.info_in_use = false;
  preempt_enable();
}

template <bool Broadcast>
void flush_gather(gather_range& tlb) noexcept {
  const bool everything = tlb.fullmm || tlb.need_flush_all;
  flush_tlb_mm_range<Broadcast>(*tlb.mm, everything ? 0 : tlb.start,
                                everything ? tlb_flush_all : tlb.end,
                                everything ? page_shift : tlb.unmap_shift(), tlb.freed_tables);
}

// ---- reclaim's flushes, of many address spaces at once --------------------------------------------

// No other CPU to ask: to flush page by page costs less.
bool x86::arch_tlbbatch_should_defer(mm_struct& mm) noexcept {
  preempt_disable();
  const bool others = any_but(mm_cpumask(mm), smp_processor_id());
  preempt_enable();
  return others;
}

// A lazy CPU is skipped later: the count that is raised here tells it when it wakes.
void x86::arch_tlbbatch_add_pending(arch_tlbflush_unmap_batch& batch,
                                    mm_struct& mm,
                                    vaddr_t) noexcept {
  // Full: the cleared entry before the count, the count before the set, as in flush_tlb_mm_range.
  context_of<x86>(mm).tlb_gen.fetch_add(1, order::full);
  batch.mask.merge(mm_cpumask(mm));
}

// Whatever each CPU has loaded, if it is behind.
void x86::arch_tlbbatch_flush(arch_tlbflush_unmap_batch& batch) noexcept {
  vm_bug_on(irqs_disabled(), "flush_with_interrupts_off");
  preempt_disable();
  x86::cpu_state& cpu = x86::this_cpu();
  flush_tlb_info& info = take_info(cpu);
  info = {.initiating_cpu = smp_processor_id()};
  if (any_but(batch.mask, smp_processor_id()))
    flush_tlb_multi(batch.mask, info);
  else if (batch.mask.test(smp_processor_id()))
    flush_local(info);
  cpu.info_in_use = false;
  batch.mask = {};
  preempt_enable();
}

template void flush_tlb_mm_range<true>(mm_struct&, vaddr_t, vaddr_t, unsigned, bool) noexcept;
template void flush_gather<true>(gather_range&) noexcept;

void x86::tlb_flush(gather_range& tlb) noexcept { flush_gather<false>(tlb); }

void x86::flush_tlb_mm(mm_struct& mm) noexcept {
  flush_tlb_mm_range<false>(mm, 0, tlb_flush_all, page_shift, true);
}

void x86::flush_tlb_range(
    mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept {
  flush_tlb_mm_range<false>(mm, start, end, stride_shift, freed_tables);
}

void x86::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  const vaddr_t start = va & page_mask;
  flush_tlb_mm_range<false>(mm, start, start + page_size, page_shift, false);
}

}  // namespace tlblab::inline TLBLAB_WORLD
