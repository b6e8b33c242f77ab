// SPDX-License-Identifier: GPL-2.0-or-later
// mm_struct::tlb_flush_batched: reclaim has unmapped pages and not flushed yet. Kernel file: rmap.c.
//
// Reclaim unmaps one page after the other, each under its PTL, and flushes once, before it writes or
// frees any. In between an entry is gone and TLBs still have it. Who changes entries of this mm would
// find nothing there and promise what does not hold yet: an mprotect that has returned, and a program
// that goes on writing. So who takes a PTL to change entries asks here first, and flushes the mm.
//
//   reclaim   lock the PTL; clear the entry; count it as pending; unlock; ...; flush; free
//   changer   lock the same PTL; see the cleared entry; read the count; flush
//
// As with tlb_flush_pending the PTL orders the count: whoever sees the cleared entry sees it counted.
// A count and not a flag: the changer reads it, flushes, and takes away what it has read. What another
// reclaimer added meanwhile, under the PTL of another table, is left to the next who asks; a flag would
// lose that. The halves of the word are the number of entries unmapped and how many of them have been
// flushed, both starting again from the middle of their range.
//
// A barrier of the changer's own is not enough where invalidates are broadcast: a DSB waits for what
// its own CPU has issued. Hence the flush (4b634918384c).
//
// Fails without it: scenarios batched-pending-2017, batched-flag-2022, batched-barrier-2025.
#pragma once

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD {

// An entry was cleared and will be flushed later. PTL held.
inline void inc_tlb_flush_batched(mm_struct& mm) noexcept {
  if (mm.fixes.batched_pending == BatchedPending::flag) {
    mm.tlb_flush_batched.store(1, order::relaxed);
    return;
  }
  std::uint32_t batch = mm.tlb_flush_batched.load(order::relaxed);
  // Nothing is known to be flushed then: one flush too many at the worst.
  while ((batch & TLB_FLUSH_BATCH_PENDING_MASK) > TLB_FLUSH_BATCH_PENDING_LARGE)
    if (mm.tlb_flush_batched.compare_exchange(batch, 1, order::full)) return;
  mm.tlb_flush_batched.fetch_add(1, order::relaxed);
}

// REQUIRES: the PTL of the entries that are about to be looked at, taken again since they were last.
template <ArchBackend A>
void flush_tlb_batched_pending(mm_struct& mm) noexcept {
  if (!arch_batches_unmaps<A>() || mm.fixes.batched_pending == BatchedPending::off) return;
  std::uint32_t batch = mm.tlb_flush_batched.load(order::relaxed);
  const std::uint32_t pending = batch & TLB_FLUSH_BATCH_PENDING_MASK;
  const std::uint32_t flushed = batch >> TLB_FLUSH_BATCH_FLUSHED_SHIFT;
  if (pending == flushed) return;
  arch_flush_tlb_batched_pending<A>(mm);
  if (mm.fixes.batched_pending == BatchedPending::flag) {
    mm.tlb_flush_batched.store(0, order::relaxed);
    return;
  }
  // Not changed: more was unmapped meanwhile.
  static_cast<void>(mm.tlb_flush_batched.compare_exchange(
      batch, pending | pending << TLB_FLUSH_BATCH_FLUSHED_SHIFT, order::full));
}

// ---- the reclaimer's side -------------------------------------------------------------------------

// What one reclaimer owes. Kernel: struct tlbflush_unmap_batch, of the task; here it is handed on, and
// whoever made it flushes before it goes.
struct tlbflush_unmap_batch {
  arch_tlbflush_unmap_batch arch;
  bool flush_required = false;
  bool writable = false;      // a TLB may write through one of the entries without looking again
  bool leaves_dirty = false;  // as Linux has it (fixes.h, reclaim-flush-dirty)

  tlbflush_unmap_batch() = default;
  tlbflush_unmap_batch(const tlbflush_unmap_batch&) = delete;
  tlbflush_unmap_batch& operator=(const tlbflush_unmap_batch&) = delete;
  ~tlbflush_unmap_batch() { vm_bug_on(flush_required, "unmapped_and_never_flushed"); }
};

template <ArchBackend A>
void set_tlb_ubc_flush_pending(tlbflush_unmap_batch& ubc,
                               mm_struct& mm,
                               pte_t was,
                               vaddr_t va) noexcept {
  if constexpr (BatchesUnmaps<A>) {
    if (!A::pte_accessible(mm, was)) return;
    A::arch_tlbbatch_add_pending(ubc.arch, mm, va);
    ubc.flush_required = true;
    inc_tlb_flush_batched(mm);
    if (A::pte_dirty(was)) ubc.writable = true;
    if (!mm.fixes.reclaim_flush_dirty) ubc.leaves_dirty = true;
  }
}

// Before any page unmapped since the last time is freed. No PTL.
template <ArchBackend A>
void try_to_unmap_flush(tlbflush_unmap_batch& ubc) noexcept {
  if (!ubc.flush_required) return;
  if constexpr (BatchesUnmaps<A>) A::arch_tlbbatch_flush(ubc.arch);
  ubc.flush_required = ubc.writable = ubc.leaves_dirty = false;
}

// Before the contents of one are written out: a dirty translation lets a program go on writing.
template <ArchBackend A>
void try_to_unmap_flush_dirty(tlbflush_unmap_batch& ubc) noexcept {
  if (ubc.writable) try_to_unmap_flush<A>(ubc);
}

// Before a page that was unmapped and stays is unlocked. Whoever locks it next may write it out: he finds
// no entry to clean, takes what the page says for all there is, and what a program stores after that
// through a dirty translation is lost. Linux 6.18 has no such flush: there reclaim leaves dirty pages of
// files to write-back, unlocked, and flushes at the end of its list (scenario reclaim-vs-writeback).
template <ArchBackend A>
void try_to_unmap_flush_left_dirty(tlbflush_unmap_batch& ubc) noexcept {
  if (!ubc.leaves_dirty) try_to_unmap_flush_dirty<A>(ubc);
}

}  // namespace tlblab::inline TLBLAB_WORLD
