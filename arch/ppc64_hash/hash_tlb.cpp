// SPDX-License-Identifier: GPL-2.0-or-later
// An entry of the page tables was changed: its copy in the hash page table goes.
//
// The old entry said whether there may be a copy and where (D23). Inside lazy MMU mode, that is under a
// page-table lock, it is kept in the CPU's batch and the copy removed when the mode is left, before the
// lock is dropped (D22): as long as the copy may be there nobody else can put a new entry in its place,
// and so nobody makes a second copy. Outside of it the copy goes at once. So when a gather ends, nothing
// is left to do: that only keeps pages until then, and flush_tlb_range and the like do nothing (trap T51).
//
// That was not always so: see tlbflush_2007.h. What it does not cover is told in README.md.
#include "arch/ppc64_hash/native.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

std::uint64_t tag_of(mm_struct& mm, vaddr_t va, bool large) noexcept {
  return hw::HashTable::tag_of(context_of<ppc64_hash>(mm).id, va, large);
}

void clear_copy(mm_struct& mm, vaddr_t va, std::uint64_t pte, bool large) noexcept {
  const std::uint64_t tag = tag_of(mm, va, large);
  const bool secondary = (pte & ppc64_hash::f_second) != 0;
  const std::uint64_t in_group = (pte & ppc64_hash::f_gix) >> ppc64_hash::f_gix_shift;
  const std::uint64_t slot = ppc64_hash::htab.group_of(tag, secondary) + in_group;
  led_to(pte, &ppc64_hash::htab.entry(slot));
  native::hpte_clear(mm, slot, tag);
}

// Copies first, then translations, which cannot come back then. Only now is looked whether this CPU has the
// mm for itself: one that begins to run it is either counted or finds no copy.
void flush_hash_range(const ppc64_tlb_batch& batch) noexcept {
  mm_struct& mm = *batch.mm;
  const bool was_local = generic::mm_is_thread_local<ppc64_hash>(mm);
  const unsigned asid = context_of<ppc64_hash>(mm).id;
  generic::trace_tlb_flush(mm, batch.index);
  local_irq_save();
  for (unsigned i = 0; i < batch.index; ++i) clear_copy(mm, batch.va[i], batch.pte[i], batch.large);
  // Entries gone before the tlbie works, so that no TLB finds them again, and before the CPUs are counted;
  // pairs with smp_mb in book3s64_enter, without which the late CPU keeps what it has found.
  native::ptesync();
  const bool local =
      ppc64_hash::opted.early_local ? was_local : generic::mm_is_thread_local<ppc64_hash>(mm);
  for (unsigned i = 0; i < batch.index; ++i) native::tlbie({asid, batch.va[i], batch.large}, local);
  native::tlbsync(local);
  local_irq_restore();
}

void flush(ppc64_tlb_batch& batch) noexcept {
  flush_hash_range(batch);
  batch.index = 0;
}

void hpte_need_flush(mm_struct& mm, vaddr_t va, std::uint64_t old, bool always_batches) noexcept {
  ppc64_tlb_batch& batch = ppc64_hash::this_cpu().batch;
  const bool large = (old & ppc64_hash::leaf) != 0;
  // Reclaim in the middle of somebody's batch may come with another mm.
  if (batch.index > 0 && (batch.mm != &mm || batch.large != large)) flush(batch);
  batch.mm = &mm;
  batch.large = large;
  batch.va[batch.index] = va & page_mask;
  batch.pte[batch.index++] = old;
  const bool waits = batch.active || always_batches;
  if (!waits || batch.index == ppc64_tlb_batch::room) flush(batch);
}

}  // namespace

// The old value. Relaxed, as in the kernel.
std::uint64_t ppc64_hash::pte_update(
    mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, bits clear, bits set) noexcept {
  for (;;) {
    // Consume: where the copy is follows from it, so the copy is seen as the hash fault left it; pairs
    // with the ptesync in hpte_insert.
    std::uint64_t old = word.load(order::consume);
    if ((old & busy) != 0) {
      cpu_relax();
      continue;
    }
    if (!word.compare_exchange(old, (old & ~clear) | set, order::relaxed)) continue;
    if ((old & hashpte) != 0) hpte_need_flush(mm, va, old, always_batches);
    return old;
  }
}

// Hash faults that are in the table, with interrupts off, are waited for: they could make another copy.
// Kernel: hash__pmdp_collapse_flush.
pte_t ppc64_hash::establish_over_table(mm_struct& mm,
                                       vaddr_t va,
                                       Atomic<std::uint64_t>& word,
                                       pte_t pmd) noexcept {
  const pte_t was{word.exchange(pmd.val, order::full)};
  const page& table = *pfn_to_page(pte_pfn(was));
  on_each_cpu_mask(mm_cpumask(mm), [](void*) noexcept {}, nullptr);
  arch_enter_lazy_mmu_mode();
  for (unsigned n = 0; n < ptrs_per_table; ++n) {
    const std::uint64_t entry = table.table->entry[n].load(order::consume);
    if ((entry & hashpte) != 0) hpte_need_flush(mm, va + n * page_size, entry, always_batches);
  }
  arch_leave_lazy_mmu_mode();
  return was;
}

// More rights: the copy keeps the old ones until a hash fault finds out.
bool ppc64_hash::ptep_set_access_flags(
    mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
  constexpr bits added = dirty | soft_dirty | accessed | write | exec;
  std::uint64_t old = word.load(order::relaxed);
  if (filter({old}) == filter(entry)) return false;
  for (;;) {
    if ((old & busy) != 0) {
      cpu_relax();
      old = word.load(order::relaxed);
    } else if (word.compare_exchange(old, old | (entry.val & added), order::relaxed)) {
      return true;
    }
  }
}

void ppc64_hash::arch_enter_lazy_mmu_mode() noexcept {
  preempt_disable();
  this_cpu().batch.active = true;
}

void ppc64_hash::arch_leave_lazy_mmu_mode() noexcept {
  flush_tlb_pending();
  this_cpu().batch.active = false;
  preempt_enable();
}

void ppc64_hash::flush_tlb_pending() noexcept {
  if (ppc64_tlb_batch& batch = this_cpu().batch; batch.index > 0) flush(batch);
}

}  // namespace tlblab::inline TLBLAB_WORLD
