// SPDX-License-Identifier: GPL-2.0-or-later
// Entries that are neither empty nor present and stand for a page of the program: what it was put out to,
// or where it is being migrated. Kernel file: swapops.h.
//
// An entry of a page under migration is one of swap whose offset is no slot: it has the bit below, the
// frame, and what the present entry knew; exclusive, soft-dirty and userfaultfd's mark are where entries
// of swap have them. It is there only while the page is locked. Nobody counts it: neither a reference nor
// a mapping of the page; it stays in the mm's rss.
#pragma once

#include "mm/pgtable.h"

namespace tlblab::inline TLBLAB_WORLD {

// An entry that is not empty and not present, and names a slot or a page under migration.
template <ArchBackend A>
bool is_swap_pte(pte_t pte) noexcept {
  return !A::pte_none(pte) && !A::pte_present(pte) && A::pte_swap_entry(pte).type == SwapType::swap;
}

enum migration_bit : std::uint64_t {
  SWP_MIGRATION = 1ULL << 39,
  SWP_MIGRATION_WRITE = 1ULL << 38,
  SWP_MIGRATION_YOUNG = 1ULL << 37,
  SWP_MIGRATION_DIRTY = 1ULL << 36,
};
inline constexpr pfn_t migration_pfn_mask = SWP_MIGRATION_DIRTY - 1;

// What the entry says of a page under migration; 0: it is none.
template <ArchBackend A>
std::uint64_t migration_entry(pte_t pte) noexcept {
  const std::uint64_t offset = is_swap_pte<A>(pte) ? A::pte_swap_entry(pte).offset : 0;
  return (offset & SWP_MIGRATION) != 0 ? offset : 0;
}
template <ArchBackend A>
bool is_migration_pte(pte_t pte) noexcept {
  return migration_entry<A>(pte) != 0;
}
// The page that is left behind, locked.
template <ArchBackend A>
page* migration_page(pte_t pte) noexcept {
  return pfn_to_page(migration_entry<A>(pte) & migration_pfn_mask);
}

// The marks of from over to, which names something else.
template <ArchBackend A>
pte_t with_swp_marks_of(pte_t to, pte_t from) noexcept {
  if (A::pte_swp_exclusive(from)) to = A::pte_swp_mkexclusive(to);
  if (A::pte_swp_soft_dirty(from)) to = A::pte_swp_mksoft_dirty(to);
  return A::pte_swp_uffd_wp(from) ? A::pte_swp_mkuffd_wp(to) : to;
}

// In place of a present entry of p.
template <ArchBackend A>
pte_t make_migration_pte(const page* p, pte_t was, bool exclusive) noexcept {
  std::uint64_t offset = SWP_MIGRATION | p->pfn;
  if (A::pte_write(was)) offset |= SWP_MIGRATION_WRITE;
  if (A::pte_young(was)) offset |= SWP_MIGRATION_YOUNG;
  if (A::pte_dirty(was)) offset |= SWP_MIGRATION_DIRTY;
  pte_t pte = A::mk_swap_pte({SwapType::swap, offset});
  if (exclusive) pte = A::pte_swp_mkexclusive(pte);
  if (A::pte_soft_dirty(was)) pte = A::pte_swp_mksoft_dirty(pte);
  return A::pte_uffd_wp(was) ? A::pte_swp_mkuffd_wp(pte) : pte;
}
// Kernel: make_readable_exclusive_migration_entry.
template <ArchBackend A>
pte_t migration_pte_wrprotect(pte_t pte) noexcept {
  const std::uint64_t offset = migration_entry<A>(pte) & ~std::uint64_t{SWP_MIGRATION_WRITE};
  return with_swp_marks_of<A>(A::mk_swap_pte({SwapType::swap, offset}), pte);
}

}  // namespace tlblab::inline TLBLAB_WORLD
