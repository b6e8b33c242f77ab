// SPDX-License-Identifier: GPL-2.0-or-later
// Flushes on MIPS.
//
// If only this CPU runs programs of the mm, the others are not interrupted: they lose their ASID of it,
// and whoever runs it there later gets a new one. Else every other CPU is interrupted, whatever it runs,
// and flushes by itself: by probing for each pair of pages, or if they are many by a new ASID.
//
// In the kernel a second user of an mm comes by clone() of the first, so never beside a flush of
// the first. Here any CPU may begin to run it: the lock of the context stands for that order.
#include "arch/mips/mips.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

struct flush_tlb_data {
  mm_struct* mm = nullptr;
  vaddr_t start = 0, end = 0;
};

// By pairs, half of the TLB at most.
void local_flush_tlb_range(const flush_tlb_data& what) noexcept {
  constexpr vaddr_t pair = 2 * page_size;
  mips_cpu& cpu = mips::this_cpu();
  if (mips::cpu_context(smp_processor_id(), *what.mm).load(order::relaxed) == 0) return;
  const vaddr_t start = what.start & ~(pair - 1), end = (what.end + pair - 1) & ~(pair - 1);
  if ((end - start) / pair > cpu.joint.size() / 2) {
    mips::drop_mmu_context(*what.mm);
    return;
  }
  const unsigned asid = mips::cpu_asid(smp_processor_id(), *what.mm);
  const access_window_of<mips> window;
  for (vaddr_t va = start; va < end; va += pair) {
    charge(Cost::invalidate_page);
    if (const int index = cpu.joint.probe(va, asid); index != hw::JointTlb::none)
      cpu.joint.erase(static_cast<unsigned>(index));
  }
}

void flush_tlb_range_ipi(void* what) noexcept {
  local_irq_save();
  local_flush_tlb_range(*static_cast<const flush_tlb_data*>(what));
  local_irq_restore();
}
void flush_tlb_mm_ipi(void* mm) noexcept { mips::drop_mmu_context(*static_cast<mm_struct*>(mm)); }

void smp_on_other_tlbs(void (*func)(void*) noexcept, void* info) noexcept {
  cpumask others;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id)
    if (id != smp_processor_id()) others.set(id);
  on_each_cpu_mask(others, func, info);
}

// True: nobody else runs it, and all others have lost their ASIDs of it.
bool dropped_for_others(mm_struct& mm) noexcept {
  mips::mm_context& context = context_of<mips>(mm);
  local_irq_save();
  context.lock.lock();
  const bool alone = context.users == 1 && mips::this_cpu().counted && mips::loaded_mm() == &mm;
  for (unsigned id = 0; alone && id < nr_cpu_ids(); ++id)
    if (id != smp_processor_id()) mips::cpu_context(id, mm).store(0, order::relaxed);
  context.lock.unlock();
  local_irq_restore();
  return alone;
}

void flush(mm_struct& mm, void (*func)(void*) noexcept, void* info) noexcept {
  vm_bug_on(irqs_disabled(), "flush_with_interrupts_off");
  preempt_disable();
  if (!dropped_for_others(mm)) smp_on_other_tlbs(func, info);
  func(info);
  preempt_enable();
}

}  // namespace

// No stride and no level: pairs of the smallest pages are looked for.
void mips::tlb_flush(gather_range& tlb) noexcept {
  if (tlb.fullmm || tlb.need_flush_all)
    flush_tlb_mm(*tlb.mm);
  else
    flush_tlb_range(*tlb.mm, tlb.start, tlb.end, page_shift, tlb.freed_tables);
}

void mips::flush_tlb_mm(mm_struct& mm) noexcept {
  generic::trace_tlb_flush(mm, full_flush);
  flush(mm, flush_tlb_mm_ipi, &mm);
}

void mips::flush_tlb_range(mm_struct& mm, vaddr_t start, vaddr_t end, unsigned, bool) noexcept {
  if (end == tlb_flush_all) {
    flush_tlb_mm(mm);
    return;
  }
  generic::trace_tlb_flush(mm, static_cast<std::int64_t>((end - start) >> page_shift));
  flush_tlb_data what{&mm, start, end};
  flush(mm, flush_tlb_range_ipi, &what);
}

void mips::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  flush_tlb_range(mm, va & page_mask, (va & page_mask) + page_size, page_shift, false);
}

}  // namespace tlblab::inline TLBLAB_WORLD
