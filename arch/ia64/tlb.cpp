// SPDX-License-Identifier: GPL-2.0-or-later
// Purges on Itanium, and region ids.
//
//   ptc.ga   a page goes from the TLBs of all CPUs. One at a time: under a lock
//   ptc.l    the same on this CPU, if no other has had the mm
//
// The walker reads PTEs through a virtual page table, whose own translations are in the TLB too. So the end of a
// gather, which may have freed tables, purges the range and then the part of the virtual page table that
// maps it (thash); here those are the cached upper levels. Nobody is interrupted.
//
// A range of a terabyte, or one that leaves its region, empties every TLB.
#include <new>

#include "arch/ia64/ia64.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<ia64_2017_merged> && ArchBackend<ia64_2017_posted>);

namespace {

generic::asid_allocator rids;
Spinlock ptcg_lock;

// Pages of a user range that are purged one by one; beyond it, the region id.
constexpr vaddr_t most_of_a_range = 1ULL << 30;

hw::Mmu& mmu_at(unsigned cpu) noexcept { return ia64::cpu(cpu).mmu; }

// Only this CPU has ever had it. After the barrier behind the changed entries.
bool is_local(mm_struct& mm) noexcept {
  cpumask others = mm_cpumask(mm);
  others.clear(smp_processor_id());
  return others.empty() && ia64::loaded_mm() == &mm;
}

void purge(mm_struct& mm, generic::invalidation what) noexcept {
  preempt_disable();
  smp_mb();  // changed entries before the set and the id are read; pairs with the set in the switch (D26)
  what.asid = generic::asid_allocator::number_of(context_of<ia64>(mm).rid.load(order::relaxed));
  if (is_local(mm)) {
    const access_window_of<ia64> window;
    generic::invalidate(ia64::this_cpu().mmu, what);
  } else {
    ptcg_lock.lock();
    ia64::this_cpu().ptc_ga.issue(what, mmu_at);
    ia64::this_cpu().ptc_ga.wait(mmu_at);
    ptcg_lock.unlock();
  }
  smp_mb();  // the purge before what the caller does next
  preempt_enable();
}

}  // namespace

bool ia64::hardware_init(const TlbGeometry& geometry) noexcept {
  new (&ptcg_lock) Spinlock;  // an execution may have been cut short while it was held
  return cpus::hardware_init(geometry) && rids.init(asids(geometry));
}
void ia64::hardware_exit() noexcept {
  rids.exit();
  cpus::hardware_exit();
}

void ia64::flush_tlb_all() noexcept {
  cpumask all;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) all.set(id);
  on_each_cpu_mask(
      all,
      [](void*) {
        const access_window_of<ia64> window;
        this_cpu().mmu.invalidate_all();
      },
      nullptr);
}

// The kernel gives the mm another region id and has the CPUs that run it load that: a purge of the old one.
void ia64::flush_tlb_mm(mm_struct& mm) noexcept {
  generic::trace_tlb_flush(mm, full_flush);
  purge(mm, {.reach = generic::Reach::asid});
}

void ia64::flush_tlb_range(
    mm_struct& mm, vaddr_t start, vaddr_t end, unsigned, bool freed_tables) noexcept {
  start &= page_mask;
  if (end == tlb_flush_all || end - start > most_of_a_range) {
    flush_tlb_mm(mm);
    return;
  }
  generic::trace_tlb_flush(mm, static_cast<std::int64_t>((end - start) >> page_shift));
  purge(mm, {.reach = freed_tables ? generic::Reach::all_levels : generic::Reach::leaf,
             .start = start,
             .end = end});
}

void ia64::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  flush_tlb_range(mm, va & page_mask, (va & page_mask) + page_size, page_shift, false);
}

void ia64::tlb_flush(gather_range& tlb) noexcept {
  if (tlb.fullmm || tlb.end == tlb_flush_all) {
    flush_tlb_mm(*tlb.mm);
  } else if (tlb.end - tlb.start >= huge_range ||
             tlb.start >> region_shift != (tlb.end - 1) >> region_shift) {
    generic::trace_tlb_flush(*tlb.mm, full_flush);
    smp_mb();  // changed entries before the interrupts
    flush_tlb_all();
  } else {
    flush_tlb_range(*tlb.mm, tlb.start, tlb.end, page_shift, true);
  }
}

void ia64::switch_mm_irqs_off(mm_struct& next) noexcept {
  ia64_cpu& cpu = this_cpu();
  if (cpu.loaded_mm.load(order::relaxed) == &next) return;
  if (&next == &init_mm()) {
    load(cpu, next, 0);
    return;
  }
  mm_cpumask_set(next, smp_processor_id());  // full, before anything is walked
  const auto chosen = rids.switch_to(context_of<ia64>(next).rid);
  if (chosen.flush_all) {
    const access_window_of<ia64> window;
    cpu.mmu.invalidate_all();
  }
  load(cpu, next, chosen.number);
}

}  // namespace tlblab::inline TLBLAB_WORLD
