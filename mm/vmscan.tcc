// SPDX-License-Identifier: GPL-2.0-or-later
//
// What order it goes in, and why. The entry is cleared under its PTL. Then pins are looked for: a device
// that has the page keeps it, and whoever pins by walking the tables sees the entry gone, or is seen.
// Its exclusivity goes into the swap entry. The invalidate may come now or, with others, later
// (tlb_flush_batched.h), but before the contents are written out if a program could still write through
// a dirty translation, and before the page is freed in any case.
//
// A page given up by MADV_FREE is dropped only if nobody has written to it since: the cleared entry, then
// the references, then the dirty bit. Whoever takes a reference and writes does it in the other order
// (trap T64). A clean translation that a CPU still has is no danger: to write through it hardware looks
// at the entry again, and finds it gone.
#pragma once

#include <cerrno>

#include "mm/anon_vma.h"
#include "mm/gup.h"
#include "mm/rmap.tcc"
#include "mm/swap.tcc"
#include "mm/vmscan.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// One place where the page may be mapped.
struct unmap_site {
  page* p;
  vm_area_struct& vma;
  vaddr_t va;
  TtuFlags flags;
  tlbflush_unmap_batch& ubc;
};

template <ArchBackend A>
bool should_defer_flush(mm_struct& mm, TtuFlags flags) noexcept {
  if constexpr (BatchesUnmaps<A>)
    return (flags & TTU_BATCH_FLUSH) != 0 && arch_batches_unmaps<A>() &&
           A::arch_tlbbatch_should_defer(mm);
  return false;
}

// The page may be shown at another address by now, if whole tables can move meanwhile.
template <ArchBackend A>
pte_t clear_and_flush_mm(mm_struct& mm, pte_ref ref, vaddr_t va) noexcept {
  const pte_t was = ptep_get_and_clear<A>(mm, ref, va);
  A::flush_tlb_mm(mm);
  return was;
}

// PTL held. The entry is gone, from TLBs too unless ubc owes that.
template <ArchBackend A>
pte_t clear_for_reclaim(const unmap_site& site, pte_ref ref) noexcept {
  mm_struct& mm = *site.vma.vm_mm;
  if (mm.fixes.mremap_tables == MremapTables::unmap_flushes_mm)
    return clear_and_flush_mm<A>(mm, ref, site.va);
  if (!should_defer_flush<A>(mm, site.flags)) return ptep_clear_flush<A>(mm, ref, site.va);
  const pte_t was = ptep_get_and_clear<A>(mm, ref, site.va);
  set_tlb_ubc_flush_pending<A>(site.ubc, mm, was, site.va);
  return was;
}

template <ArchBackend A>
pte_t swap_pte_for(page* p, pte_t was, bool exclusive) noexcept {
  pte_t pte = A::mk_swap_pte(folio_swap_entry(p));
  if (A::pte_uffd_wp(was)) pte = A::pte_swp_mkuffd_wp(pte);
  if (A::pte_soft_dirty(was)) pte = A::pte_swp_mksoft_dirty(pte);
  return exclusive ? A::pte_swp_mkexclusive(pte) : pte;
}

// PTL held, the entry cleared. False: pinned.
template <ArchBackend A>
bool leave_swap_entry(const unmap_site& site, pte_ref ref, pte_t was) noexcept {
  const bool exclusive = page_test(site.p, PG_anon_exclusive);
  if (exclusive && !folio_try_share_anon_rmap_pte(site.p)) return false;
  swap_duplicate(folio_swap_entry(site.p));
  set_pte_at(*site.vma.vm_mm, ref, site.va, swap_pte_for<A>(site.p, was, exclusive));
  return true;
}

// PTL held, the entry cleared. False: somebody wrote to it, or may be about to.
inline bool may_discard_lazyfree(page* p) noexcept {
  // The cleared entry before the references: pairs with the barrier in try_grab_folio_fast.
  smp_mb(Fence::lazyfree_clear);
  const int references = p->refcount.load(order::relaxed);
  const int mappings = p->mapcount.load(order::relaxed);
  // The references before the dirty bit: pairs with the order, dirty bit then reference dropped, of
  // who had one.
  smp_rmb(Fence::lazyfree_dirty);
  const bool clean = !page_test(p, PG_dirty);
  if (!clean) page_set(p, PG_swapbacked);
  return clean && references == 1 + mappings;
}

// PTL held, the entry cleared. True: the mapping goes.
template <ArchBackend A>
bool give_up_mapping(const unmap_site& site, pte_ref ref, pte_t was) noexcept {
  if (A::pte_dirty(was)) page_set(site.p, PG_dirty);
  if (!page_test(site.p, PG_anon)) return true;
  if (page_test(site.p, PG_swapbacked)) return leave_swap_entry<A>(site, ref, was);
  return may_discard_lazyfree(site.p);
}

// PTL held. False: it stays, and nobody need look further.
template <ArchBackend A>
bool unmap_entry(const unmap_site& site, pte_ref ref) noexcept {
  mm_struct& mm = *site.vma.vm_mm;
  const pte_t was = clear_for_reclaim<A>(site, ref);
  if (!give_up_mapping<A>(site, ref, was)) {
    set_pte_at(mm, ref, site.va, was);
    return false;
  }
  mm.rss.fetch_sub(1, order::relaxed);
  folio_remove_rmap_pte(site.p);
  return true;
}

// False: stop. Kernel: try_to_unmap_one.
template <ArchBackend A>
bool try_to_unmap_one(const unmap_site& site) noexcept {
  mm_struct& mm = *site.vma.vm_mm;
  const pte_ref ref = pte_offset_map_lock<A>(mm, site.va);
  if (!ref) return true;
  const pte_t pte = ptep_get(ref);
  const bool maps_it = A::pte_present(pte) && A::pte_pfn(pte) == site.p->pfn;
  const bool locked = maps_it && (read_once(site.vma.vm_flags) & VM_LOCKED) != 0;
  const bool unmapped = maps_it && !locked && unmap_entry<A>(site, ref);
  pte_unmap_unlock(mm, ref);
  if (unmapped) put_page(site.p);  // the mapping's
  return unmapped || !maps_it;
}

// What is freed only after the flush, together. Kernel: a folio_batch.
template <ArchBackend A>
class reclaimed_folios {
 public:
  explicit reclaimed_folios(tlbflush_unmap_batch& ubc) noexcept : ubc_(ubc) {}
  reclaimed_folios(const reclaimed_folios&) = delete;
  reclaimed_folios& operator=(const reclaimed_folios&) = delete;
  ~reclaimed_folios() { drain(); }

  void add(page* p) noexcept {
    pages_[nr_++] = p;
    if (nr_ == size) drain();
  }
  void drain() noexcept {
    try_to_unmap_flush<A>(ubc_);
    while (nr_ > 0) isolated_pages::putback(pages_[--nr_]);  // the last reference
  }

 private:
  static constexpr unsigned size = 31;
  tlbflush_unmap_batch& ubc_;
  page* pages_[size];
  unsigned nr_ = 0;
};

inline bool is_for_swap(const page* p) noexcept {
  return page_test(p, PG_anon) && page_test(p, PG_swapbacked);
}

// Page lock and slot held, nothing maps it. False: no memory. Kernel: pageout, swap_writepage.
template <ArchBackend A>
bool pageout(page* p, tlbflush_unmap_batch& ubc) noexcept {
  if (!page_test(p, PG_dirty)) return true;  // the slot has the same
  try_to_unmap_flush_dirty<A>(ubc);
  page_clear(p, PG_dirty);
  // Without an entry that names the slot the contents are nobody's: a zap may be about to flush.
  if (swap_count(folio_swap_entry(p)) != 0)
    trace(EventKind::page_clean_act, 0, p->pfn, static_cast<std::uint64_t>(CleanAct::write_back));
  if (swap_writepage(p)) return true;
  page_set(p, PG_dirty);
  return false;
}

// Page lock held, nothing maps it, and if it is for swap the slot has the contents. True: nobody finds it
// any more, and the caller's reference is the last.
inline bool remove_from_cache(page* p) noexcept {
  if (page_test(p, PG_swapcache)) return delete_from_swap_cache(p);
  if (!page_test(p, PG_anon)) return p->mapping != nullptr && remove_mapping(p);
  const bool alone = p->refcount.load(order::acquire) == 1;
  if (alone)
    trace(EventKind::page_clean_act, 0, p->pfn, static_cast<std::uint64_t>(CleanAct::discard));
  return alone;
}

// Page lock held, and the slot if it is for swap.
template <ArchBackend A>
ReclaimResult reclaim_held(page* p, tlbflush_unmap_batch& ubc) noexcept {
  if (folio_mapped(p)) try_to_unmap<A>(p, TTU_BATCH_FLUSH, ubc);
  if (folio_mapped(p)) return ReclaimResult::busy;
  if (page_test(p, PG_swapcache) && !pageout<A>(p, ubc)) return ReclaimResult::no_memory;
  return remove_from_cache(p) ? ReclaimResult::freed : ReclaimResult::busy;
}

// Page lock held.
template <ArchBackend A>
ReclaimResult shrink_folio(page* p, tlbflush_unmap_batch& ubc) noexcept {
  if (page_test(p, PG_ksm))
    return ReclaimResult::busy;  // its places are known to the kernel's ksm only
  if (!is_for_swap(p)) return reclaim_held<A>(p, ubc);
  if (!folio_alloc_swap(p)) return ReclaimResult::no_slot;
  const swp_entry_t entry = folio_swap_entry(p);
  const ReclaimResult result = reclaim_held<A>(p, ubc);
  swap_release(entry);
  return result;
}

}  // namespace detail

template <ArchBackend A>
void try_to_unmap(page* p, TtuFlags flags, tlbflush_unmap_batch& ubc) noexcept {
  detail::rmap_walk(p, [&](vm_area_struct& vma, vaddr_t va) {
    return detail::try_to_unmap_one<A>({p, vma, va, flags, ubc});
  });
}

template <ArchBackend A>
ReclaimResult shrink_folio_list(isolated_pages& pages) noexcept {
  tlbflush_unmap_batch ubc;
  detail::reclaimed_folios<A> freed(ubc);
  ReclaimResult result = ReclaimResult::busy;
  while (page* p = pages.take()) {
    const bool locked = trylock_page(p);
    result = locked ? detail::shrink_folio<A>(p, ubc) : ReclaimResult::busy;
    if (locked && result != ReclaimResult::freed) try_to_unmap_flush_left_dirty<A>(ubc);
    if (locked) unlock_page(p);
    if (result == ReclaimResult::freed)
      freed.add(p);
    else
      isolated_pages::putback(p);
  }
  return result;
}

namespace detail {

// Isolates the page that va shows. -ENOENT: there is none; -EBUSY. mmap_lock for reading.
template <ArchBackend A>
std::int64_t isolate_page(mm_struct& mm, vaddr_t va, isolated_pages& pages) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(mm, va);
  if (!ref) return -ENOENT;
  const pte_t pte = ptep_get(ref);
  page* p = A::pte_present(pte) ? pfn_to_page(A::pte_pfn(pte)) : nullptr;
  if (p != nullptr && (folio_test_large(p) || page_test(p, PG_reserved))) p = nullptr;
  const std::int64_t error = p == nullptr ? -ENOENT : pages.isolate(p) ? 0 : -EBUSY;
  pte_unmap_unlock(mm, ref);
  return error;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t isolate_page_at(mm_struct& mm, vaddr_t va, isolated_pages& pages) noexcept {
  mm.mmap_lock.down_read();
  const std::int64_t error = detail::isolate_page<A>(mm, va & page_mask, pages);
  mm.mmap_lock.up_read();
  return error;
}

template <ArchBackend A>
std::int64_t swap_out_page(mm_struct& mm, vaddr_t va) noexcept {
  isolated_pages pages;
  if (const std::int64_t error = isolate_page_at<A>(mm, va, pages); error != 0) return error;
  switch (shrink_folio_list<A>(pages)) {
    case ReclaimResult::freed: return 0;
    case ReclaimResult::busy: return -EBUSY;
    case ReclaimResult::no_slot:
    case ReclaimResult::no_memory: break;
  }
  return -ENOMEM;
}

}  // namespace tlblab::inline TLBLAB_WORLD
