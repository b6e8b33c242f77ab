// SPDX-License-Identifier: GPL-2.0-or-later
//
// Order. The entry is cleared and invalidated (at once, or with others before the copy), and the page's
// exclusivity goes into the entry, unless a pin holds the page. When nothing maps it, its references tell
// whether anybody else has it; if not, nobody can get it: to find it takes an entry. The copy is made, and
// the walk that makes the entries again goes through the same areas: those that came meanwhile, by fork,
// stand behind their parents.
#pragma once

#include <cerrno>

#include "mm/fault.tcc"
#include "mm/migrate.h"
#include "mm/mprotect.tcc"
#include "mm/swapops.h"
#include "mm/vmscan.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

inline bool is_movable(const page* p) noexcept {
  constexpr std::uint32_t stays = PG_reserved | PG_ksm | PG_swapcache | PG_writeback;
  return page_test(p, PG_anon) && !page_test(p, stays) && !folio_test_large(p);
}

// ---- the entries go ------------------------------------------------------------------------------

// PTL held, the entry cleared. False: pinned.
template <ArchBackend A>
bool leave_migration_entry(const unmap_site& site, pte_ref ref, pte_t was) noexcept {
  const bool exclusive = page_test(site.p, PG_anon_exclusive);
  if (exclusive && !folio_try_share_anon_rmap_pte(site.p)) return false;
  if (A::pte_dirty(was)) page_set(site.p, PG_dirty);
  set_pte_at(*site.vma.vm_mm, ref, site.va, make_migration_pte<A>(site.p, was, exclusive));
  return true;
}

// False: stop.
template <ArchBackend A>
bool try_to_migrate_one(const unmap_site& site) noexcept {
  mm_struct& mm = *site.vma.vm_mm;
  const pte_ref ref = pte_offset_map_lock<A>(mm, site.va);
  if (!ref) return true;
  const pte_t pte = ptep_get(ref);
  const bool maps_it = A::pte_present(pte) && A::pte_pfn(pte) == site.p->pfn;
  bool left = false;
  if (maps_it) {
    const pte_t was = clear_for_reclaim<A>(site, ref);
    left = leave_migration_entry<A>(site, ref, was);
    if (left)
      folio_remove_rmap_pte(site.p);
    else
      set_pte_at(mm, ref, site.va, was);
  }
  pte_unmap_unlock(mm, ref);
  if (left) put_page(site.p);  // the mapping's
  return left || !maps_it;
}

template <ArchBackend A>
void try_to_migrate(page* p, MigrateMode mode) noexcept {
  tlbflush_unmap_batch ubc;
  const TtuFlags flags = mode == MigrateMode::async ? TTU_BATCH_FLUSH : 0U;
  rmap_walk_anon(p, [&](vm_area_struct& vma, vaddr_t va) {
    return try_to_migrate_one<A>({p, vma, va, flags, ubc});
  });
  try_to_unmap_flush<A>(ubc);  // before anybody reads the page
}

// ---- and come back -------------------------------------------------------------------------------

// The entry as it was, for a page that has the same contents. The area's rights may have changed.
template <ArchBackend A>
pte_t restored_pte(const vm_area_struct& vma, pte_t pte, const page* p) noexcept {
  const std::uint64_t entry = migration_entry<A>(pte);
  pte_t now = A::mk_pte(p->pfn, read_once(vma.vm_flags));
  if ((entry & SWP_MIGRATION_YOUNG) == 0) now = A::pte_mkold(now);
  if ((entry & SWP_MIGRATION_DIRTY) != 0 && page_test(p, PG_dirty)) now = A::pte_mkdirty(now);
  now = A::pte_swp_soft_dirty(pte) ? A::pte_mksoft_dirty(now) : A::pte_clear_soft_dirty(now);
  if ((entry & SWP_MIGRATION_WRITE) != 0) return A::pte_mkwrite(now);
  return A::pte_swp_uffd_wp(pte) ? A::pte_mkuffd_wp(now) : now;
}

template <ArchBackend A>
void remove_migration_pte(vm_area_struct& vma, vaddr_t va, const page* old, page* p) noexcept {
  mm_struct& mm = *vma.vm_mm;
  const pte_ref ref = pte_offset_map_lock<A>(mm, va);
  if (!ref) return;
  const pte_t pte = ptep_get(ref);
  if (is_migration_pte<A>(pte) && migration_page<A>(pte) == old) {
    get_page(p);
    if (A::pte_swp_exclusive(pte)) page_set(p, PG_anon_exclusive);
    folio_add_rmap_pte(p);
    const pte_t now = restored_pte<A>(vma, pte, p);
    set_pte_at(mm, ref, va, now);
    arch_update_mmu_cache<A>(mm, va, now);
  }
  pte_unmap_unlock(mm, ref);
}

// Every entry that was left for old shows p. Both are locked.
template <ArchBackend A>
void remove_migration_ptes(anon_vma& av, const page* old, page* p) noexcept {
  const std::uint64_t index = read_once(old->index);
  av.root->rwsem.down_read();
  for (const anon_vma_chain& avc : av.areas) {
    vm_area_struct& vma = *avc.vma;
    if (index >= vma.vm_pgoff && index < linear_page_index(vma, vma.vm_end))
      remove_migration_pte<A>(vma, vma_address(vma, index), old, p);
  }
  av.root->rwsem.up_read();
}

// ---- a page --------------------------------------------------------------------------------------

// Nobody sees to yet. Kernel: folio_migrate_flags.
inline void migrate_flags(page* to, const page* from) noexcept {
  constexpr std::uint32_t kept = PG_anon | PG_swapbacked | PG_dirty | PG_referenced | PG_active;
  page_set(to, from->flags.load(order::relaxed) & kept);
  to->anon_vma.store(from->anon_vma.load(order::relaxed), order::relaxed);
  write_once(to->index, read_once(from->index));
}

// Page lock held, and a reference. Nobody may have another one.
template <ArchBackend A>
bool move_to_new_folio(page* to, const page* from) noexcept {
  if (folio_mapped(from) || from->refcount.load(order::relaxed) != 1) return false;
  copy_user_page(to, from);
  migrate_flags(to, from);
  return true;
}

// Both locked.
template <ArchBackend A>
bool unmap_and_move(
    anon_vma& av, page* p, page* fresh, MigrateMode mode, mm_struct& mm, vaddr_t va) noexcept {
  try_to_migrate<A>(p, mode);
  trace(EventKind::copy_begin, mm.id, p->pfn, va);
  const bool moved = move_to_new_folio<A>(fresh, p);
  remove_migration_ptes<A>(av, p, moved ? fresh : p);
  trace(EventKind::copy_end, mm.id, p->pfn, moved ? 1 : 0);
  return moved;
}

// Page lock held.
template <ArchBackend A>
std::int64_t migrate_locked(page* p, MigrateMode mode, mm_struct& mm, vaddr_t va) noexcept {
  if (!is_movable(p)) return -EBUSY;
  anon_vma* av = folio_get_anon_vma(p);
  if (av == nullptr) return -EAGAIN;  // unmapped meanwhile
  page* fresh = alloc_page(AllocSite::user_page);
  std::int64_t result = -ENOMEM;
  if (fresh != nullptr) {
    lock_page(fresh);
    result = unmap_and_move<A>(*av, p, fresh, mode, mm, va) ? 0 : -EAGAIN;
    unlock_page(fresh);
    put_page(fresh);  // its mappings have theirs
  }
  put_anon_vma(*av);
  return result;
}

// ---- faults --------------------------------------------------------------------------------------

// Returns when the page has moved, or not.
template <ArchBackend A>
void migration_entry_wait(mm_struct& mm, vaddr_t va) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(mm, va);
  if (!ref) return;
  const pte_t pte = ptep_get(ref);
  const page* p = is_migration_pte<A>(pte) ? migration_page<A>(pte) : nullptr;
  pte_unmap_unlock(mm, ref);
  // Without a reference, which would keep it from moving: a frame that is somebody else's by now is waited
  // for in vain, no more.
  while (p != nullptr && page_test(p, PG_locked)) cpu_relax();
}

// The area's rights again, and to write at once where that takes no fault. PTL held. Hardware has nothing
// for such an entry, or an older one for the same page.
template <ArchBackend A>
void numa_rebuild_mapping(const fault_site& site, pte_ref ref) noexcept {
  const changed_pte changed = ptep_modify_prot<A>(site.mm, ref, site.va, [&](pte_t was) {
    const pte_t now = A::pte_mkyoung(A::pte_modify(was, vm_page_prot(site.vma)));
    return can_change_pte_writable<A>(site.vma, now) ? A::pte_mkwrite(now) : now;
  });
  arch_update_mmu_cache<A>(site.mm, site.va, changed.now);
}

// The same, if the entry is still what it was.
template <ArchBackend A>
void numa_rebuild(const fault_site& site, pte_t seen) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return;
  if (ptep_get(ref) == seen) numa_rebuild_mapping<A>(site, ref);
  pte_unmap_unlock(site.mm, ref);
}

// The page of the entry, isolated into pages if it is one to move; else the entry has its rights again.
template <ArchBackend A>
void numa_isolate(const fault_site& site, pte_t seen, isolated_pages& pages) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return;
  if (ptep_get(ref) == seen) {
    page* p = pfn_to_page(A::pte_pfn(seen));
    if (!is_movable(p) || !pages.isolate(p)) numa_rebuild_mapping<A>(site, ref);
  }
  pte_unmap_unlock(site.mm, ref);
}

template <ArchBackend A>
FaultResult do_numa_page(const fault_site& site, pte_t seen) noexcept {
  isolated_pages pages;
  numa_isolate<A>(site, seen, pages);
  page* p = pages.take();
  if (p == nullptr) return FaultResult::done;
  if (migrate_folio<A>(p, MigrateMode::async, site.mm, site.va) != 0) numa_rebuild<A>(site, seen);
  isolated_pages::putback(p);
  return FaultResult::done;
}

// ---- the marks -----------------------------------------------------------------------------------

template <ArchBackend A>
void change_prot_numa(vm_area_struct& vma, vaddr_t start, vaddr_t end) noexcept {
  mmu_gather<A> tlb;
  tlb_gather_mmu(tlb, *vma.vm_mm, start, end);
  change_protection(tlb, vma, start, end, UffdWpChange::numa);
  tlb_finish_mmu(tlb);
}

}  // namespace detail

template <ArchBackend A>
std::int64_t migrate_folio(page* p, MigrateMode mode, mm_struct& mm, vaddr_t va) noexcept {
  if (!trylock_page(p)) return -EAGAIN;
  const std::int64_t result = detail::migrate_locked<A>(p, mode, mm, va);
  unlock_page(p);
  return result;
}

template <ArchBackend A>
std::int64_t migrate_page_at(mm_struct& mm, vaddr_t va) noexcept {
  isolated_pages pages;
  if (const std::int64_t error = isolate_page_at<A>(mm, va, pages); error != 0) return error;
  page* p = pages.take();
  const std::int64_t result = migrate_folio<A>(p, MigrateMode::sync, mm, va & page_mask);
  isolated_pages::putback(p);
  return result;
}

template <ArchBackend A>
std::int64_t do_change_prot_numa(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  detail::call_range range{};
  if (const std::int64_t error = detail::check_range(mm, start, length, range)) return error;
  mm.mmap_lock.down_read();
  vm_area_struct* vma = find_vma(mm, range.start);
  for (; vma != nullptr && vma->vm_start < range.end; vma = vma_next(mm, *vma)) {
    const bool accessible = (vma->vm_flags & vm_access_flags) != 0;
    if (!accessible || (vma->vm_flags & (VM_PFNMAP | VM_HUGETLB)) != 0) continue;
    const vaddr_t from = vma->vm_start > range.start ? vma->vm_start : range.start;
    const vaddr_t end = vma->vm_end < range.end ? vma->vm_end : range.end;
    detail::change_prot_numa<A>(*vma, from, end);
  }
  mm.mmap_lock.up_read();
  return 0;
}

}  // namespace tlblab::inline TLBLAB_WORLD
