// SPDX-License-Identifier: GPL-2.0-or-later
// Flushes on SuperH: who is told, generic/cpu_asids.h says. Each CPU flushes its own TLB, page by page, or
// if that is more than a quarter of it by giving the mm another ASID.
#include "arch/sh/sh.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

struct flush_tlb_data {
  mm_struct* mm = nullptr;
  vaddr_t start = 0, end = 0;
};

void local_flush_tlb_range(const flush_tlb_data& what) noexcept {
  if (sh::asid::cpu_context(smp_processor_id(), *what.mm).load(order::relaxed) == 0) return;
  if ((what.end - what.start + page_size - 1) >> page_shift > sh::tlb_entries / 4) {
    sh::asid::drop_mmu_context(*what.mm);
    return;
  }
  const unsigned asid = sh::asid::cpu_asid(smp_processor_id(), *what.mm);
  const access_window_of<sh> window;
  for (vaddr_t va = what.start & page_mask; va < what.end; va += page_size) {
    charge(Cost::invalidate_page);
    sh::this_cpu().mmu.tlb.invalidate_page(asid, va);
  }
}

void flush_tlb_range_ipi(void* what) noexcept {
  local_irq_save();
  local_flush_tlb_range(*static_cast<const flush_tlb_data*>(what));
  local_irq_restore();
}
void flush_tlb_mm_ipi(void* mm) noexcept {
  local_irq_save();
  sh::asid::drop_mmu_context(*static_cast<mm_struct*>(mm));
  local_irq_restore();
}

}  // namespace

void sh::local_flush_tlb_all() noexcept {
  const access_window_of<sh> window;
  this_cpu().mmu.tlb.invalidate_all();
}

void sh::tlb_flush(gather_range& tlb) noexcept {
  if (tlb.fullmm || tlb.need_flush_all)
    flush_tlb_mm(*tlb.mm);
  else
    flush_tlb_range(*tlb.mm, tlb.start, tlb.end, page_shift, tlb.freed_tables);
}

void sh::flush_tlb_mm(mm_struct& mm) noexcept {
  generic::trace_tlb_flush(mm, full_flush);
  asid::flush(mm, flush_tlb_mm_ipi, &mm);
}

void sh::flush_tlb_range(mm_struct& mm, vaddr_t start, vaddr_t end, unsigned, bool) noexcept {
  if (end == tlb_flush_all) {
    flush_tlb_mm(mm);
    return;
  }
  generic::trace_tlb_flush(mm, static_cast<std::int64_t>((end - start) >> page_shift));
  flush_tlb_data what{&mm, start, end};
  asid::flush(mm, flush_tlb_range_ipi, &what);
}

void sh::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  flush_tlb_range(mm, va & page_mask, (va & page_mask) + page_size, page_shift, false);
}

}  // namespace tlblab::inline TLBLAB_WORLD
