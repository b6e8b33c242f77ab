// SPDX-License-Identifier: GPL-2.0-or-later
// Kernel files: mm/userfaultfd.c, and of fs/userfaultfd.c what registers.
//
// A move is the one operation here that takes a mapped page away: the old entry is cleared, then
// pins are looked for, and the old addresses are invalidated before either PTL is dropped (D42). The
// page's place in its areas changes with it, so the page lock is held, as by all who walk by reverse
// mapping.
#pragma once

#include <cerrno>

#include "mm/anon_vma.h"
#include "mm/gup.tcc"
#include "mm/mprotect.tcc"
#include "mm/userfaultfd.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// As the ioctls check it: page aligned, not empty, the program's.
inline bool valid_uffd_range(const mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  return ((start | length) & ~page_mask) == 0 && length != 0 && start < mm.task_size &&
         length <= mm.task_size - start;
}

// ---- registering ---------------------------------------------------------------------------------

inline bool uffd_can_register(mm_struct& mm, call_range range) noexcept {
  const vm_area_struct* first = find_vma(mm, range.start);
  if (first == nullptr || first->vm_start >= range.end) return false;
  for (vm_area_struct* vma = find_vma(mm, range.start); vma != nullptr && vma->vm_start < range.end;
       vma = vma_next(mm, *vma))
    if ((vma->vm_flags & VM_PFNMAP) != 0) return false;
  return true;
}

template <ArchBackend A>
void uffd_wp_range(const vm_area_struct& vma,
                   vaddr_t start,
                   vaddr_t end,
                   UffdWpChange change) noexcept {
  mmu_gather<A> tlb;
  tlb_gather_mmu(tlb, *vma.vm_mm, start, end);
  change_protection(tlb, vma, start, end, change);
  tlb_finish_mmu(tlb);
}

// The part of an area in the range gets these modes and no others. -ENOMEM or 0.
template <ArchBackend A>
std::int64_t uffd_set_modes(mm_struct& mm,
                            vm_area_struct& vma,
                            call_range range,
                            std::uint32_t modes) noexcept {
  const vaddr_t start = vma.vm_start > range.start ? vma.vm_start : range.start;
  const vaddr_t end = vma.vm_end < range.end ? vma.vm_end : range.end;
  const std::uint32_t flags = without_userfaultfd(vma.vm_flags) | modes;
  if (flags == vma.vm_flags) return 0;
  vma_start_write(vma);
  // Before the area is cut: marks go even if it cannot be.
  if ((vma.vm_flags & ~modes & VM_UFFD_WP) != 0)
    uffd_wp_range<A>(vma, start, end, UffdWpChange::clear);
  if (!vma_split_at(mm, start) || !vma_split_at(mm, end)) return -ENOMEM;
  vm_area_struct& part = *vma_lookup(mm, start);
  vma_start_write(part);
  vm_flags_reset(part, flags);
  vma_merge(mm, part);
  return 0;
}

template <ArchBackend A>
std::int64_t uffd_set_modes_of_all(mm_struct& mm,
                                   vaddr_t start,
                                   std::uint64_t length,
                                   std::uint32_t modes) noexcept {
  if (!valid_uffd_range(mm, start, length)) return -EINVAL;
  const call_range range{start, start + length};
  mm.mmap_lock.down_write();
  std::int64_t result = uffd_can_register(mm, range) ? 0 : -EINVAL;
  for (vaddr_t at = range.start; at < range.end && result == 0;) {
    vm_area_struct* vma = find_vma(mm, at);
    if (vma == nullptr || vma->vm_start >= range.end) break;
    at = vma->vm_end;
    result = uffd_set_modes<A>(mm, *vma, range, modes);
  }
  mmap_write_unlock(mm);
  return result;
}

// ---- write protection ----------------------------------------------------------------------------

// Tables for the markers of what is not there. False: no memory.
template <ArchBackend A>
bool uffd_make_tables(mm_struct& mm, vaddr_t start, vaddr_t end) noexcept {
  for (vaddr_t va = start; va < end; va = span_end(va, end, 1))
    if (!table_alloc<A>(mm, va)) return false;
  return true;
}

template <ArchBackend A>
std::int64_t uffd_wp_areas(mm_struct& mm, call_range range, bool on) noexcept {
  std::int64_t result = -ENOENT;
  for (vm_area_struct* vma = find_vma(mm, range.start); vma != nullptr && vma->vm_start < range.end;
       vma = vma_next(mm, *vma)) {
    if ((vma->vm_flags & VM_UFFD_WP) == 0) return -ENOENT;
    const vaddr_t start = vma->vm_start > range.start ? vma->vm_start : range.start;
    const vaddr_t end = vma->vm_end < range.end ? vma->vm_end : range.end;
    if (on && !uffd_make_tables<A>(mm, start, end)) return -ENOMEM;
    uffd_wp_range<A>(*vma, start, end, on ? UffdWpChange::set : UffdWpChange::clear);
    result = 0;
  }
  return result;
}

// ---- filling -------------------------------------------------------------------------------------

// The registered area that has the whole range. Kernel: find_dst_vma.
inline vm_area_struct* uffd_area(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  vm_area_struct* vma = vma_lookup(mm, start);
  const bool whole = vma != nullptr && length <= vma->vm_end - start;
  return whole && (vma->vm_flags & vm_uffd_flags) != 0 ? vma : nullptr;
}

// Puts the page in if nothing is there; a marker counts as nothing if `over_marker`.
template <ArchBackend A>
std::int64_t mfill_install(const fault_site& site, pte_t pte, page* p, bool over_marker) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return -EAGAIN;
  const pte_t was = ptep_get(ref);
  const bool empty = A::pte_none(was) || (over_marker && pte_marker_get<A>(was) != 0);
  if (empty) {
    folio_add_rmap_pte(p);
    if (!page_test(p, PG_reserved)) site.mm.rss.fetch_add(1, order::relaxed);
    set_pte_at(site.mm, ref, site.va, pte);
  }
  pte_unmap_unlock(site.mm, ref);
  return empty ? 0 : -EEXIST;
}

template <ArchBackend A>
std::int64_t mfill_copy_page(const fault_site& site, page* source) noexcept {
  if (!anon_vma_prepare(site.vma)) return -ENOMEM;
  page* fresh = alloc_page(AllocSite::user_page);
  if (fresh == nullptr) return -ENOMEM;
  copy_user_page(fresh, source);
  make_anon(site, fresh);
  const pte_t pte = A::pte_mkdirty(A::mk_pte(fresh->pfn, site.vma.vm_flags));
  const std::int64_t error = mfill_install<A>(site, maybe_mkwrite<A>(pte, site.vma), fresh, true);
  if (error != 0) put_page(fresh);
  return error;
}

// One page at a time, each with its own look at the areas, as between two calls. fill(site).
template <ArchBackend A, class Fill>
std::int64_t mfill_pages(mm_struct& mm, vaddr_t to, std::uint64_t length, Fill fill) noexcept {
  if (!valid_uffd_range(mm, to, length)) return -EINVAL;
  std::int64_t error = 0;
  for (std::uint64_t done = 0; done < length && error == 0;) {
    mm.mmap_lock.down_read();
    vm_area_struct* vma = uffd_area(mm, to + done, length - done);
    if (vma == nullptr)
      error = -ENOENT;
    else if (vma->vm_file != nullptr)
      error = -EINVAL;
    else if (!table_alloc<A>(mm, to + done))
      error = -ENOMEM;
    else
      error = fill({mm, *vma, to + done, true}, done);
    mm.mmap_lock.up_read();
    if (error == -EAGAIN)
      error = 0;  // the table was reclaimed: once more
    else
      done += page_size;
  }
  return error;
}

// ---- moving --------------------------------------------------------------------------------------

struct uffd_move {
  vaddr_t to, from;
  std::uint64_t length;
};

// Kernel: validate_move_areas.
inline bool valid_move(mm_struct& mm, const uffd_move& move) noexcept {
  const vm_area_struct* from = vma_lookup(mm, move.from);
  const vm_area_struct* to = uffd_area(mm, move.to, move.length);
  if (from == nullptr || to == nullptr || move.length > from->vm_end - move.from) return false;
  if (from->vm_file != nullptr || to->vm_file != nullptr) return false;
  constexpr std::uint32_t alike = vm_access_flags | VM_LOCKED | VM_SHARED;
  return ((from->vm_flags ^ to->vm_flags) & alike) == 0 && (from->vm_flags & VM_SHARED) == 0 &&
         (to->vm_flags & VM_WRITE) != 0;
}

// PTLs of two places. mmap_lock is held for reading only, so two moves in opposite directions may
// meet: the lower table first. Both stay as they are while their locks are held.
struct two_entries {
  pte_ref from, to;
  [[nodiscard]] bool same_table() const noexcept { return from.table == to.table; }
};
template <ArchBackend A>
bool lock_both(mm_struct& mm, const uffd_move& move, two_entries& both) noexcept {
  for (;;) {
    rcu_read_lock();
    page* from = find_table<A>(mm, move.from, 0);
    page* to = find_table<A>(mm, move.to, 0);
    const bool there = from != nullptr && to != nullptr;
    if (there) {
      both = {entry_in(from, move.from, 0), entry_in(to, move.to, 0)};
      lock_table(mm, from->pfn <= to->pfn ? from : to, 0);
      if (from != to) lock_table(mm, from->pfn <= to->pfn ? to : from, 0);
    }
    const bool unchanged =
        find_table<A>(mm, move.from, 0) == from && find_table<A>(mm, move.to, 0) == to;
    if (there && !unchanged) {
      unlock_table(mm, from, 0);
      if (from != to) unlock_table(mm, to, 0);
    }
    rcu_read_unlock();
    if (unchanged) return there;
  }
}
inline void unlock_both(mm_struct& mm, const two_entries& both) noexcept {
  if (!both.same_table()) unlock_table(mm, both.to.table, 0);
  unlock_table(mm, both.from.table, 0);
}

// What became of the source.
struct moved_entry {
  bool present = false;  // to be flushed, also if it was put back
  page* busy = nullptr;  // with -EAGAIN: the page that another CPU has locked, referenced
};

// Page and PTLs locked. False: pinned, nothing changed.
template <ArchBackend A>
bool move_present_page(mm_struct& mm,
                       const vm_area_struct& area,
                       const two_entries& at,
                       const uffd_move& place,
                       page* p) noexcept {
  const bool zero = page_test(p, PG_reserved);
  const pte_t taken = ptep_get_and_clear<A>(mm, at.from, place.from);
  // The cleared entry before the look at the pins; pairs with the barrier in try_grab_folio_fast.
  smp_mb(Fence::uffd_move);
  if (!zero && folio_maybe_dma_pinned(folio_of(p))) {
    set_pte_at(mm, at.from, place.from, taken);
    return false;
  }
  pte_t now = A::mk_pte(A::pte_pfn(taken), area.vm_flags);
  if (!zero) {
    folio_set_anon(p, area, place.to);
    now = A::pte_mkwrite(A::pte_dirty(taken) ? A::pte_mkdirty(now) : A::pte_mksoft_dirty(now));
  }
  set_pte_at(mm, at.to, place.to, now);
  return true;
}

// Both PTLs held. 0: the source was cleared, and is in the new place; -errno: nothing changed.
template <ArchBackend A>
std::int64_t move_one_entry(mm_struct& mm,
                            const vm_area_struct& area,
                            const two_entries& at,
                            const uffd_move& place,
                            moved_entry& moved) noexcept {
  const pte_t was = ptep_get(at.from);
  if (!A::pte_none(ptep_get(at.to))) return -EEXIST;
  if (A::pte_none(was) || pte_marker_get<A>(was) != 0) return -ENOENT;
  if (is_migration_pte<A>(was)) {
    moved.busy =
        migration_page<A>(was);  // the migrator has a reference as long as the entry stands
    get_page(moved.busy);
    return -EAGAIN;
  }
  if (!A::pte_present(was)) {
    if (!A::pte_swp_exclusive(was)) return -EBUSY;
    set_pte_at(mm, at.from, place.from, {});
    set_pte_at(mm, at.to, place.to, A::pte_swp_mksoft_dirty(without_uffd_wp<A>(was)));
    return 0;
  }
  page* p = pfn_to_page(A::pte_pfn(was));
  const bool zero = page_test(p, PG_reserved);
  if (!zero && (!page_test(p, PG_anon_exclusive) || folio_test_large(p))) return -EBUSY;
  if (!zero && !trylock_page(p)) {
    get_page(p);
    moved.busy = p;
    return -EAGAIN;
  }
  moved.present = true;
  const bool done = move_present_page<A>(mm, area, at, place, p);
  if (!zero) unlock_page(p);
  return done ? 0 : -EBUSY;
}

// No lock is held.
inline void wait_for_page_lock(page* p) noexcept {
  lock_page(p);
  unlock_page(p);
  put_page(p);
}

// Within one table on each side. Adds to done; the first error ends it.
template <ArchBackend A>
std::int64_t move_stretch(mm_struct& mm, const uffd_move& move, std::uint64_t& done) noexcept {
  const vm_area_struct& area = *vma_lookup(mm, move.to);
  two_entries at;
  split_huge_pmd<A>(mm, move.from);
  if (!table_alloc<A>(mm, move.to)) return -ENOMEM;
  if (!lock_both<A>(mm, move, at))  // the new place's table may have been reclaimed
    return peek_pte<A>(mm, move.from) == pte_t{} ? -ENOENT : -EAGAIN;
  const two_entries locked = at;
  std::int64_t error = 0;
  std::uint64_t moved = 0;
  vaddr_t first = 0, end = 0;  // what was present
  page* busy = nullptr;
  enter_lazy_mmu_mode<A>();
  while (moved < move.length && error == 0) {
    const uffd_move place{move.to + moved, move.from + moved, page_size};
    moved_entry one;
    error = move_one_entry<A>(mm, area, at, place, one);
    busy = one.busy;
    if (one.present && end == 0) first = place.from;
    if (one.present) end = place.from + page_size;
    if (error != 0) break;
    moved += page_size;
    ++at.from.index;
    ++at.to.index;
  }
  leave_lazy_mmu_mode<A>();
  if (end != 0) A::flush_tlb_range(mm, first, end, page_shift, false);
  unlock_both(mm, locked);
  if (busy != nullptr) wait_for_page_lock(busy);
  done += moved;
  return error;
}

template <ArchBackend A>
std::int64_t move_locked(mm_struct& mm, const uffd_move& move) noexcept {
  if (!valid_move(mm, move)) return -EINVAL;
  if (!anon_vma_prepare(*vma_lookup(mm, move.to))) return -ENOMEM;
  std::uint64_t done = 0;
  std::int64_t error = 0;
  while (done < move.length && (error == 0 || error == -EAGAIN)) {
    uffd_move stretch{move.to + done, move.from + done, move.length - done};
    const std::uint64_t room = span_end(stretch.from, stretch.from + stretch.length, 1);
    const std::uint64_t other = span_end(stretch.to, stretch.to + stretch.length, 1);
    if (room - stretch.from < stretch.length) stretch.length = room - stretch.from;
    if (other - stretch.to < stretch.length) stretch.length = other - stretch.to;
    error = move_stretch<A>(mm, stretch, done);
  }
  return error != 0 && done != 0 ? -EAGAIN : error;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_uffd_register(mm_struct& mm,
                              vaddr_t start,
                              std::uint64_t length,
                              std::uint32_t modes) noexcept {
  if (modes == 0 || (modes & ~vm_uffd_flags) != 0) return -EINVAL;
  return detail::uffd_set_modes_of_all<A>(mm, start, length, modes);
}

template <ArchBackend A>
std::int64_t do_uffd_unregister(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  return detail::uffd_set_modes_of_all<A>(mm, start, length, 0);
}

template <ArchBackend A>
std::int64_t do_uffd_writeprotect(mm_struct& mm,
                                  vaddr_t start,
                                  std::uint64_t length,
                                  bool on) noexcept {
  if (!detail::valid_uffd_range(mm, start, length)) return -EINVAL;
  mm.mmap_lock.down_read();
  const std::int64_t result = detail::uffd_wp_areas<A>(mm, {start, start + length}, on);
  mm.mmap_lock.up_read();
  return result;
}

template <ArchBackend A>
std::int64_t do_uffd_zeropage(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  return detail::mfill_pages<A>(mm, start, length,
                                [](const detail::fault_site& site, std::uint64_t) {
                                  const pte_t pte = A::mk_pte(zero_page()->pfn, site.vma.vm_flags);
                                  return detail::mfill_install<A>(site, pte, zero_page(), false);
                                });
}

template <ArchBackend A>
std::int64_t do_uffd_copy(mm_struct& mm, vaddr_t to, std::uint64_t length, vaddr_t from) noexcept {
  if (!detail::valid_uffd_range(mm, from, length)) return -EINVAL;
  return detail::mfill_pages<A>(
      mm, to, length, [&](const detail::fault_site& site, std::uint64_t done) {
        page* source = nullptr;
        const std::int64_t error = detail::gup_one_page<A>(mm, from + done, 0, source);
        if (error != 0) return error;
        const std::int64_t copied = detail::mfill_copy_page<A>(site, source);
        put_page(source);
        return copied;
      });
}

template <ArchBackend A>
std::int64_t do_uffd_move(mm_struct& mm, vaddr_t to, vaddr_t from, std::uint64_t length) noexcept {
  if (!detail::valid_uffd_range(mm, to, length) || !detail::valid_uffd_range(mm, from, length))
    return -EINVAL;
  mm.mmap_lock.down_read();
  const std::int64_t result = detail::move_locked<A>(mm, {to, from, length});
  mm.mmap_lock.up_read();
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
