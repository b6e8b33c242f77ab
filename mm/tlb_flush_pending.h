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
// Fails without it: scenarios madvise-parallel-2017, numa-migrate-2013.
//
// Discussed in 2020 (thread 003) and not merged: one count for all of the mm makes a fault flush for nothing
// while, say, MADV_PAGEOUT has entries of another place to flush. A counting Bloom filter says where
// flushes are due: pending_blocks. It must be filed before the entries change, as the count is, and
// count: scenarios pending-filter-late-2020, pending-filter-flag-2020.
#pragma once

#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

// What a gather, or another that changes entries before it flushes, is going to change.
struct pending_range {
  vaddr_t start = 0, end = ~vaddr_t{0};
};

namespace detail {

inline unsigned counter_of_block(std::uint64_t block) noexcept {
  return static_cast<unsigned>(block * 0x9e37'79b9'7f4a'7c15U >> 60);
}
static_assert(pending_blocks::nr == 1U << 4);

// Relaxed: as the count itself.
inline void file_one(Atomic<int>& counter, PendingFilter form, int by) noexcept {
  if (form == PendingFilter::flag)
    counter.store(by > 0 ? 1 : 0, order::relaxed);
  else
    counter.fetch_add(by, order::relaxed);
}

inline void file_pending(mm_struct& mm, pending_range range, int by) noexcept {
  const PendingFilter form = mm.fixes.pending_filter;
  pending_blocks& blocks = mm.pending_blocks;
  const std::uint64_t first = range.start >> blocks.shift, last = (range.end - 1) >> blocks.shift;
  if (last - first >= blocks.most) return file_one(blocks.everywhere, form, by);
  for (std::uint64_t block = first; block <= last; ++block)
    file_one(blocks.of_block[counter_of_block(block)], form, by);
}

}  // namespace detail

// Before the first PTL of the change is taken.
inline void inc_tlb_flush_pending(mm_struct& mm, pending_range range = {}) noexcept {
  // Relaxed: ordered by the PTL, see above.
  if (mm.fixes.pending_count)
    mm.tlb_flush_pending.fetch_add(1, order::relaxed);
  else
    mm.tlb_flush_pending.store(1, order::relaxed);
  if (mm.fixes.pending_filter > PendingFilter::late) detail::file_pending(mm, range, 1);
}

// When the entries have changed and before the flush: what a filter that is filed late files.
inline void late_tlb_flush_pending(mm_struct& mm, pending_range range = {}) noexcept {
  if (mm.fixes.pending_filter == PendingFilter::late) detail::file_pending(mm, range, 1);
}

// The same range as before.
inline void dec_tlb_flush_pending(mm_struct& mm, pending_range range = {}) noexcept {
  if (mm.fixes.pending_filter != PendingFilter::off) detail::file_pending(mm, range, -1);
  if (!mm.fixes.pending_count) return mm.tlb_flush_pending.store(0, order::relaxed);
  // Relaxed: the backend's flush orders it, see above. A release hands on what others stored before they
  // acknowledged the flush too; so does a relaxed one if they acknowledged behind a full barrier, as they
  // do: scenario cow-read-order-2020.
  const int before = mm.fixes.dec_release ? mm.tlb_flush_pending.fetch_sub(1, order::release)
                                          : mm.tlb_flush_pending.fetch_sub(1, order::relaxed);
  trace(EventKind::pending_dec, mm.id, static_cast<std::uint64_t>(before));
}

// Is any change of PTEs not flushed? The PTL of the PTE in question must be held.
[[nodiscard]] inline bool mm_tlb_flush_pending(const mm_struct& mm) noexcept {
  return mm.tlb_flush_pending.load(order::relaxed) != 0;
}

// The same for one address; yes may be said for nothing.
[[nodiscard]] inline bool tlb_flush_pending_at(const mm_struct& mm, vaddr_t va) noexcept {
  if (mm.fixes.pending_filter == PendingFilter::off) return mm_tlb_flush_pending(mm);
  const pending_blocks& blocks = mm.pending_blocks;
  const unsigned counter = detail::counter_of_block(va >> blocks.shift);
  return blocks.everywhere.load(order::relaxed) != 0 ||
         blocks.of_block[counter].load(order::relaxed) != 0;
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
