// SPDX-License-Identifier: GPL-2.0-or-later
// sfence.vma on RISC-V.
//
// With an address it drops leaf entries of that page alone; cached upper levels stay. So who frees a table
// flushes the ASID, and so does who takes a table away from where it stands.
//
// It works on its own CPU. Others are asked in one of two ways. The firmware (SBI remote fence) stops
// them in machine mode, whether they have their interrupts on or not, and the call returns when all have
// done it: nobody is held back who walks tables in software, and tables are freed after a grace period.
// Or the kernel sends an interrupt (option ipi) and waits.
//
// If no other CPU is in the mm's set nobody is asked. There is no fence between the changed entries and
// the look at the set, but what the changes themselves are: ptep_get_and_clear is one, ptep_set_wrprotect
// is not.
//
// Svinval tells the invalidates apart from the fences: between sfence.w.inval and sfence.inval.ir they
// come in any order, and all of them at once here.
#include "arch/riscv/riscv.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

bool covers(const generic::invalidation& what, const cached_absence& absent) noexcept {
  if (what.reach == generic::Reach::everything) return true;
  if (what.asid != absent.asid) return false;
  return what.reach == generic::Reach::asid ||
         (absent.page >= (what.start & page_mask) && absent.page < what.end);
}

// The kernel's flush_tlb_range_data.
struct flush_tlb_range_data {
  unsigned asid;  // or no_asid: all
  vaddr_t start;
  std::uint64_t size;  // all: flush_tlb_max_size
  std::uint64_t stride;
};
constexpr std::uint64_t flush_tlb_max_size = ~0ULL;
constexpr unsigned no_asid = ~0U;

std::uint64_t nr_ptes_in_range(const flush_tlb_range_data& range) noexcept {
  return range.size == flush_tlb_max_size ? range.size
                                          : (range.size + range.stride - 1) / range.stride;
}
bool is_whole_asid(const flush_tlb_range_data& range) noexcept {
  return nr_ptes_in_range(range) > riscv::tlb_flush_all_threshold;
}

generic::invalidation whole(const flush_tlb_range_data& range) noexcept {
  if (range.asid == no_asid) return {.reach = generic::Reach::everything};
  return {.reach = generic::Reach::asid, .asid = range.asid};
}
generic::invalidation page_of(const flush_tlb_range_data& range, std::uint64_t n) noexcept {
  const vaddr_t va = range.start + n * range.stride;
  return {.reach = generic::Reach::leaf, .asid = range.asid, .start = va, .end = va + page_size};
}

void sfence_all_of(riscv_cpu& cpu, const flush_tlb_range_data& range) noexcept {
  if (is_whole_asid(range)) return sfence_vma(cpu, whole(range));
  for (std::uint64_t n = 0; n < nr_ptes_in_range(range); ++n) sfence_vma(cpu, page_of(range, n));
}

void local_flush_tlb_range_asid(const flush_tlb_range_data& range) noexcept {
  if (riscv::opted.svinval || is_whole_asid(range)) {
    const access_window_of<riscv> window;
    return sfence_all_of(riscv::this_cpu(), range);
  }
  for (std::uint64_t n = 0; n < nr_ptes_in_range(range); ++n) {
    const access_window_of<riscv> window;
    sfence_vma(riscv::this_cpu(), page_of(range, n));
  }
}

// The firmware knows no stride, and has a threshold of its own (OpenSBI: one page; here the kernel's).
void sbi_remote_sfence_vma_asid(const cpumask& mask, flush_tlb_range_data range) noexcept {
  range.stride = page_size;
  generic::trace_broadcast(range.start,
                           is_whole_asid(range) ? tlb_flush_all : range.start + range.size);
  smp_mb();  // the firmware's: it writes to the other CPUs after what the caller wrote
  mask.for_each([&](unsigned id) {
    const remote_mmu taken(id);
    sfence_all_of(riscv::cpu(id), range);
  });
  smp_mb();  // its answers before what the caller does next
}

bool any_but(cpumask mask, unsigned cpu) noexcept {
  mask.clear(cpu);
  return !mask.empty();
}

void flush_on(const cpumask& mask, flush_tlb_range_data range) noexcept {
  preempt_disable();
  if (!any_but(mask, smp_processor_id()))
    local_flush_tlb_range_asid(range);
  else if (!riscv::opted.ipi)
    sbi_remote_sfence_vma_asid(mask, range);
  else
    on_each_cpu_mask(
        mask,
        [](void* info) { local_flush_tlb_range_asid(*static_cast<flush_tlb_range_data*>(info)); },
        &range);
  preempt_enable();
}

void flush_range(mm_struct& mm, vaddr_t start, std::uint64_t size, std::uint64_t stride) noexcept {
  flush_tlb_range_data range{
      generic::asid_allocator::number_of(context_of<riscv>(mm).id.load(order::relaxed)), start,
      size, stride};
  const cpumask mask = mm_cpumask(mm);
  if (mask.empty()) return;
  generic::trace_tlb_flush(
      mm, is_whole_asid(range) ? full_flush : static_cast<std::int64_t>(nr_ptes_in_range(range)));
  flush_on(mask, range);
}

}  // namespace

void sfence_vma(riscv_cpu& cpu, const generic::invalidation& what) noexcept {
  generic::invalidate(cpu.mmu, what);
  if (covers(what, cpu.absent)) cpu.absent.known = false;
}

Translation riscv::translate(vaddr_t va, Access access) noexcept {
  riscv_cpu& cpu = this_cpu();
  cached_absence& absent = cpu.absent;
  const vaddr_t page = va & page_mask;
  if (absent.known && absent.page == page && absent.asid == cpu.mmu.asid()) [[unlikely]] {
    absent.known = false;
    return {};
  }
  const Translation found = cpus::translate(va, access);
  if (found.host == nullptr && !found.present) absent = {true, cpu.mmu.asid(), page};
  return found;
}

// All ASIDs in the kernel; only that of mm can have the page. Without it the access that faulted may
// fault once more.
void riscv::update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t) noexcept {
  const access_window_of<riscv> window;
  const unsigned asid =
      generic::asid_allocator::number_of(context_of<riscv>(mm).id.load(order::relaxed));
  sfence_vma(this_cpu(), {.reach = generic::Reach::leaf,
                          .asid = asid,
                          .start = va & page_mask,
                          .end = (va & page_mask) + page_size});
}

void riscv::tlb_flush(gather_range& tlb) noexcept {
  if (tlb.fullmm || tlb.need_flush_all || tlb.freed_tables)
    flush_tlb_mm(*tlb.mm);
  else
    flush_range(*tlb.mm, tlb.start, tlb.end - tlb.start, 1ULL << tlb.unmap_shift());
}

void riscv::flush_tlb_mm(mm_struct& mm) noexcept {
  flush_range(mm, 0, flush_tlb_max_size, page_size);
}

void riscv::flush_tlb_range(
    mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept {
  if (freed_tables || end == tlb_flush_all)
    flush_tlb_mm(mm);
  else
    flush_range(mm, start, end - start, 1ULL << stride_shift);
}

void riscv::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  flush_range(mm, va & page_mask, page_size, page_size);
}

// ---- reclaim's flushes, of many address spaces at once --------------------------------------------

void riscv::arch_tlbbatch_add_pending(arch_tlbflush_unmap_batch& batch,
                                      mm_struct& mm,
                                      vaddr_t) noexcept {
  batch.mask.merge(mm_cpumask(mm));
}

void riscv::arch_tlbbatch_flush(arch_tlbflush_unmap_batch& batch) noexcept {
  trace(EventKind::tlb_flush, 0, static_cast<std::uint64_t>(FlushReason::local_shootdown),
        static_cast<std::uint64_t>(full_flush));
  if (!batch.mask.empty()) flush_on(batch.mask, {no_asid, 0, flush_tlb_max_size, page_size});
  batch.mask = {};
}

}  // namespace tlblab::inline TLBLAB_WORLD
