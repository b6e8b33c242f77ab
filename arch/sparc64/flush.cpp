// SPDX-License-Identifier: GPL-2.0-or-later
// Flushes on sparc64.
//
// Whoever changes a valid entry adds its address to a batch of the CPU. The batch lives from entering
// lazy MMU mode until leaving it, both inside one section of a PTL; outside each change is flushed at once
// (D22). So no entry's debt outlives the PTL under which it was made: who takes the PTL next finds no
// TSB and no TLB behind the entry (D23), and flush_tlb_* have nothing to do.
//
// A flush is: the TSB entries, by the flusher, since there is one TSB for all CPUs; then a cross call
// to the CPUs that have used the context since it was given out, which drop the pages from their TLBs.
// In this order: a CPU that misses after its cross call must not find the TSB entry again.
//
// Whether the context is of the present version is not asked. Of an old one TLBs may hold what is never
// found again, and a flush of that is for nothing; but who begins a version raises it first and then carries
// over the numbers that CPUs run, and in between a context in use looks old (D20). The number does not change
// by that. An mm that gets another number meanwhile walks after the TSB was flushed here (D29).
#include "arch/sparc64/sparc64.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

struct tlb_pending_info {
  unsigned ctx = 0;
  const vaddr_t* vaddrs = nullptr;
  unsigned nr = 0;
};

// Interrupts are off, or preemption is.
void tlb_pending_func(void* request) noexcept {
  const auto& info = *static_cast<const tlb_pending_info*>(request);
  hw::Mmu& mmu = sparc64::this_cpu().mmu;
  const access_window_of<sparc64> window;
  for (unsigned n = 0; n < info.nr; ++n) {
    charge(Cost::invalidate_page);
    mmu.tlb.invalidate_page(info.ctx, info.vaddrs[n]);
  }
}

void flush_ctx_func(void* ctx) noexcept {
  charge(Cost::invalidate_all);
  const access_window_of<sparc64> window;
  sparc64::this_cpu().mmu.invalidate_asid(*static_cast<const unsigned*>(ctx));
}

// The local part too, whether this CPU is in the set or not. Kernel: smp_call_function_many with wait; one
// page goes by a cross call that the kernel does not wait for beyond its delivery, for nothing but the
// end of a trap handler can hold it up.
template <class Info>
void on_cpus_of(mm_struct& mm, void (*func)(void*) noexcept, Info& info) noexcept {
  vm_bug_on(irqs_disabled(), "flush_with_interrupts_off");
  preempt_disable();
  cpumask others = mm_cpumask(mm);
  others.clear(smp_processor_id());
  on_each_cpu_mask(others, func, &info);
  func(&info);
  preempt_enable();
}

void flush_tsb_page(sparc64::mm_context& context, vaddr_t va, unsigned shift) noexcept {
  if (shift == page_shift)
    context.tsb_base.flush(va);
  else
    context.tsb_huge.flush(va);
}

// flush(context) under the lock of the TSBs.
template <class Flush>
void flush_tsb_user(mm_struct& mm, Flush flush) noexcept {
  sparc64::mm_context& context = context_of<sparc64>(mm);
  local_irq_save();
  context.lock.lock();
  // The changed entries before the tags are looked at; pairs with the RMW in tsb_entry::lock. On sparc64
  // the atomic instruction of the lock is that.
  smp_mb();
  flush(context);
  context.lock.unlock();
  local_irq_restore();
}

// False: no TLB can have entries of it.
bool may_be_cached(mm_struct& mm) noexcept {
  return sparc64::opted.flush_if_valid ? sparc64::ctx_valid(mm) : sparc64::ctx_number(mm) != 0;
}

void flush_tlb_pages(mm_struct& mm, const vaddr_t* vaddrs, unsigned nr) noexcept {
  generic::trace_tlb_flush(mm, nr);
  if (!may_be_cached(mm)) return;
  tlb_pending_info info{sparc64::ctx_number(mm), vaddrs, nr};
  on_cpus_of(mm, tlb_pending_func, info);
}

}  // namespace

void sparc64::flush_one_page(mm_struct& mm, vaddr_t va, unsigned shift) noexcept {
  flush_tsb_user(mm, [&](mm_context& context) { flush_tsb_page(context, va, shift); });
  flush_tlb_pages(mm, &va, 1);
}

void sparc64::flush_everything_of(mm_struct& mm) noexcept {
  flush_tsb_user(mm, [](mm_context& context) {
    context.tsb_base.flush_all();
    context.tsb_huge.flush_all();
  });
  generic::trace_tlb_flush(mm, full_flush);
  if (!may_be_cached(mm)) return;
  unsigned ctx = ctx_number(mm);
  on_cpus_of(mm, flush_ctx_func, ctx);
}

void sparc64::flush_tlb_pending() noexcept {
  sparc64_tlb_batch& batch = this_cpu().batch;
  if (batch.nr == 0) return;
  flush_tsb_user(*batch.mm, [&](mm_context& context) {
    for (unsigned n = 0; n < batch.nr; ++n)
      flush_tsb_page(context, batch.vaddrs[n], batch.hugepage_shift);
  });
  flush_tlb_pages(*batch.mm, batch.vaddrs, batch.nr);
  batch.nr = 0;
}

void sparc64::arch_enter_lazy_mmu_mode() noexcept {
  preempt_disable();
  this_cpu().batch.active = true;
}

void sparc64::arch_leave_lazy_mmu_mode() noexcept {
  flush_tlb_pending();
  this_cpu().batch.active = false;
  preempt_enable();
}

namespace {

// One kind of page and one mm at a time (trap T52).
void tlb_batch_add_one(mm_struct& mm, vaddr_t va, unsigned shift) noexcept {
  sparc64_tlb_batch& batch = sparc64::this_cpu().batch;
  if (batch.nr != 0 && (batch.mm != &mm || batch.hugepage_shift != shift))
    sparc64::flush_tlb_pending();
  batch.mm = &mm;
  batch.hugepage_shift = shift;
  batch.vaddrs[batch.nr++] = va & ~((1ULL << shift) - 1);
  if (!batch.active || batch.nr == sparc64_tlb_batch::room) sparc64::flush_tlb_pending();
}

// Entries of a table that a leaf has replaced.
void tlb_batch_pmd_scan(mm_struct& mm, vaddr_t va, const page& table) noexcept {
  for (unsigned index = 0; index < ptrs_per_table; ++index)
    if (sparc64::hw_present({table.table->entry[index].load(order::relaxed)}))
      tlb_batch_add_one(mm, va + index * page_size, page_shift);
}

void maybe_tlb_batch_add(mm_struct& mm, vaddr_t va, pte_t was, bool full) noexcept {
  if (&mm == &sparc64::init_mm()) return;
  if (sparc64::pmd_leaf(was))
    tlb_batch_add_one(mm, va, hw::size_shift(1));
  else if (sparc64::hw_present(was) && !full)
    tlb_batch_add_one(mm, va, page_shift);
}

// Kernel: __set_pte_at. What was there.
pte_t exchange(
    mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool full = false) {
  const pte_t was{word.load(order::relaxed)};
  word.store(entry.val, order::relaxed);
  maybe_tlb_batch_add(mm, va, was, full);
  return was;
}

}  // namespace

// full: the context dies with the mm, and whoever gets its number flushes before first use.
pte_t sparc64::ptep_get_and_clear(mm_struct& mm,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool full) noexcept {
  return exchange(mm, va, word, {}, full);
}

pte_t sparc64::pmdp_establish(mm_struct& mm,
                              vaddr_t va,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
  const pte_t was{word.exchange(pmd.val, order::full)};
  if (pmd_leaf(was))
    maybe_tlb_batch_add(mm, va, was, false);
  else if (!pte_none(was))
    tlb_batch_pmd_scan(mm, va & ~((1ULL << hw::size_shift(1)) - 1), *pfn_to_page(pte_pfn(was)));
  return was;
}

void sparc64::ptep_set_wrprotect(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
  exchange(mm, va, word, pte_wrprotect({word.load(order::relaxed)}));
}

bool sparc64::ptep_test_and_clear_young(mm_struct& mm,
                                        vaddr_t va,
                                        Atomic<std::uint64_t>& word) noexcept {
  const pte_t was{word.load(order::relaxed)};
  if (pte_young(was)) exchange(mm, va, word, pte_mkold(was));
  return pte_young(was);
}

bool sparc64::ptep_set_access_flags(
    mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
  if (word.load(order::relaxed) == entry.val) return false;
  exchange(mm, va, word, entry);
  return true;
}

// ---- 2007 ---------------------------------------------------------------------------------------

bool sparc64_2007::hardware_init(const TlbGeometry& geometry) noexcept {
  if (!sparc64::hardware_init(geometry)) return false;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) cpu(id).batch.active = true;
  return true;
}

// Nobody flushes after it, and a batch was flushed when its CPU switched.
bool sparc64_2007::ptep_test_and_clear_young(mm_struct& mm,
                                             vaddr_t va,
                                             Atomic<std::uint64_t>& word) noexcept {
  const bool young = sparc64::ptep_test_and_clear_young(mm, va, word);
  flush_tlb_pending();
  return young;
}

bool sparc64_2007::ptep_set_access_flags(
    mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept {
  const bool changed = sparc64::ptep_set_access_flags(mm, va, word, entry, dirty);
  flush_tlb_pending();
  return changed;
}

// force came ten years later: other CPUs have their batches, so all of the mm goes.
bool sparc64_2007::arch_tlb_finish_mmu(gather_range& tlb, vaddr_t, vaddr_t, bool force) noexcept {
  const bool recorded = tlb.recorded();
  flush_tlb_pending();
  if (force || tlb.fullmm) flush_everything_of(*tlb.mm);
  tlb.reset();
  return recorded || force;
}

// flush_tlb_* were flush_tlb_pending. Today's callers also want what other CPUs have in their batches.
void sparc64_2007::flush_tlb_mm(mm_struct& mm) noexcept {
  flush_tlb_pending();
  if (mm.tlb_flush_pending.load(order::relaxed) != 0) flush_everything_of(mm);
}
void sparc64_2007::flush_tlb_range(mm_struct& mm, vaddr_t, vaddr_t, unsigned, bool) noexcept {
  flush_tlb_mm(mm);
}
void sparc64_2007::flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
  flush_tlb_pending();
  if (mm.tlb_flush_pending.load(order::relaxed) != 0)
    flush_one_page(mm, va & page_mask, page_shift);
}

}  // namespace tlblab::inline TLBLAB_WORLD
