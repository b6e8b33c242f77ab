// SPDX-License-Identifier: GPL-2.0-or-later
// What was taken away from the entries of a page table, and when: the memory of the coherence
// oracle. Time is the table's own count of such changes (table_shadow::changes), which goes on when
// the frame is freed and becomes a table again, so that a time names one change for ever.
//
// Kept by the pte_change events, under the PTL; read by walkers (table_shadow) and, from any CPU, by
// the oracle. All of it belongs to the oracle: mm and hardware follow one pointer in the page.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "harness/oracle/oracle_table.h"

namespace tlblab::inline TLBLAB_WORLD {

struct TableHistory : table_shadow {
  static constexpr std::size_t unpaid_kept = 64;

  // Time at which each slot last lost each right; 0: never.
  Atomic<std::uint32_t> lost[right_count][ptrs_per_table];
  // Addresses that lost something since it was last seen that all is flushed. Under the PTL.
  std::array<vaddr_t, unpaid_kept> unpaid{};
  std::size_t nr_unpaid = 0;  // more than are kept: anywhere

  // REQUIRES: PTL. rights: what the slot lost.
  void note_loss(unsigned index, vaddr_t va, unsigned rights) noexcept;

  // The change that a translation made from this slot should have been flushed for: it lost a right
  // that the translation still has, after the translation was labelled and not later than `seen`. Of one
  // that was made of 16 slots, those of [start, end).
  struct Overdue {
    std::uint32_t when = 0;  // 0: none
    Right right{};           // the first of those that are lost
  };
  [[nodiscard]] Overdue overdue(const hw::TlbView& entry,
                                std::uint32_t seen,
                                vaddr_t start,
                                vaddr_t end) const noexcept;

 private:
  [[nodiscard]] Overdue overdue_at(unsigned index,
                                   const hw::TlbData& entry,
                                   std::uint32_t seen) const noexcept;
};

class TableHistories {
 public:
  // Null: nothing was ever taken away in this table.
  [[nodiscard]] static TableHistory* find(pfn_t table) noexcept {
    // Acquire: pairs with the release in obtain().
    return static_cast<TableHistory*>(mem_map[table].shadow.load(order::acquire));
  }
  // REQUIRES: the table's PTL.
  [[nodiscard]] TableHistory& obtain(pfn_t table) noexcept;
  // The page descriptors that lead here are gone.
  void reset() noexcept { used_ = 0; }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<TableHistory>> histories_;
  std::size_t used_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD
