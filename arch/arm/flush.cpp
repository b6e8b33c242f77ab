// SPDX-License-Identifier: GPL-2.0-or-later
// TLBI and DSB on 32-bit Arm.
//
//   DSB              the entries that were changed are seen by all walkers
//   TLBIMVAIS, ...   issued: sooner or later every CPU drops what it has
//   DSB              every CPU has, and its accesses through what it dropped are done
//
// ARMv7 has no operation for a range and none for last levels only: a range is one operation for each
// page, however long it is, and each drops the cached upper levels on the way to its page.
//
// arm+ipi: where the operations reach one CPU only, the CPUs of the mm's set are interrupted and do them.
// A CPU enters the set before it loads the mm and never leaves it.
#include "arch/arm/arm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// All that a program of 32 bits has. The lab's addresses have more: beyond it the whole mm is flushed.
constexpr vaddr_t most_of_a_range = 3ULL << 30;

hw::Mmu& mmu_at(unsigned cpu) noexcept { return arm::cpu(cpu).mmu; }

void dsb() noexcept {
  arm::this_cpu().tlbi.wait(mmu_at);
  smp_mb();
}
void local_tlbi(void* what) noexcept {
  const access_window_of<arm> window;
  generic::invalidate(arm::this_cpu().mmu, *static_cast<const generic::invalidation*>(what));
}

// Read behind the DSB: the mm may get another ASID meanwhile. Who adopts that one has no entry under it,
// and walks after the entries were changed (D29).
unsigned asid_of(mm_struct& mm) noexcept {
  return generic::asid_allocator::number_of(context_of<arm>(mm).id.load(order::relaxed));
}

void flush(mm_struct& mm, generic::invalidation what) noexcept {
  vm_bug_on(arm::opted.ipi && irqs_disabled(), "flush_with_interrupts_off");
  preempt_disable();
  const unsigned read_before = asid_of(mm);
  // Changed entries before the set is read, too: pairs with mm_cpumask_set in the switch (D26).
  dsb();
  const bool as_before = arm::opted.asid_before_dsb || !mm.fixes.asid_read_late;
  const bool early = as_before && what.reach != generic::Reach::asid;
  what.asid = early ? read_before : asid_of(mm);
  if (arm::opted.ipi)
    on_each_cpu_mask(mm_cpumask(mm), local_tlbi, &what);
  else
    arm::this_cpu().tlbi.issue(what, mmu_at);
  dsb();
  preempt_enable();
}

}  // namespace

// An exiting mm too: its ASID is given out again only when every TLB has been emptied, but the kernel
// does not use that.
void arm::tlb_flush(gather_range& tlb) noexcept {
  if (tlb.fullmm || tlb.need_flush_all)
    flush_tlb_mm(*tlb.mm);
  else
    flush_tlb_range(*tlb.mm, tlb.start, tlb.end, page_shift, tlb.freed_tables);
}

void arm::flush_tlb_mm(mm_struct& mm) noexcept {
  generic::trace_tlb_flush(mm, full_flush);
  flush(mm, {.reach = generic::Reach::asid});
}

void arm::flush_tlb_range(mm_struct& mm, vaddr_t start, vaddr_t end, unsigned, bool) noexcept {
  start &= page_mask;
  if (end == tlb_flush_all || end - start > most_of_a_range) {
    flush_tlb_mm(mm);
    return;
  }
  generic::trace_tlb_flush(mm, static_cast<std::int64_t>((end - start) >> page_shift));
  flush(mm, {.reach = generic::Reach::all_levels, .start = start, .end = end});
}

void arm::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  flush_tlb_range(mm, va & page_mask, (va & page_mask) + page_size, page_shift, false);
}

// Kernel: that of mm/pgtable-generic.c.
bool arm::ptep_set_access_flags(
    mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
  if (exchange(word, entry) == entry) return false;
  flush_tlb_page(mm, va);  // an entry that forbids what is allowed now
  return true;
}

}  // namespace tlblab::inline TLBLAB_WORLD
