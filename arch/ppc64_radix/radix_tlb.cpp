// SPDX-License-Identifier: GPL-2.0-or-later
// tlbie and tlbiel on the radix MMU.
//
//   ptesync                 the entries that were changed are seen by all walkers
//   tlbie, tlbiel           RIC 0: translations; RIC 1: the walk cache (PWC); RIC 2: both
//   eieio, tlbsync, ptesync every CPU has dropped them, and its accesses through them are done
//
// One of a page drops translations of one page size, and never what the walk cache has. So a gather
// holds one page size at a time; a freed table costs a RIC 1, which drops the walk cache of the PID; and
// flush_tlb_range, whose caller may have moved tables, does one if the range is of a PMD or more. Nobody
// is interrupted, so tables are freed after a grace period.
//
// A tlbie goes over the fabric, so 34 pages or more are dearer than all of the PID; a tlbiel does not, and
// all of the PID is one for each of the TLB's 128 sets.
#include "arch/ppc64_radix/ppc64_radix.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using generic::invalidation;
using generic::Reach;
using Scope = ppc64_radix::Scope;

constexpr std::uint64_t tlb_single_page_flush_ceiling = 33;
constexpr std::uint64_t tlb_local_single_page_flush_ceiling = 2ULL * 128;
constexpr vaddr_t pmd_size = 1ULL << hw::size_shift(1);

hw::Mmu& mmu_at(unsigned cpu) noexcept { return ppc64_radix::cpu(cpu).mmu; }

void ptesync() noexcept { smp_mb(); }

void tlbie(Scope scope, const invalidation& what) noexcept {
  ppc64_radix_cpu& cpu = ppc64_radix::this_cpu();
  if (scope == Scope::everybody) cpu.tlbie.issue(what, mmu_at);
  if (scope != Scope::this_cpu) return;
  const access_window_of<ppc64_radix> window;
  generic::invalidate(cpu.mmu, what);
}
void tlbsync(Scope scope) noexcept {
  if (scope == Scope::everybody) ppc64_radix::this_cpu().tlbie.wait(mmu_at);
  ptesync();
}

unsigned pid_of(mm_struct& mm) noexcept { return context_of<ppc64_radix>(mm).id; }

void flush_pid(mm_struct& mm, Scope scope, Reach reach) noexcept {
  ptesync();
  tlbie(scope, {.reach = reach, .asid = pid_of(mm)});
  tlbsync(scope);
}

Scope scope_of(mm_struct& mm, bool fullmm) noexcept {
  // The changed entries before the set of CPUs: pairs with smp_mb in book3s64_enter; without it a CPU
  // that begins to walk is not seen, and it has not seen the change (D26).
  smp_mb();
  return ppc64_radix::flush_type_needed(mm, fullmm);
}

std::uint64_t pages_of(vaddr_t start, vaddr_t end, unsigned size) noexcept {
  return (end - start) >> hw::size_shift(size);
}
bool all_is_cheaper(Scope scope, std::uint64_t pages) noexcept {
  return pages > (scope == Scope::everybody ? tlb_single_page_flush_ceiling
                                            : tlb_local_single_page_flush_ceiling);
}

void tlbie_va_range(
    mm_struct& mm, Scope scope, vaddr_t start, vaddr_t end, unsigned size) noexcept {
  const std::uint64_t stride = 1ULL << hw::size_shift(size);
  for (vaddr_t va = start & ~(stride - 1); va < end; va += stride)
    tlbie(scope, {.reach = Reach::leaf,
                  .asid = pid_of(mm),
                  .start = va,
                  .end = va + stride,
                  .stride_shift = hw::size_shift(size),
                  .size = size});
}

// Pages of one size; and the walk cache, if tables went.
void flush_tlb_range_psize(
    mm_struct& mm, vaddr_t start, vaddr_t end, unsigned size, bool also_pwc) noexcept {
  const std::uint64_t pages = pages_of(start, end, size);
  generic::trace_tlb_flush(mm, static_cast<std::int64_t>(pages));
  const Scope scope = scope_of(mm, false);
  if (scope == Scope::nobody) return;
  if (all_is_cheaper(scope, pages))
    return flush_pid(mm, scope, also_pwc ? Reach::asid : Reach::asid_tlb);
  ptesync();
  if (also_pwc) tlbie(scope, {.reach = Reach::asid_walk, .asid = pid_of(mm)});
  tlbie_va_range(mm, scope, start, end, size);
  tlbsync(scope);
}

void flush_all_mm(mm_struct& mm, bool fullmm) noexcept {
  generic::trace_tlb_flush(mm, full_flush);
  const Scope scope = scope_of(mm, fullmm);
  if (scope != Scope::nobody) flush_pid(mm, scope, Reach::asid);
}

// Who goes away is interrupted everywhere soon in any case: so CPUs that run nothing let go of it here.
void flush_fullmm(mm_struct& mm) noexcept {
  smp_mb();  // as in scope_of
  ppc64_radix::exit_flush_lazy_tlbs(mm);
  flush_all_mm(mm, true);
}

}  // namespace

void tlbiel_pid_all(mm_struct& mm) noexcept { flush_pid(mm, Scope::this_cpu, Reach::asid); }

void ppc64_radix::tlb_flush(gather_range& tlb) noexcept {
  if (tlb.fullmm) return flush_fullmm(*tlb.mm);
  const unsigned size = (tlb.unmap_shift() - page_shift) / 9;
  if (size < hw::page_sizes)
    flush_tlb_range_psize(*tlb.mm, tlb.start, tlb.end, size, tlb.freed_tables);
  else if (tlb.freed_tables)
    flush_all_mm(*tlb.mm, false);
  else
    flush_tlb_mm(*tlb.mm);
}

void ppc64_radix::flush_tlb_mm(mm_struct& mm) noexcept {
  generic::trace_tlb_flush(mm, full_flush);
  const Scope scope = scope_of(mm, false);
  if (scope != Scope::nobody) flush_pid(mm, scope, Reach::asid_tlb);
}

void ppc64_radix::flush_tlb_range(
    mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept {
  if (end == tlb_flush_all) return freed_tables ? flush_all_mm(mm, false) : flush_tlb_mm(mm);
  if (stride_shift > page_shift)
    return flush_tlb_range_psize(mm, start, end, (stride_shift - page_shift) / 9, freed_tables);
  const std::uint64_t pages = pages_of(start, end, 0);
  generic::trace_tlb_flush(mm, static_cast<std::int64_t>(pages));
  const Scope scope = scope_of(mm, false);
  if (scope == Scope::nobody) return;
  if (all_is_cheaper(scope, pages)) return flush_pid(mm, scope, Reach::asid);
  const vaddr_t huge_start = (start + pmd_size - 1) & ~(pmd_size - 1);
  const vaddr_t huge_end = end & ~(pmd_size - 1);
  ptesync();
  if (end - start >= pmd_size || freed_tables)
    tlbie(scope, {.reach = Reach::asid_walk, .asid = pid_of(mm)});
  tlbie_va_range(mm, scope, start, end, 0);
  if (huge_start < huge_end) tlbie_va_range(mm, scope, huge_start, huge_end, 1);
  tlbsync(scope);
}

void ppc64_radix::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  generic::trace_tlb_flush(mm, 1);
  const Scope scope = scope_of(mm, false);
  if (scope == Scope::nobody) return;
  ptesync();
  tlbie_va_range(mm, scope, va & page_mask, (va & page_mask) + page_size, 0);
  tlbsync(scope);
}

}  // namespace tlblab::inline TLBLAB_WORLD
