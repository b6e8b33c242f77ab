// SPDX-License-Identifier: GPL-2.0-or-later
// Page tables: finding an entry, locking it, changing it. Kernel files: pgtable-generic.c,
// pgtable.h, and the table allocation of memory.c.
//
// Linux names each level (pgd, p4d, pud, pmd, pte) and folds the ones a machine lacks. Here a
// level is a number, 0 for PTEs, 1 for PMDs up to mm_struct::top_level, so that a walk over the
// upper levels is written once.
//
// Locks. A word of a PTE table or of a PMD table is changed under that table's own lock, words
// above under mm_struct::page_table_lock. Whoever walks without a lock reads each word once.
#pragma once

#include "arch/arch.h"
#include "mm/page_alloc.h"

namespace tlblab::inline TLBLAB_WORLD {

inline constexpr unsigned table_bits = 9;

constexpr unsigned level_shift(unsigned level) noexcept { return page_shift + table_bits * level; }
// Bytes that one entry of this level covers.
constexpr std::uint64_t level_size(unsigned level) noexcept { return 1ULL << level_shift(level); }
constexpr unsigned table_index(vaddr_t va, unsigned level) noexcept {
  return static_cast<unsigned>(va >> level_shift(level)) & (ptrs_per_table - 1);
}
// End of the entry's span that va lies in, or end if that comes first. Ends may be 0: the top.
constexpr vaddr_t span_end(vaddr_t va, vaddr_t end, unsigned level) noexcept {
  const vaddr_t boundary = (va + level_size(level)) & ~(level_size(level) - 1);
  return boundary - 1 < end - 1 ? boundary : end;
}
inline constexpr std::uint64_t pmd_size = level_size(1);
inline constexpr std::uint64_t pmd_mask = ~(pmd_size - 1);

// An entry by its place: what the kernel calls a ptep, and names in a trace.
struct pte_ref {
  page* table = nullptr;
  unsigned index = 0;
  [[nodiscard]] Atomic<std::uint64_t>& word() const noexcept { return table->table->entry[index]; }
  [[nodiscard]] std::uint64_t id() const noexcept { return table->pfn << table_bits | index; }
  [[nodiscard]] explicit operator bool() const noexcept { return table != nullptr; }
};

inline pte_ref entry_in(page* table, vaddr_t va, unsigned level) noexcept {
  return {table, table_index(va, level)};
}

// ptep_get: the word, once. Consume: what the entry names is seen as it was when the entry was set, by
// the dependency of its address, if it is reached through pte_page or table_below; nothing else is.
// Pairs with the release in set_pte_at; without it a walk finds a new table's old contents.
inline pte_t ptep_get(pte_ref ref) noexcept { return {ref.word().load(order::consume)}; }

// The lock of a table of this level.
inline Spinlock& table_lock(mm_struct& mm, page* table, unsigned level) noexcept {
  return level <= 1 ? table->ptl : mm.page_table_lock;
}
inline void lock_table(mm_struct& mm, page* table, unsigned level) noexcept {
  table_lock(mm, table, level).lock();
  trace(EventKind::ptl_acquire, mm.id, table->pfn);
}
inline void unlock_table(mm_struct& mm, page* table, unsigned level) noexcept {
  trace(EventKind::ptl_release, mm.id, table->pfn);
  table_lock(mm, table, level).unlock();
}
inline void pte_unmap_unlock(mm_struct& mm, pte_ref ref) noexcept {
  unlock_table(mm, ref.table, 0);
}

// To be called after every change of an entry that software made, under its lock.
inline void note_change(mm_struct& mm, pte_ref ref, vaddr_t va, pte_t was, pte_t now) noexcept {
  trace(EventKind::pte_change, mm.id, ref.id(), was.val, now.val, va);
}

// Over an entry that is not present: no TLB can hold anything for it.
inline void set_pte_at(mm_struct& mm, pte_ref ref, vaddr_t va, pte_t pte) noexcept {
  const pte_t was{ref.word().load(order::relaxed)};
  // Release: what the frame or table holds before the entry that shows it; pairs with ptep_get
  // and the walker's load. The kernel has smp_wmb here.
  ref.word().store(pte.val, order::release);
  note_change(mm, ref, va, was, pte);
}

// The same for nr consecutive pages of a folio, pte for the first: the architecture may make several of
// them one translation; of single ones, when the last has come.
template <ArchBackend A>
void set_ptes(mm_struct& mm, pte_ref ref, vaddr_t va, pte_t pte, unsigned nr) noexcept {
  for (unsigned i = 0; i < nr; ++i) {
    const vaddr_t at = va + i * page_size;
    const pte_t one = i == 0 ? pte : A::pte_advance_pfn(pte, i);
    set_pte_at(mm, {ref.table, ref.index + i}, at, arch_contpte_mkcont<A>(at, one, i, nr - i));
  }
  if (nr == 1) arch_contpte_try_fold<A>(mm, va, ref.word(), pte);
}

// An entry that was just read, with A and D as hardware may have set them in others that it holds together
// with this one. Only where those bits matter: the word is not what this returns. PTL held.
template <ArchBackend A>
pte_t ptep_gather(pte_ref ref, vaddr_t va, pte_t pte) noexcept {
  return arch_contpte_gather<A>(va, ref.word(), pte);
}

template <ArchBackend A>
pte_t ptep_get_and_clear(mm_struct& mm, pte_ref ref, vaddr_t va, bool full = false) noexcept {
  const pte_t was = A::ptep_get_and_clear(mm, va, ref.word(), full);
  note_change(mm, ref, va, was, {});
  return was;
}

// No TLB has the entry when it returns. PTL held.
template <ArchBackend A>
pte_t ptep_clear_flush(mm_struct& mm, pte_ref ref, vaddr_t va) noexcept {
  const pte_t was = arch_ptep_clear_flush<A>(mm, va, ref.word());
  note_change(mm, ref, va, was, {});
  return was;
}

// The page that a present entry names, for who has no lock: its descriptor depends on the entry. Under the
// lock of the table that orders it.
template <ArchBackend A>
page* pte_page(pte_t entry) noexcept {
  return led_to(entry.val, pfn_to_page(A::pte_pfn(entry)));
}

// Null for nothing and for a leaf: who has to tell them apart looks at the entry.
template <ArchBackend A>
page* table_below(pte_t entry) noexcept {
  if (A::pte_none(entry) || A::pmd_leaf(entry)) return nullptr;
  page* table = pte_page<A>(entry);
  led_to(entry.val, table->table);
  return table;
}

// The table of the given level that covers va, null if there is none. Without a lock the answer
// may be out of date. Tables above the PTEs stay while mmap_lock is held, or the lock of an area
// that they serve; a PTE table may be reclaimed even then, so it may be looked into only inside an
// RCU read-side section.
template <ArchBackend A>
page* find_table(mm_struct& mm, vaddr_t va, unsigned level) noexcept {
  page* table = mm.pgd;
  for (unsigned at = mm.top_level; table != nullptr && at > level; --at)
    table = table_below<A>(ptep_get(entry_in(table, va, at)));
  return table;
}

// The entry at va now, none if there is no table.
template <ArchBackend A>
pte_t peek_pte(mm_struct& mm, vaddr_t va) noexcept {
  rcu_read_lock();
  page* table = find_table<A>(mm, va, 0);
  const pte_t pte = table != nullptr ? ptep_get(entry_in(table, va, 0)) : pte_t{};
  rcu_read_unlock();
  return pte;
}

// The entry at va with its table locked; empty if there is no table. Kernel: pte_offset_map_lock.
// The table may be unhooked before the lock is had: RCU keeps it in being until that is found out.
template <ArchBackend A>
pte_ref pte_offset_map_lock(mm_struct& mm, vaddr_t va) noexcept {
  for (;;) {
    page* pmds = find_table<A>(mm, va, 1);
    if (pmds == nullptr) return {};
    rcu_read_lock();
    const pte_t pmd = ptep_get(entry_in(pmds, va, 1));
    page* table = table_below<A>(pmd);
    if (table != nullptr) lock_table(mm, table, 0);
    const bool unchanged = ptep_get(entry_in(pmds, va, 1)) == pmd;
    if (table != nullptr && !unchanged) unlock_table(mm, table, 0);
    rcu_read_unlock();
    if (table == nullptr) return {};
    if (unchanged) return entry_in(table, va, 0);
  }
}

// Makes the tables of va down to the given level; false if memory ran out. mmap_lock or the area's
// lock held. A PTE table may be reclaimed again at once, and there is none below a huge entry: who
// needs the entry goes through pte_offset_map_lock.
template <ArchBackend A>
[[nodiscard]] bool table_alloc(mm_struct& mm, vaddr_t va, unsigned down_to = 0) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
