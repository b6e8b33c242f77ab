// SPDX-License-Identifier: GPL-2.0-or-later
// mremap(2). Kernel file: mremap.c.
//
// Entries move from the old place to the new one under both PTLs. The invalidate of the old
// addresses comes before either lock is dropped: with the new one free somebody may unmap and free
// the page by looking at the new place only, while a TLB still has the old (traps T53, D42;
// CVE-2018-18281). The move goes in stretches that stay within one table on both sides, and a
// stretch in which anything moved is flushed whole.
//
// Where source and destination are aligned, whole tables change their place: the entry that names
// one is cleared, put at the new place and the old range flushed at all levels, under the locks of
// both entries. That leaves the lock of the table itself alone, so nobody may be inside it by a way
// of its own: mmap_lock for writing keeps out all who come by address, and who comes by reverse
// mapping must be kept out too (trap T54; the 2021 race). Other cures were thought of: MremapTables.
#pragma once

#include <cerrno>

#include "mm/anon_vma.h"
#include "mm/huge_memory.tcc"
#include "mm/mm.h"
#include "mm/mmap.tcc"
#include "mm/tlb_flush_batched.h"
#include "mm/userfaultfd.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

struct page_move {
  vaddr_t from, to;
  std::uint64_t length;
};

// A move and the areas that it goes between.
struct area_move {
  const vm_area_struct& old_vma;
  const vm_area_struct& new_vma;
  page_move pages;
  // A walk by reverse mapping meets the new area before the old one: an entry could move past it.
  bool need_rmap_locks;
  // Where userfaultfd write-protects, the new place does not: each entry has to be looked at.
  [[nodiscard]] bool watched() const noexcept {
    return ((old_vma.vm_flags | new_vma.vm_flags) & VM_UFFD_WP) != 0;
  }
};

// Up to the next border of an entry of this level, of either side.
inline std::uint64_t extent_of(const page_move& move, unsigned level) noexcept {
  const std::uint64_t size = level_size(level);
  const std::uint64_t from_room = size - (move.from & (size - 1));
  const std::uint64_t to_room = size - (move.to & (size - 1));
  const std::uint64_t room = from_room < to_room ? from_room : to_room;
  return move.length < room ? move.length : room;
}

// Of the entries that moved.
struct moved_entries {
  bool present = false;  // a TLB may hold one
  bool dirty = false;
};

// At its new address a page counts as written to. Kernel: move_soft_dirty_pte.
template <ArchBackend A>
pte_t move_soft_dirty_pte(pte_t pte) noexcept {
  if (A::pte_present(pte)) return A::pte_mksoft_dirty(pte);
  return is_swap_pte<A>(pte) ? A::pte_swp_mksoft_dirty(pte) : pte;
}

// Both PTLs held.
template <ArchBackend A>
moved_entries move_entries(mm_struct& mm, page_move stretch, pte_ref from, pte_ref to) noexcept {
  moved_entries moved;
  for (std::uint64_t at = 0; at < stretch.length; at += page_size, ++from.index, ++to.index) {
    if (A::pte_none(ptep_get(from))) continue;
    const pte_t pte = ptep_get_and_clear<A>(mm, from, stretch.from + at);
    set_ptes<A>(mm, to, stretch.to + at, move_soft_dirty_pte<A>(without_uffd_wp<A>(pte)), 1);
    moved.present |= A::pte_present(pte);
    moved.dirty |= A::pte_present(pte) && A::pte_dirty(pte);
  }
  return moved;
}

inline MremapFlush flush_point(const mm_struct& mm, moved_entries moved) noexcept {
  const MremapFlush form = mm.fixes.mremap_flush;
  const bool of_2016 = form == MremapFlush::before_old_unlock;
  return of_2016 && !moved.dirty ? MremapFlush::after : form;
}

// mmap_lock for writing keeps everybody else from taking two PTLs of this mm in another order; the
// two places may lie in one table.
template <ArchBackend A>
void move_ptes(mm_struct& mm, const area_move& move, page_move stretch) noexcept {
  const rmap_write_lock rmap(move.old_vma, move.need_rmap_locks);
  const pte_ref from = pte_offset_map_lock<A>(mm, stretch.from);
  if (!from) return;
  rcu_read_lock();
  page* to_table = find_table<A>(mm, stretch.to, 0);
  rcu_read_unlock();  // nobody reclaims tables while mmap_lock is held for writing
  const bool same = to_table == from.table;
  if (!same) lock_table(mm, to_table, 0);
  flush_tlb_batched_pending<A>(mm);
  enter_lazy_mmu_mode<A>();
  const moved_entries moved = move_entries<A>(mm, stretch, from, entry_in(to_table, stretch.to, 0));
  leave_lazy_mmu_mode<A>();
  const auto flush_if = [&](MremapFlush now) {
    if (moved.present && flush_point(mm, moved) == now)
      A::flush_tlb_range(mm, stretch.from, stretch.from + stretch.length, page_shift, true);
  };
  flush_if(MremapFlush::before_both);
  if (!same) unlock_table(mm, to_table, 0);
  flush_if(MremapFlush::before_old_unlock);
  pte_unmap_unlock(mm, from);
  flush_if(MremapFlush::after);
}

// Who listens for coherence knows entries by their slots, and the slots keep their values: told that
// the old addresses lost them.
template <ArchBackend A>
void note_moved_away(mm_struct& mm, page* table, vaddr_t start) noexcept {
  for (unsigned i = 0; i < ptrs_per_table; ++i) {
    const pte_ref ref{table, i};
    const pte_t entry = ptep_get(ref);
    const vaddr_t va = start + i * level_size(table->level);
    if (A::pte_none(entry)) continue;
    if (table->level == 0 || A::pmd_leaf(entry))
      note_change(mm, ref, va, entry, {});
    else
      note_moved_away<A>(mm, pfn_to_page(A::pte_pfn(entry)), va);
  }
}

// Locks of two tables of one level, the old place's first: any order will do, mmap_lock is held for
// writing. Tables above the PMDs have one lock together.
inline void lock_two_tables(mm_struct& mm, page* first, page* second, unsigned level) noexcept {
  lock_table(mm, first, level);
  if (&table_lock(mm, first, level) != &table_lock(mm, second, level))
    lock_table(mm, second, level);
}
inline void unlock_two_tables(mm_struct& mm, page* first, page* second, unsigned level) noexcept {
  if (&table_lock(mm, first, level) != &table_lock(mm, second, level))
    unlock_table(mm, second, level);
  unlock_table(mm, first, level);
}

// When the old addresses are flushed.
enum class TableFlush : std::uint8_t { before_insert, in_locks, after_unlock };
inline TableFlush table_flush_point(MremapTables form) noexcept {
  if (form == MremapTables::flush_between) return TableFlush::before_insert;
  const bool late =
      form == MremapTables::flush_after_unlock || form == MremapTables::rmap_lock_outside;
  return late ? TableFlush::after_unlock : TableFlush::in_locks;
}
inline bool keeps_rmap_out(MremapTables form) noexcept {
  return form == MremapTables::rmap_lock || form == MremapTables::rmap_lock_outside;
}

// Both entries' locks held. False: there is no table, it became huge, or it is gone: not ours to move.
template <ArchBackend A, class FlushIf>
bool move_table_entry(
    mm_struct& mm, pte_ref source, pte_ref target, page_move place, FlushIf flush_if) noexcept {
  const pte_t entry = ptep_get(source);
  page* table = table_below<A>(entry);
  if (table == nullptr) return false;
  const bool lock_it = mm.fixes.mremap_tables == MremapTables::pte_lock && table->level == 0;
  if (lock_it) lock_table(mm, table, 0);
  source.word().store(0, order::relaxed);
  note_change(mm, source, place.from, entry, {});
  if (tracing()) {
    const access_window_of<A> unit;  // in explore one step and not 512
    note_moved_away<A>(mm, table, place.from);
  }
  flush_if(TableFlush::before_insert);
  set_pte_at(mm, target, place.to, entry);
  flush_if(TableFlush::in_locks);
  if (lock_it) unlock_table(mm, table, 0);
  return true;
}

// A whole table changes its place: the PTEs of a PMD, or the PMDs of a PUD. Both addresses are
// aligned to the entry that names it, and the tables with those entries are there. False: not a
// table, or the new place has one.
template <ArchBackend A>
bool move_table(
    mm_struct& mm, const area_move& move, vaddr_t from, vaddr_t to, unsigned level) noexcept {
  const MremapTables form = mm.fixes.mremap_tables;
  if (form == MremapTables::pte_lock && level > 1) return false;  // too many to lock
  const rmap_write_lock rmap(move.old_vma, move.need_rmap_locks || keeps_rmap_out(form));
  const pte_ref source = entry_in(find_table<A>(mm, from, level), from, level);
  const pte_ref target = entry_in(find_table<A>(mm, to, level), to, level);
  if (!A::pte_none(ptep_get(target))) return false;
  const page_move place{from, to, level_size(level)};
  // At all levels: a walk may be cached on the old way.
  const auto flush_if = [&](TableFlush now) {
    if (table_flush_point(form) == now)
      A::flush_tlb_range(mm, from, from + place.length, page_shift, true);
  };
  lock_two_tables(mm, source.table, target.table, level);
  const bool moved = move_table_entry<A>(mm, source, target, place, flush_if);
  unlock_two_tables(mm, source.table, target.table, level);
  if (moved) flush_if(TableFlush::after_unlock);
  return moved;
}

// One stretch within a PMD on both sides. False: no memory for tables.
template <ArchBackend A>
bool move_within_pmd(mm_struct& mm, const area_move& move, page_move stretch) noexcept {
  page* pmds = find_table<A>(mm, stretch.from, 1);
  if (pmds == nullptr || A::pte_none(ptep_get(entry_in(pmds, stretch.from, 1)))) return true;
  if (!table_alloc<A>(mm, stretch.to, 1)) return false;
  const bool whole = stretch.length == pmd_size;
  const bool huge = pmd_trans_huge<A>(ptep_get(entry_in(pmds, stretch.from, 1)));
  if (huge && whole) {
    const rmap_write_lock rmap(move.old_vma, move.need_rmap_locks);
    if (move_huge_pmd<A>(mm, stretch.from, stretch.to, move.watched())) return true;
  }
  if (huge) split_huge_pmd<A>(mm, stretch.from);
  if (!huge && whole && A::features.move_tables && !move.watched() &&
      move_table<A>(mm, move, stretch.from, stretch.to, 1))
    return true;
  if (!table_alloc<A>(mm, stretch.to)) return false;
  move_ptes<A>(mm, move, stretch);
  return true;
}

// The next stretch: a whole PUD if that can be done, else within a PMD. Returns how far it came; 0:
// no memory for tables.
template <ArchBackend A>
std::uint64_t move_stretch(mm_struct& mm, const area_move& move, page_move rest) noexcept {
  page_move stretch = rest;
  stretch.length = extent_of(rest, 2);
  const page* puds = find_table<A>(mm, rest.from, 2);
  if (puds == nullptr) return stretch.length;
  if (!table_alloc<A>(mm, rest.to, 2)) return 0;
  if (stretch.length == level_size(2) && A::features.move_tables && !move.watched() &&
      move_table<A>(mm, move, rest.from, rest.to, 2))
    return stretch.length;
  stretch.length = extent_of(rest, 1);
  return move_within_pmd<A>(mm, move, stretch) ? stretch.length : 0;
}

// Nothing is mapped between the border below and the start of the area, so a move that starts there
// may as well start at the border.
inline bool can_align_down(mm_struct& mm, const vm_area_struct& vma, vaddr_t va) noexcept {
  const vaddr_t border = va & pmd_mask;
  return vma.vm_start == va && range_is_free(mm, border, va);
}

// By how much the move may start earlier, for whole tables to move. Kernel: try_realign_addr.
inline std::uint64_t realignment(mm_struct& mm, const area_move& move) noexcept {
  const page_move& pages = move.pages;
  const std::uint64_t skew = pages.from & ~pmd_mask;
  if (skew == 0 || skew != (pages.to & ~pmd_mask) || pages.length < pmd_size - skew) return 0;
  const bool free_below =
      can_align_down(mm, move.old_vma, pages.from) && can_align_down(mm, move.new_vma, pages.to);
  return free_below ? skew : 0;
}

// Returns how much was moved: less than the length if memory for tables ran out.
template <ArchBackend A>
std::uint64_t move_page_tables(mm_struct& mm, const area_move& move) noexcept {
  const std::uint64_t early = realignment(mm, move);
  const std::uint64_t length = move.pages.length + early;
  std::uint64_t done = 0;
  while (done < length) {
    const page_move rest{move.pages.from - early + done, move.pages.to - early + done,
                         length - done};
    const std::uint64_t moved = move_stretch<A>(mm, move, rest);
    if (moved == 0) break;
    done += moved;
  }
  return done < early ? 0 : done - early;
}

// mmap_lock for writing. The new place is free; the old area is whole.
template <ArchBackend A>
std::int64_t move_vma(mm_struct& mm,
                      vm_area_struct& old,
                      const mremap_request& request,
                      vaddr_t place) noexcept {
  const vaddr_t from = request.old_address;
  vma_start_write(old);  // a fault would fill the place that is being emptied
  // Pages that were never touched have no place that they must be found at.
  const bool touched = old.vm_file != nullptr || old.anon_vma.load(order::relaxed) != nullptr;
  const std::uint64_t pgoff = touched ? linear_page_index(old, from) : anon_pgoff(place);
  bool joined = false;
  vm_area_struct* fresh = vma_copy(
      mm, old,
      {place, place + request.new_length, without_userfaultfd(old.vm_flags), old.vm_file, pgoff},
      joined);
  if (fresh == nullptr) return -ENOMEM;
  const std::uint64_t length = request.old_length;
  const vm_area_struct& left = *vma_lookup(mm, from);  // the new area may have absorbed it
  const std::uint64_t moved =
      move_page_tables<A>(mm, {left, *fresh, {from, place, length}, joined});
  if (moved < length) {
    // Back again; tables that did not move whole are still there. The old area is met first now.
    static_cast<void>(move_page_tables<A>(mm, {*fresh, left, {place, from, moved}, true}));
    static_cast<void>(unmap_locked<A>(mm, {place, place + request.new_length}));
    return -ENOMEM;
  }
  // If there is no memory to cut the old area, it stays, with nothing in it: the move is done.
  if (!request.dont_unmap) static_cast<void>(unmap_locked<A>(mm, {from, from + length}));
  return static_cast<std::int64_t>(place);
}

inline bool can_grow_in_place(mm_struct& mm,
                              const vm_area_struct& vma,
                              vaddr_t end,
                              std::uint64_t by) noexcept {
  return vma.vm_end == end && end + by <= mm.task_size && range_is_free(mm, end, end + by);
}

// Kernel: mremap_to. The place is emptied, then what is cut off goes, then the rest moves.
template <ArchBackend A>
std::int64_t mremap_to(mm_struct& mm, mremap_request request) noexcept {
  const vaddr_t from = request.old_address, to = request.new_address;
  if (const auto error = unmap_locked<A>(mm, {to, to + request.new_length})) return error;
  if (request.old_length > request.new_length) {
    const call_range cut{from + request.new_length, from + request.old_length};
    if (const auto error = unmap_locked<A>(mm, cut)) return error;
    request.old_length = request.new_length;
  }
  return move_vma<A>(mm, *vma_lookup(mm, from), request, to);
}

template <ArchBackend A>
std::int64_t mremap_locked(mm_struct& mm, const mremap_request& request) noexcept {
  const vaddr_t old_end = request.old_address + request.old_length;
  const bool in_place = !request.fixed && !request.dont_unmap;
  const bool only_cuts = in_place && request.new_length <= request.old_length;
  vm_area_struct* vma = vma_lookup(mm, request.old_address);
  if (vma == nullptr) return -EFAULT;
  if (!only_cuts && old_end > vma->vm_end) return -EFAULT;
  if (request.fixed) return mremap_to<A>(mm, request);
  if (only_cuts) {
    const vaddr_t new_end = request.old_address + request.new_length;
    const std::int64_t error = new_end < old_end ? unmap_locked<A>(mm, {new_end, old_end}) : 0;
    return error != 0 ? error : static_cast<std::int64_t>(request.old_address);
  }
  const std::uint64_t growth = request.new_length - request.old_length;
  if (in_place && can_grow_in_place(mm, *vma, old_end, growth)) {
    vma_grow(*vma, growth);
    vma_merge(mm, *vma);
    return static_cast<std::int64_t>(request.old_address);
  }
  if (!request.may_move) return -ENOMEM;
  const vaddr_t place = get_unmapped_area(mm, request.new_length);
  return place == 0 ? -ENOMEM : move_vma<A>(mm, *vma, request, place);
}

inline bool valid_mremap(const mm_struct& mm, const mremap_request& request) noexcept {
  call_range from{}, to{};
  if (check_range(mm, request.old_address, request.old_length, from) != 0) return false;
  if (request.new_length == 0 || request.old_length == 0) return false;
  if (request.new_length > mm.task_size) return false;
  if (request.dont_unmap && (!request.may_move || request.new_length != request.old_length))
    return false;
  if (!request.fixed) return true;
  if (!request.may_move || check_range(mm, request.new_address, request.new_length, to) != 0)
    return false;
  return to.end <= from.start || from.end <= to.start;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_mremap(mm_struct& mm, const mremap_request& asked) noexcept {
  mremap_request request = asked;
  request.old_length = (asked.old_length + page_size - 1) & page_mask;
  request.new_length = (asked.new_length + page_size - 1) & page_mask;
  if (!detail::valid_mremap(mm, request)) return -EINVAL;
  constexpr auto call = static_cast<std::uint64_t>(MmCall::mremap);
  const vaddr_t start = request.old_address, end = start + request.old_length;
  trace(EventKind::call_begin, mm.id, call, start, end);
  mm.mmap_lock.down_write();
  const std::int64_t result = detail::mremap_locked<A>(mm, request);
  trace(EventKind::call_end, mm.id, call, start, end);
  mmap_write_unlock(mm);
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
