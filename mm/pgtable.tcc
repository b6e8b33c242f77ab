// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "mm/pgtable.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// Kernel: pXd_populate under the lock of the entry; the loser of a race frees its table, which
// nobody has seen.
template <ArchBackend A>
bool populate(mm_struct& mm, page* parent, unsigned level, vaddr_t va) noexcept {
  page* fresh = alloc_table(level - 1);
  if (fresh == nullptr) return false;
  lock_table(mm, parent, level);
  const pte_ref ref = entry_in(parent, va, level);
  const bool first = A::pte_none(ptep_get(ref));
  if (first) set_pte_at(mm, ref, va, A::mk_table(fresh->pfn));
  unlock_table(mm, parent, level);
  if (first)
    mm.pgtables.fetch_add(1, order::relaxed);
  else
    free_table(fresh);
  return true;
}

// The entry becomes change(entry). It is taken out while it changes, so that no A or D bit set meanwhile
// is lost. PTL held. Kernel: ptep_modify_prot_start and ptep_modify_prot_commit.
struct changed_pte {
  pte_t was, now;
};
template <ArchBackend A, class Change>
changed_pte ptep_modify_prot(mm_struct& mm, pte_ref ref, vaddr_t va, Change change) noexcept {
  const pte_t was = A::ptep_get_and_clear(mm, va, ref.word(), false);
  const pte_t now = change(was);
  ref.word().store(now.val, order::release);
  note_change(mm, ref, va, was, now);
  arch_contpte_try_fold<A>(mm, va, ref.word(), now);
  return {was, now};
}

// How many entries from ref on, room at most, map consecutive pages of one folio, p first. The PTL
// is held; A, D and the right to write may differ, and soft-dirty unless it is said to count. Kernel:
// folio_pte_batch.
template <ArchBackend A>
unsigned folio_pte_batch(pte_ref ref,
                         const page* p,
                         std::uint64_t room,
                         bool soft_dirty_counts = false) noexcept {
  if (!folio_test_large(p)) return 1;
  const pfn_t behind = folio_of(p)->pfn + folio_nr_pages(p) - p->pfn;
  const std::uint64_t most = behind < room ? behind : room;
  const bool watched = A::pte_uffd_wp(ptep_get(ref));
  const bool marked = A::pte_soft_dirty(ptep_get(ref));
  unsigned nr = 1;
  for (; nr < most; ++nr) {
    const pte_t pte = ptep_get({ref.table, ref.index + nr});
    if (!A::pte_present(pte) || A::pte_pfn(pte) != p->pfn + nr || A::pte_uffd_wp(pte) != watched)
      break;
    if (soft_dirty_counts && A::pte_soft_dirty(pte) != marked) break;
  }
  return nr;
}

}  // namespace detail

template <ArchBackend A>
bool table_alloc(mm_struct& mm, vaddr_t va, unsigned down_to) noexcept {
  page* table = mm.pgd;
  for (unsigned level = mm.top_level; level > down_to;) {
    const pte_t entry = ptep_get(entry_in(table, va, level));
    if (!A::pte_none(entry) && A::pmd_leaf(entry)) return true;
    page* below = table_below<A>(entry);
    if (below == nullptr) {
      if (!detail::populate<A>(mm, table, level, va)) return false;
      continue;
    }
    table = below;
    --level;
  }
  return true;
}

}  // namespace tlblab::inline TLBLAB_WORLD
