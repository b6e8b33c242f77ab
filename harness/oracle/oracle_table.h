// SPDX-License-Identifier: GPL-2.0-or-later
// How oracles, which know no backend, look at the hardware and the page tables of one. The tie is
// made in harness/instances: oracle_table<x86>(cpus).
#pragma once

#include "arch/hw/tlb.h"
#include "arch/hw/walk_cache.h"
#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

// What a leaf entry gives, and a change of it may take away.
enum Right : unsigned { right_frame, right_write, right_exec, right_dirty, right_count };
constexpr unsigned bit_of(Right right) noexcept { return 1U << right; }

// A leaf entry as hardware sees it; rights 0: hardware sees none.
struct LeafView {
  pfn_t pfn = 0;
  unsigned rights = 0;
  bool contiguous = false;  // hardware may take it for the 16 around it
};

struct OracleTable {
  unsigned cpus = 0;
  const hw::Tlb& (*tlb)(unsigned cpu) = nullptr;
  const hw::WalkCache& (*walk_cache)(unsigned cpu) = nullptr;
  // Asked on that CPU only, where the answer cannot go away; null: none, or between two.
  const mm_struct* (*loaded_mm)(unsigned cpu) = nullptr;
  LeafView (*leaf)(pte_t pte, unsigned level) = nullptr;
  bool tables_wait_for_flush = true;  // hardware walks them
  // May the CPU's TLB hold what the CPU itself took away, to be flushed before it runs a program? Null: no.
  bool (*flush_owed_on)(unsigned cpu) noexcept = nullptr;
};

template <class A>
LeafView leaf_view(pte_t pte, unsigned level) noexcept {
  if (!A::hw_present(pte) || (level > 0 && !A::pmd_leaf(pte))) return {};
  unsigned rights = bit_of(right_frame);
  if (A::hw_allows(pte, Access::write)) rights |= bit_of(right_write);
  if (A::hw_allows(pte, Access::exec)) rights |= bit_of(right_exec);
  if (A::pte_dirty(pte)) rights |= bit_of(right_dirty);
  LeafView view{A::pte_pfn(pte), rights};
  if constexpr (FoldsEntries<A>)
    view.contiguous = A::features.contpte && level == 0 && A::hw_contiguous(pte);
  return view;
}

template <class A>
OracleTable oracle_table(unsigned cpus) noexcept {
  OracleTable table{
      .cpus = cpus,
      .tlb = [](unsigned cpu) -> const hw::Tlb& { return A::mmu_of(cpu).tlb; },
      .walk_cache = [](unsigned cpu) -> const hw::WalkCache& { return A::mmu_of(cpu).walk_cache; },
      .loaded_mm = A::loaded_mm_on,
      .leaf = leaf_view<A>,
      .tables_wait_for_flush = A::features.table_invalidate};
  if constexpr (requires { A::flush_owed_on; }) table.flush_owed_on = A::flush_owed_on;
  return table;
}

}  // namespace tlblab::inline TLBLAB_WORLD
