// SPDX-License-Identifier: GPL-2.0-or-later
// What the host has mapped, and how it comes to map what the tables say.
//
// An mm has an address space of the host (host_mm), which all CPUs of the lab share: what the host unmaps is
// gone everywhere when its munmap returns, as its own kernel sees to.
//
// A flush notes a range (um_tlb_mark_sync); um_tlb_sync has the host unmap it. In the kernel the sync comes
// when the CPU, the only one, goes back to a program, so everything that was noted since costs one walk. Here
// nobody tells arch of that moment, so the flush syncs: it is complete when it returns, on any number
// of CPUs (D20). The kernel's sync maps what is there, too; here that comes when a program faults on it,
// which it also may in the kernel.
//
// The lock is held during the sync: who finds that his range was synced by another has waited for it. No
// interrupt takes it.
#include "arch/um/um.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<um>);
static_assert(!WalksAhead<um>);

namespace {

generic::context_ids host_mms;

hw::Mmu& mmu_at(unsigned cpu) noexcept { return um::cpu(cpu).mmu; }

// More pages than that are dearer than the whole address space.
constexpr vaddr_t most_of_a_range = 1ULL << 30;

// The host's.
void host_munmap(um::mm_context& context, vaddr_t start, vaddr_t end) noexcept {
  generic::in_flight& munmap = um::this_cpu().munmap;
  const bool whole = end - start > most_of_a_range;
  munmap.issue({.reach = whole ? generic::Reach::asid : generic::Reach::all_levels,
                .asid = context.host_mm,
                .start = start,
                .end = end},
               mmu_at);
  munmap.wait(mmu_at);
}

// The lock is held.
void um_tlb_mark_sync(um::mm_context& context, vaddr_t start, vaddr_t end) noexcept {
  const bool noted = context.sync_range_from < context.sync_range_to;
  context.sync_range_from = noted ? std::min(context.sync_range_from, start) : start;
  context.sync_range_to = noted ? std::max(context.sync_range_to, end) : end;
}
void um_tlb_sync(um::mm_context& context) noexcept {
  if (context.sync_range_from < context.sync_range_to)
    host_munmap(context, context.sync_range_from, context.sync_range_to);
  context.sync_range_from = context.sync_range_to = 0;
}

void flush(mm_struct& mm, vaddr_t start, vaddr_t end) noexcept {
  um::mm_context& context = context_of<um>(mm);
  preempt_disable();
  context.sync_lock.lock();
  smp_mb();  // changed entries before the host's munmap: a CPU that faults afterwards reads them
  um_tlb_mark_sync(context, start, end);
  um_tlb_sync(context);
  smp_mb();  // the munmap before what the caller does next
  context.sync_lock.unlock();
  preempt_enable();
}

}  // namespace

bool um::hardware_init(const TlbGeometry& geometry) noexcept {
  return cpus::hardware_init(geometry) && host_mms.init(asids(geometry));
}
void um::hardware_exit() noexcept {
  host_mms.exit();
  cpus::hardware_exit();
}

// The host maps the page as its entry says, or the access is a page fault. One window: the host's mmap and its
// munmap for another CPU exclude each other.
bool um::tlb_miss(mm_struct&, vaddr_t va, Access access) noexcept {
  local_irq_save();
  bool mapped = false;
  {
    const access_window_of<um> window;
    mapped = cpus::translate(va, access).host != nullptr;
  }
  local_irq_restore();
  return mapped;
}

void um::tlb_flush(gather_range& tlb) noexcept {
  if (tlb.fullmm || tlb.need_flush_all)
    flush_tlb_mm(*tlb.mm);
  else
    flush_tlb_range(*tlb.mm, tlb.start, tlb.end, page_shift, tlb.freed_tables);
}

void um::flush_tlb_mm(mm_struct& mm) noexcept {
  generic::trace_tlb_flush(mm, full_flush);
  flush(mm, 0, tlb_flush_all);
}

void um::flush_tlb_range(mm_struct& mm, vaddr_t start, vaddr_t end, unsigned, bool) noexcept {
  if (end == tlb_flush_all) {
    flush_tlb_mm(mm);
    return;
  }
  generic::trace_tlb_flush(mm, static_cast<std::int64_t>((end - start) >> page_shift));
  flush(mm, start & page_mask, end);
}

void um::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  flush_tlb_range(mm, va & page_mask, (va & page_mask) + page_size, page_shift, false);
}

void um::init_new_context(mm_struct& mm) noexcept {
  mm_context& context = context_of<um>(mm);
  context.host_mm = host_mms.take();
  context.sync_range_from = context.sync_range_to = 0;
}

void um::switch_mm_irqs_off(mm_struct& next) noexcept {
  um_cpu& cpu = this_cpu();
  mm_struct& prev = *cpu.loaded_mm.load(order::relaxed);
  if (&prev == &next) return;
  mm_cpumask_clear(prev, smp_processor_id());
  mm_cpumask_set(next, smp_processor_id());
  load(cpu, next, &next == &init_mm() ? 0 : context_of<um>(next).host_mm);
}

// The host's address space goes with it.
void um::forget_mm(mm_struct& mm) noexcept {
  cpus::forget_mm(mm);
  host_munmap(context_of<um>(mm), 0, tlb_flush_all);
  host_mms.give_back(context_of<um>(mm).host_mm);
}

}  // namespace tlblab::inline TLBLAB_WORLD
