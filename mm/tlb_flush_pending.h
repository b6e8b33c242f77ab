// SPDX-License-Identifier: GPL-2.0-or-later
// mm_struct::tlb_flush_pending: how a thread learns that another one has changed PTEs and not
// flushed yet. Kernel file: mm_types.h (today), mmu_gather.c. What was settled in 2017 by commits
// 99baac21e458 and 8b1b436dd1cc, and why there is no barrier here:
//
//   changer   increment; lock the PTL; change the PTE; unlock; ...; invalidate; decrement
//   reader    lock the same PTL; see the changed PTE; read the count
//
// The increment stands before the changer's unlock (a release) and the reader's lock of the same
// PTL acquires from it. So whoever saw the change under this PTL sees the increment, or a count
// from after the decrement. Two things do not follow: the increment may move into the locked
// section, so a reader that looks at the PTE without the lock knows nothing; and the answer is
// about this PTE only: with locks that are not cumulative a PTL tells nothing about another one.
//
// The decrement must not be seen before the invalidate is complete on every CPU. A memory barrier
// cannot promise that (it orders accesses, not invalidates), so the duty is the backend's: when
// its flush returns the invalidate is complete, and the caller's later accesses come after it
// (rules D20 and D21). For an interrupt that is the acquire of the acknowledgement.
//
// A count and not a flag, as it was until 2017: of two who owe a flush the first to be done would say
// that none is due.
//
// Fails without it: scenarios madvise-parallel-2017, uffd-wp-two-2017.
#pragma once

#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

// Before the first PTL of the change is taken.
inline void inc_tlb_flush_pending(mm_struct& mm) noexcept {
  // Relaxed: ordered by the PTL, see above.
  if (mm.fixes.pending_count)
    mm.tlb_flush_pending.fetch_add(1, order::relaxed);
  else
    mm.tlb_flush_pending.store(1, order::relaxed);
}

inline void dec_tlb_flush_pending(mm_struct& mm) noexcept {
  // Relaxed: the backend's flush orders it, see above.
  if (!mm.fixes.pending_count) return mm.tlb_flush_pending.store(0, order::relaxed);
  const int before = mm.tlb_flush_pending.fetch_sub(1, order::relaxed);
  trace(EventKind::pending_dec, mm.id, static_cast<std::uint64_t>(before));
}

// Is any change of PTEs not flushed? The PTL of the PTE in question must be held.
[[nodiscard]] inline bool mm_tlb_flush_pending(const mm_struct& mm) noexcept {
  return mm.tlb_flush_pending.load(order::relaxed) != 0;
}

// Besides the caller's own gather, is another one open? The caller must have held the PTL of
// every PTE that it wants to know about; it may have dropped it since.
[[nodiscard]] inline bool mm_tlb_flush_nested(const mm_struct& mm) noexcept {
  return mm.tlb_flush_pending.load(order::relaxed) > 1;
}

// The name under which Mel Gorman asked for it, so that no caller has to know why 1 is magic.
[[nodiscard]] inline bool mm_tlb_flush_parallel(const mm_struct& mm) noexcept {
  return mm_tlb_flush_nested(mm);
}

}  // namespace tlblab::inline TLBLAB_WORLD
