// SPDX-License-Identifier: GPL-2.0-or-later
// Flushes on MIPS: who is told, generic/cpu_asids.h says. Each CPU flushes its own TLB by probing for each
// pair of pages, or if they are many by a new ASID.
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
  if (mips::asid::cpu_context(smp_processor_id(), *what.mm).load(order::relaxed) == 0) return;
  const vaddr_t start = what.start & ~(pair - 1), end = (what.end + pair - 1) & ~(pair - 1);
  if ((end - start) / pair > cpu.joint.size() / 2) {
    mips::asid::drop_mmu_context(*what.mm);
    return;
  }
  const unsigned asid = mips::asid::cpu_asid(smp_processor_id(), *what.mm);
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
void flush_tlb_mm_ipi(void* mm) noexcept {
  local_irq_save();
  mips::asid::drop_mmu_context(*static_cast<mm_struct*>(mm));
  local_irq_restore();
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
  asid::flush(mm, flush_tlb_mm_ipi, &mm);
}

void mips::flush_tlb_range(mm_struct& mm, vaddr_t start, vaddr_t end, unsigned, bool) noexcept {
  if (end == tlb_flush_all) {
    flush_tlb_mm(mm);
    return;
  }
  generic::trace_tlb_flush(mm, static_cast<std::int64_t>((end - start) >> page_shift));
  flush_tlb_data what{&mm, start, end};
  asid::flush(mm, flush_tlb_range_ipi, &what);
}

void mips::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  flush_tlb_range(mm, va & page_mask, (va & page_mask) + page_size, page_shift, false);
}

}  // namespace tlblab::inline TLBLAB_WORLD
