// SPDX-License-Identifier: GPL-2.0-or-later
// A huge page that a test has split into blocks of 16.
#pragma once

#include "arch/arm64/contpte.h"
#include "arch/chosen.h"
#include "mm/huge_memory.tcc"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

using Chosen = chosen_arch;
inline constexpr std::uint64_t whole = hpage_pmd_nr;

// Page n holds n + 1. Split, so that every 16 pages are a block.
inline void map_blocks(mm_struct& mm) {
  map<Chosen>(mm, 0, whole);
  EXPECT_EQ(do_madvise_flags<Chosen>(mm, page_at(0), pmd_size, VM_HUGEPAGE, VM_NOHUGEPAGE), 0);
  fill<Chosen>(mm, 0, whole);
  split_huge_pmd<Chosen>(mm, page_at(0));
}

inline pte_ref ref_of(mm_struct& mm, std::uint64_t page) {
  rcu_read_lock();
  struct page* table = find_table<Chosen>(mm, page_at(page), 0);
  rcu_read_unlock();
  return entry_in(table, page_at(page), 0);
}
inline pte_t pte_of(mm_struct& mm, std::uint64_t page) { return ptep_get(ref_of(mm, page)); }
inline bool is_cont(mm_struct& mm, std::uint64_t page) {
  return arm64::pte_valid_cont(pte_of(mm, page));
}
// Of 16 pages, how many say that they are one.
inline unsigned cont_in_block(mm_struct& mm, std::uint64_t block) {
  unsigned nr = 0;
  for (unsigned i = 0; i < CONT_PTES; ++i) nr += is_cont(mm, block * CONT_PTES + i) ? 1U : 0U;
  return nr;
}
// How many translations of what size lead to the page.
inline unsigned cached(unsigned cpu, std::uint64_t page, unsigned size) {
  unsigned entries = 0;
  arm64::mmu_of(cpu).tlb.for_each(page_at(page), page_at(page) + 1, [&](const hw::TlbView& view) {
    entries += view.size == size ? 1U : 0U;
  });
  return entries;
}

}  // namespace tlblab::inline TLBLAB_WORLD
