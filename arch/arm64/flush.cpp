// SPDX-License-Identifier: GPL-2.0-or-later
// TLBI and DSB on arm64.
//
//   DSB ISHST    the entries that were changed are seen by all walkers
//   TLBI ...IS   issued: sooner or later every CPU drops what it has
//   DSB ISH      every CPU has, and its accesses through what it dropped are done
//
// Nobody is interrupted. So a CPU that walks tables in software with interrupts off is not held back,
// and tables are freed after a grace period.
//
// TLBI VALE drops leaf entries only: enough unless a table goes. A level hint (TTL) says which size the
// entries have, and others may stay: it is given only if one level was changed and no table freed.
// Without range operations 512 single ones or more are dearer than all of the ASID.
//
// Hardware with range operations covers (num + 1) << (5 * scale + 1) pages with each, num of five bits,
// from scale 3 down; an odd page is left for a single one.
#include "arch/arm64/contpte.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr unsigned max_dvm_ops = ptrs_per_table;
constexpr std::uint64_t max_range_pages = 32ULL << 16;

hw::Mmu& mmu_at(unsigned cpu) noexcept { return arm64::cpu(cpu).mmu; }

// Full, though all that is needed is that changed entries are seen before the TLBI works.
void dsb_ishst() noexcept { smp_mb(); }
void tlbi(arm64::Scope scope, const generic::invalidation& what) noexcept {
  if (scope == arm64::Scope::everybody) arm64::this_cpu().tlbi.issue(what, mmu_at);
  if (scope != arm64::Scope::this_cpu) return;
  const access_window_of<arm64> window;
  generic::invalidate(arm64::this_cpu().mmu, what);
}
void dsb_ish() noexcept {
  arm64::this_cpu().tlbi.wait(mmu_at);
  smp_mb();
}

// Read behind the DSB: the mm may get another ASID meanwhile. Who adopts that one has no entry under it,
// and walks after the entries were changed (D29).
unsigned asid_of(mm_struct& mm) noexcept {
  return generic::asid_allocator::number_of(context_of<arm64>(mm).id.load(order::relaxed));
}

// Before 5e10f9887ed8 it was read in front of the DSB (scenario asid-read-2021).
unsigned dsb_ishst_asid(mm_struct& mm) noexcept {
  const bool late = mm.fixes.asid_read_late;
  const unsigned early = late ? 0 : asid_of(mm);
  dsb_ishst();
  return late ? asid_of(mm) : early;
}

constexpr std::uint64_t range_pages(unsigned num, unsigned scale) noexcept {
  return static_cast<std::uint64_t>(num + 1) << (5 * scale + 1);
}

// As many operations as the hardware needs; each covers its part.
void tlbi_range(arm64::Scope scope, generic::invalidation what) noexcept {
  const std::uint64_t stride = 1ULL << what.stride_shift;
  const vaddr_t end = what.end;
  std::uint64_t pages = (end - what.start) >> page_shift;
  for (unsigned scale = 4; pages > 0;) {
    std::uint64_t part = stride;
    if (!arm64::opted.no_range && pages > 1) {
      --scale;
      const std::uint64_t num = pages >> (5 * scale + 1) & 31;
      if (num == 0) continue;
      part = range_pages(static_cast<unsigned>(num) - 1, scale) << page_shift;
    }
    what.end = what.start + part;
    tlbi(scope, what);
    what.start = what.end;
    pages = what.start < end ? (end - what.start) >> page_shift : 0;
  }
}

// False: the whole mm is cheaper.
bool flush_range_nosync(mm_struct& mm,
                        vaddr_t start,
                        vaddr_t end,
                        unsigned stride_shift,
                        bool last_level,
                        unsigned size) noexcept {
  const std::uint64_t stride = 1ULL << stride_shift;
  start &= ~(stride - 1);
  end = (end + stride - 1) & ~(stride - 1);
  if ((arm64::opted.no_range && end - start >= max_dvm_ops * stride) ||
      (end - start) >> page_shift > max_range_pages)
    return false;
  const unsigned asid = dsb_ishst_asid(mm);
  tlbi_range(arm64::scope_of(mm),
             {.reach = last_level ? generic::Reach::leaf : generic::Reach::all_levels,
              .asid = asid,
              .start = start,
              .end = end,
              .stride_shift = stride_shift,
              .size = size});
  return true;
}

void flush_range(mm_struct& mm,
                 vaddr_t start,
                 vaddr_t end,
                 unsigned stride_shift,
                 bool last_level,
                 unsigned size) noexcept {
  if (end == tlb_flush_all || !flush_range_nosync(mm, start, end, stride_shift, last_level, size)) {
    arm64::flush_tlb_mm(mm);
    return;
  }
  generic::trace_tlb_flush(mm, static_cast<std::int64_t>((end - start) >> stride_shift));
  dsb_ish();
}

// The size that the hint names; any_size: none is given.
unsigned size_hint(const gather_range& tlb) noexcept {
  if (tlb.freed_tables) return generic::any_size;
  const bool levels[] = {tlb.cleared_ptes, tlb.cleared_pmds, tlb.cleared_puds, tlb.cleared_p4ds};
  unsigned size = generic::any_size;
  for (unsigned level = 0; level < std::size(levels); ++level)
    if (levels[level]) {
      if (size != generic::any_size) return generic::any_size;
      size = level;
    }
  return size < hw::page_sizes ? size : generic::any_size;
}

}  // namespace

// An mm that nobody runs any more keeps its entries, for its ASID is not given out again before every
// TLB has been emptied; but for cached upper levels, which lead into what is freed.
void arm64::tlb_flush(gather_range& tlb) noexcept {
  if (tlb.fullmm) {
    if (tlb.freed_tables) flush_tlb_mm(*tlb.mm);
    return;
  }
  flush_range(*tlb.mm, tlb.start, tlb.end, tlb.unmap_shift(), !tlb.freed_tables, size_hint(tlb));
}

void arm64::flush_tlb_mm(mm_struct& mm) noexcept {
  generic::trace_tlb_flush(mm, full_flush);
  const unsigned asid = dsb_ishst_asid(mm);
  tlbi(scope_of(mm), {.reach = generic::Reach::asid, .asid = asid});
  dsb_ish();
}

// All levels whether tables were freed or not: who moves or collapses tables comes here.
void arm64::flush_tlb_range(
    mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool) noexcept {
  flush_range(mm, start, end, stride_shift, false, generic::any_size);
}

namespace {
void flush_page_nosync(mm_struct& mm, vaddr_t va) noexcept {
  const vaddr_t start = va & page_mask;
  generic::trace_tlb_flush(mm, 1);
  const unsigned asid = dsb_ishst_asid(mm);
  tlbi(arm64::scope_of(mm),
       {.reach = generic::Reach::leaf, .asid = asid, .start = start, .end = start + page_size});
}
}  // namespace

void arm64::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  flush_page_nosync(mm, va);
  dsb_ish();
}

// Each page's TLBI at once; what is put off is the wait. It is this CPU's own: another one's DSB waits for
// nothing that was issued here, so who cannot go on before it is over flushes by himself.
void arm64::arch_tlbbatch_add_pending(arch_tlbflush_unmap_batch&,
                                      mm_struct& mm,
                                      vaddr_t va) noexcept {
  flush_page_nosync(mm, va);
}
void arm64::arch_tlbbatch_flush(arch_tlbflush_unmap_batch&) noexcept { dsb_ish(); }
void arm64::arch_flush_tlb_batched_pending(mm_struct& mm) noexcept {
  if (mm.fixes.batched_flush_mm)
    flush_tlb_mm(mm);
  else
    dsb_ish();
}

void arm64::flush_tlb_block(mm_struct& mm, vaddr_t start) noexcept {
  flush_range(mm, start, start + CONT_PTE_SIZE, page_shift, true, 0);
}

}  // namespace tlblab::inline TLBLAB_WORLD
