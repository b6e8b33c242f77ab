// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/table_history.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// What the entry says of itself, in the terms of a slot.
unsigned rights_of(const hw::TlbData& entry) noexcept {
  unsigned rights = bit_of(right_frame);
  if ((entry.flags & hw::tlb_write) != 0) rights |= bit_of(right_write);
  if ((entry.flags & hw::tlb_exec) != 0) rights |= bit_of(right_exec);
  if ((entry.flags & hw::tlb_dirty) != 0) rights |= bit_of(right_dirty);
  return rights;
}

// A page that is known to be dirty anyway is not lost by a store that leaves no mark in the entry.
bool known_dirty(const hw::TlbData& entry) noexcept {
  return entry.frame->generation.load(order::acquire) == entry.frame_generation &&
         (folio_of(entry.frame)->flags.load(order::relaxed) & PG_dirty) != 0;
}

}  // namespace

void TableHistory::note_loss(unsigned index, vaddr_t va, unsigned rights) noexcept {
  const std::uint32_t now = changes.load(order::relaxed) + 1;
  for (unsigned right = 0; right < right_count; ++right)
    if ((rights & (1U << right)) != 0) lost[right][index].store(now, order::relaxed);
  changes.store(now, order::relaxed);
  // Release: the entry's new value before its count; pairs with the acquire in the walker.
  stamp[index].store(now, order::release);
  if (nr_unpaid < unpaid_kept) unpaid[nr_unpaid] = va;
  if (nr_unpaid <= unpaid_kept) ++nr_unpaid;
}

TableHistory::Overdue TableHistory::overdue(const hw::TlbView& entry,
                                            std::uint32_t seen,
                                            vaddr_t start,
                                            vaddr_t end) const noexcept {
  const unsigned slot = static_cast<unsigned>(entry.data.slot) & (ptrs_per_table - 1);
  if (entry.size != hw::contiguous_size) return overdue_at(slot, entry.data, seen);
  const unsigned first = slot & ~(hw::contiguous_pages - 1);
  for (unsigned i = 0; i < hw::contiguous_pages; ++i) {
    const vaddr_t va = entry.va + i * page_size;
    if (va + page_size <= start || va >= end) continue;
    if (const Overdue due = overdue_at(first + i, entry.data, seen); due.when != 0) return due;
  }
  return {};
}

TableHistory::Overdue TableHistory::overdue_at(unsigned index,
                                               const hw::TlbData& entry,
                                               std::uint32_t seen) const noexcept {
  const unsigned rights = rights_of(entry);
  for (unsigned right = 0; right < right_count; ++right) {
    const std::uint32_t when = lost[right][index].load(order::relaxed);
    if ((rights & (1U << right)) == 0 || when <= entry.slot_changes || when > seen) continue;
    if (right != right_dirty || !known_dirty(entry)) return {when, static_cast<Right>(right)};
  }
  return {};
}

TableHistory& TableHistories::obtain(pfn_t table) noexcept {
  if (TableHistory* history = find(table)) return *history;
  const std::lock_guard guard(mutex_);
  if (used_ == histories_.size()) histories_.push_back(std::make_unique<TableHistory>());
  TableHistory* history = histories_[used_++].get();
  std::destroy_at(history);
  std::construct_at(history);
  // Release: its zeros before anybody finds it; pairs with the acquire in find() and the walker.
  mem_map[table].shadow.store(history, order::release);
  return *history;
}

}  // namespace tlblab::inline TLBLAB_WORLD
