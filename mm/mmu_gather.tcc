// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <new>

#include "mm/mmu_gather.h"
#include "mm/table_free.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

template <ArchBackend A>
void gather_begin(
    mmu_gather<A>& tlb, mm_struct& mm, vaddr_t start, vaddr_t end, bool fullmm) noexcept {
  tlb.mm = &mm;
  tlb.request_start = start;
  tlb.request_end = end;
  tlb.fullmm = fullmm;  // before the reset, which depends on it
  tlb.need_flush_all = false;
  tlb.batch_count = 0;
  tlb.entry_size_shift = 0;
  tlb.local.max = mmu_gather_bundle;
  tlb.active = &tlb.local;
  tlb.reset();
  if (fullmm) tlb.start = tlb.end = ~0ULL;
  A::arch_tlb_gather_mmu(tlb, start, end);
  // Last: from here on others may count on our flush.
  if (!A::features.owns_pending) inc_tlb_flush_pending(mm, {start, end});
  trace(EventKind::gather_begin, mm.id);
}

// Makes room for more pages; false if there is none. At most the local and one more batch may
// hold delayed mapcounts, or tlb_flush_rmaps would have to walk them all under a PTL (trap T10).
template <ArchBackend A>
bool tlb_next_batch(mmu_gather<A>& tlb) noexcept {
  if (tlb.delayed_rmap && tlb.active != &tlb.local) return false;
  if (tlb.active->next != nullptr) {
    tlb.active = tlb.active->next;
    return true;
  }
  const unsigned most = A::features.owns_gather ? 1 : max_gather_batch_count;
  if (tlb.batch_count >= most) return false;
  void* memory = alloc_frame(AllocSite::gather_batch);
  if (memory == nullptr) return false;
  auto* batch = new (memory) mmu_gather_batch;
  batch->max = max_gather_batch;
  ++tlb.batch_count;
  tlb.active->next = batch;
  tlb.active = batch;
  return true;
}

// One slot or pair: drops the references, returns how many slots it was.
inline unsigned free_encoded(encoded_page* slot) noexcept {
  const bool pair = slot->has(encoded_page::nr_pages_next);
  const unsigned pages = pair ? slot[1].pages() : 1;
  for (unsigned i = 0; i < pages; ++i) trace(EventKind::gather_put, 0, slot->ptr()->pfn + i);
  folio_put_refs(slot->ptr(), static_cast<int>(pages));
  return pair ? 2 : 1;
}

// In chunks: between two of them others may run, so no lock may be held.
inline void free_batch(mmu_gather_batch& batch) noexcept {
  for (unsigned done = 0; done < batch.nr;) {
    unsigned chunk = 0;
    while (chunk < max_nr_folios_per_free && done + chunk < batch.nr)
      chunk += free_encoded(batch.slots() + done + chunk);
    done += chunk;
    cpu_event(CpuEvent::tick);
  }
  batch.nr = 0;
}

template <ArchBackend A>
void tlb_batch_pages_flush(mmu_gather<A>& tlb) noexcept {
  for (mmu_gather_batch* b = &tlb.local; b != nullptr && b->nr != 0; b = b->next) free_batch(*b);
  tlb.active = &tlb.local;
}

template <ArchBackend A>
void tlb_batch_list_free(mmu_gather<A>& tlb) noexcept {
  for (mmu_gather_batch* b = tlb.local.next; b != nullptr;) {
    mmu_gather_batch* next = b->next;
    free_frame(b);
    b = next;
  }
  tlb.local.next = nullptr;
}

// Tables first, then pages; both only after the invalidate (D14, D15).
template <ArchBackend A>
void tlb_flush_mmu_free(mmu_gather<A>& tlb) noexcept {
  tlb_table_flush(tlb);
  tlb_batch_pages_flush(tlb);
}

// The split: core has decided, the backend invalidates.
template <ArchBackend A>
void finish_invalidate(mmu_gather<A>& tlb, bool force) noexcept {
  A::arch_tlb_finish_mmu(tlb, tlb.request_start, tlb.request_end, force);
  trace(EventKind::gather_flush, tlb.mm->id);
}

inline void drop_delayed_rmaps(mmu_gather_batch& batch) noexcept {
  for (unsigned i = 0; i < batch.nr;) {
    const encoded_page slot = batch.slots()[i];
    const bool pair = slot.has(encoded_page::nr_pages_next);
    const unsigned pages = pair ? batch.slots()[i + 1].pages() : 1;
    if (slot.has(encoded_page::delay_rmap)) {
      folio_remove_rmap_ptes(slot.ptr(), pages);
      batch.slots()[i] = {slot.ptr(), pair ? encoded_page::nr_pages_next : 0};
    }
    i += pair ? 2 : 1;
  }
}

}  // namespace detail

template <ArchBackend A>
void tlb_gather_mmu(mmu_gather<A>& tlb, mm_struct& mm, vaddr_t start, vaddr_t end) noexcept {
  detail::gather_begin(tlb, mm, start, end, false);
}
template <ArchBackend A>
void tlb_gather_mmu(mmu_gather<A>& tlb, mm_struct& mm) noexcept {
  detail::gather_begin(tlb, mm, 0, tlb_flush_all, false);
}
template <ArchBackend A>
void tlb_gather_mmu_fullmm(mmu_gather<A>& tlb, mm_struct& mm) noexcept {
  detail::gather_begin(tlb, mm, 0, tlb_flush_all, true);
}
template <ArchBackend A>
void tlb_gather_mmu_vma(mmu_gather<A>& tlb, vm_area_struct& vma) noexcept {
  tlb_gather_mmu(tlb, *vma.vm_mm, vma.vm_start, vma.vm_end);
  tlb_start_vma(tlb, vma);
}

// Nested: another gather is open on the mm, so PTEs that this one saw already changed may still be
// in TLBs, at any level, with tables that the other one freed. All of it must be gone before this
// caller returns. Sampled after its last PTL section, before its own decrement (D3).
template <ArchBackend A>
void tlb_finish_mmu(mmu_gather<A>& tlb) noexcept {
  mm_struct& mm = *tlb.mm;
  vm_bug_on(tlb.delayed_rmap, "delayed_rmap_at_finish");
  const bool force = !A::features.owns_pending && mm.fixes.nested_flush && mm_tlb_flush_nested(mm);
  const bool core_counts = !A::features.owns_pending;
  const pending_range range{tlb.request_start, tlb.request_end};
  if (core_counts) late_tlb_flush_pending(mm, range);
  if (core_counts && !mm.fixes.dec_after_flush)
    dec_tlb_flush_pending(mm, range);  // flush-pending-order-2020
  detail::finish_invalidate(tlb, force);
  detail::tlb_flush_mmu_free(tlb);
  detail::tlb_batch_list_free(tlb);
  trace(EventKind::gather_end, mm.id);
  if (core_counts && mm.fixes.dec_after_flush) dec_tlb_flush_pending(mm, range);
}

template <ArchBackend A>
void tlb_start_vma(mmu_gather<A>& tlb, const vm_area_struct& vma) noexcept {
  if (tlb.fullmm) return;
  const std::uint32_t flags = read_once(vma.vm_flags);  // as vm_flags_reset says
  tlb.vma_huge = (flags & VM_HUGETLB) != 0;
  tlb.vma_exec = (flags & VM_EXEC) != 0;
  tlb.vma_pfn = (flags & VM_PFNMAP) != 0;
}

// The next area may be of another kind, and pages without a reference count have nobody but the
// area itself to find them by: a driver that revokes them must not miss this flush (D39).
template <ArchBackend A>
void tlb_end_vma(mmu_gather<A>& tlb) noexcept {
  const bool all_at_the_end = !tlb.mm->fixes.dec_after_flush;  // then it is too late for all of it
  if (tlb.fullmm || all_at_the_end) return;
  const bool uncounted = tlb.vma_pfn && tlb.mm->fixes.pfnmap_flush_first;
  if (uncounted || !A::features.merge_vmas) tlb_flush_mmu_tlbonly(tlb);
}

template <ArchBackend A>
void tlb_change_page_size(mmu_gather<A>& tlb, unsigned size_shift) noexcept {
  if (A::features.page_size) {
    const bool differs = tlb.entry_size_shift != 0 && tlb.entry_size_shift != size_shift;
    if (differs && !tlb.fullmm && !tlb.need_flush_all) tlb_flush_mmu(tlb);
    tlb.entry_size_shift = size_shift;
  }
}

// Where clearing an entry invalidates by itself, pages need not wait for anything.
template <ArchBackend A>
bool tlb_remove_pages_ptl(mmu_gather<A>& tlb, page* first, unsigned nr, bool delay_rmap) noexcept {
  vm_bug_on(tlb.end == 0, "page_queued_before_its_range");
  if (A::features.no_gather) {
    folio_put_refs(first, static_cast<int>(nr));
    return false;
  }
  trace(EventKind::gather_queue, tlb.mm->id, first->pfn, nr);
  mmu_gather_batch& batch = *tlb.active;
  const std::uintptr_t flags = delay_rmap ? encoded_page::delay_rmap : 0;
  if (nr == 1) {
    batch.slots()[batch.nr++] = {first, flags};
  } else {
    batch.slots()[batch.nr++] = {first, flags | encoded_page::nr_pages_next};
    batch.slots()[batch.nr++] = encoded_page::number(nr);
  }
  // Room for another pair is always kept (trap T8), so a linked batch ends at 509 or 510.
  return batch.nr >= batch.max - 1 && !detail::tlb_next_batch(tlb);
}

template <ArchBackend A>
void tlb_remove_page(mmu_gather<A>& tlb, page* p) noexcept {
  if (tlb_remove_pages_ptl(tlb, p, 1, false)) tlb_flush_mmu(tlb);
}

// Where PTE clears invalidate by themselves there is nothing to wait for (trap T11).
template <ArchBackend A>
bool tlb_delay_rmap(mmu_gather<A>& tlb) noexcept {
  if (A::features.no_gather) return false;
  tlb.delayed_rmap = true;
  return true;
}

template <ArchBackend A>
void tlb_flush_rmaps(mmu_gather<A>& tlb) noexcept {
  if (!tlb.delayed_rmap) return;
  detail::drop_delayed_rmaps(tlb.local);
  if (tlb.active != &tlb.local) detail::drop_delayed_rmaps(*tlb.active);
  tlb.delayed_rmap = false;
}

template <ArchBackend A>
void tlb_flush_mmu_tlbonly(mmu_gather<A>& tlb) noexcept {
  if (!tlb.recorded()) return;
  A::tlb_flush(tlb);
  tlb.reset();
  trace(EventKind::gather_flush, tlb.mm->id);
}

template <ArchBackend A>
void tlb_flush_mmu(mmu_gather<A>& tlb) noexcept {
  tlb_flush_mmu_tlbonly(tlb);
  detail::tlb_flush_mmu_free(tlb);
}

// Recorded as one page at the level of the entry that pointed at it. A backend whose invalidate of
// an address does not reach the caches of upper levels must look at freed_tables (trap T41).
template <ArchBackend A>
void table_free_tlb(mmu_gather<A>& tlb, page* table, vaddr_t va) noexcept {
  tlb_flush_level_range(tlb, va, page_size, table->level + 1);
  tlb.freed_tables = true;
  arch_table_unhooked<A>(tlb, table->level);
  trace(EventKind::table_queue, tlb.mm->id, table->pfn, table->level, va);
  tlb_remove_table(tlb, table);
}

}  // namespace tlblab::inline TLBLAB_WORLD
