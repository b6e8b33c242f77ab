// SPDX-License-Identifier: GPL-2.0-or-later
// Freeing page tables. Kernel file: mmu_gather.c, "semi RCU freeing of page directories".
//
// A table has two kinds of readers. Hardware walkers and their caches are stopped by an
// invalidate that reaches the upper levels. Software walkers that take no lock (GUP-fast) run with
// interrupts off. Where a flush interrupts every CPU that could walk, the same interrupt has waited
// for them; where it does not (a broadcast, or lazy CPUs that are skipped), the tables must
// outlive a grace period too, and interrupts off is a read-side section. Both are needed then,
// the invalidate first (traps T14, T15).
//
// Tables wait in a batch of one page. If that page cannot be had, one table goes by itself: after
// an invalidate and an interrupt to every CPU, which returns when no walker that has interrupts
// off is left. That is not a grace period: it helps against such walkers only (trap T16). Where
// tables are reclaimed while the areas stay, faults look into them under RCU with interrupts on: there
// a grace period is waited for. (Kernel: call_rcu with a head in the table's own descriptor.)
#pragma once

#include <new>

#include "mm/mmu_gather.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

inline void free_table_batch(mmu_table_batch* batch) noexcept {
  for (unsigned i = 0; i < batch->nr; ++i) free_table(batch->tables()[i]);
  kfree(batch);
}

inline void free_table_batch_rcu(rcu_head* head) noexcept {
  free_table_batch(reinterpret_cast<mmu_table_batch*>(head));
}

template <ArchBackend A>
void tlb_table_invalidate(mmu_gather<A>& tlb) noexcept {
  if (A::features.table_invalidate) tlb_flush_mmu_tlbonly(tlb);
}

inline void nothing(void*) noexcept {}

// Every other CPU has had its interrupts on since.
inline void tlb_remove_table_sync_one() noexcept {
  cpumask others;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu)
    if (cpu != smp_processor_id()) others.set(cpu);
  on_each_cpu_mask(others, nothing, nullptr);
}

template <ArchBackend A>
void tlb_remove_table_one(page* table) noexcept {
  if (A::features.pt_reclaim)
    synchronize_rcu();
  else
    tlb_remove_table_sync_one();
  free_table(table);
}

inline mmu_table_batch* alloc_table_batch() noexcept {
  void* memory =
      kmalloc(sizeof(mmu_table_batch) + max_table_batch * sizeof(page*), AllocSite::table_batch);
  return memory == nullptr ? nullptr : new (memory) mmu_table_batch;
}

}  // namespace detail

template <ArchBackend A>
void tlb_remove_table(mmu_gather<A>& tlb, page* table) noexcept {
  if (tlb.table_batch == nullptr) tlb.table_batch = detail::alloc_table_batch();
  if (tlb.table_batch == nullptr) {
    if (tlb.mm->fixes.table_fallback_flush) detail::tlb_table_invalidate(tlb);
    detail::tlb_remove_table_one<A>(table);
    return;
  }
  mmu_table_batch& batch = *tlb.table_batch;
  batch.tables()[batch.nr++] = table;
  if (batch.nr == max_table_batch) tlb_table_flush(tlb);
}

template <ArchBackend A>
void tlb_table_flush(mmu_gather<A>& tlb) noexcept {
  mmu_table_batch* batch = tlb.table_batch;
  if (batch == nullptr) return;
  detail::tlb_table_invalidate(tlb);
  tlb.table_batch = nullptr;
  if (A::features.rcu_table_free)
    call_rcu(&batch->rcu, detail::free_table_batch_rcu);
  else
    detail::free_table_batch(batch);
}

}  // namespace tlblab::inline TLBLAB_WORLD
