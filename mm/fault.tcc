// SPDX-License-Identifier: GPL-2.0-or-later
// Page faults. Kernel: handle_mm_fault and below, in memory.c.
//
// A page is never exchanged for another one by storing over its entry: two CPUs would see two
// frames. It is clear, invalidate, set (trap T29), and the old page's mapcount goes down last
// (trap T30): whoever sees it lower may reuse the page.
#pragma once

#include "mm/anon_vma.h"
#include "mm/fences.h"
#include "mm/huge_memory.tcc"
#include "mm/memory.h"
#include "mm/page_cache.h"
#include "mm/pgtable.tcc"
#include "mm/soft_dirty.h"
#include "mm/swap.tcc"
#include "mm/tlb_flush_pending.h"
#include "mm/userfaultfd.h"
#include "mm/vma_lock.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

struct fault_site {
  mm_struct& mm;
  vm_area_struct& vma;
  vaddr_t va;  // page aligned
  bool write;
  FaultFlags flags = 0;
  pte_t orig{};  // where nothing is mapped: the entry as it was seen, none or a marker
  [[nodiscard]] bool unshare() const noexcept { return (flags & FAULT_FLAG_UNSHARE) != 0; }
};

// migrate.tcc
template <ArchBackend A>
FaultResult do_numa_page(const fault_site& site, pte_t seen) noexcept;
template <ArchBackend A>
void migration_entry_wait(mm_struct& mm, vaddr_t va) noexcept;

inline bool access_allowed(const vm_area_struct& vma, Access access) noexcept {
  switch (access) {
    case Access::write: return (vma.vm_flags & VM_WRITE) != 0;
    case Access::exec: return (vma.vm_flags & VM_EXEC) != 0;
    case Access::read: return (vma.vm_flags & vm_access_flags) != 0;
  }
  return false;
}

template <ArchBackend A>
pte_t maybe_mkwrite(pte_t pte, const vm_area_struct& vma) noexcept {
  return (vma.vm_flags & VM_WRITE) != 0 ? A::pte_mkwrite(pte) : pte;
}

// Installs an entry if the place is still as it was seen. False: somebody was first. What a marker
// of userfaultfd says goes on with the entry.
template <ArchBackend A>
bool set_pte_if_none(const fault_site& site, pte_t pte, page* p) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return false;
  const bool empty = ptep_get(ref) == site.orig;
  if (empty) {
    if (pte_marker_uffd_wp<A>(site.orig)) pte = A::pte_mkuffd_wp(pte);
    folio_add_rmap_pte(p);
    if (!page_test(p, PG_reserved)) site.mm.rss.fetch_add(1, order::relaxed);
    set_pte_at(site.mm, ref, site.va, pte);
    arch_update_mmu_cache<A>(site.mm, site.va, pte);
  }
  pte_unmap_unlock(site.mm, ref);
  return empty;
}

// A page of this mm alone, not yet mapped. The area has its anon_vma.
inline void make_anon(const fault_site& site, page* p) noexcept {
  page_set_fresh(p, PG_anon | PG_anon_exclusive | PG_swapbacked);
  folio_set_anon(p, site.vma, site.va);
}

template <ArchBackend A>
FaultResult do_anonymous_page(const fault_site& site) noexcept {
  if (!site.write) {
    set_pte_if_none<A>(site, A::mk_pte(zero_page()->pfn, site.vma.vm_flags), zero_page());
    return FaultResult::done;
  }
  if (const FaultResult none = vmf_anon_prepare(site.vma, site.flags); none != FaultResult::done)
    return none;
  page* fresh = alloc_zeroed_page();
  if (fresh == nullptr) return FaultResult::oom;
  make_anon(site, fresh);
  const pte_t pte = A::pte_mkdirty(A::mk_pte(fresh->pfn, site.vma.vm_flags));
  if (!set_pte_if_none<A>(site, maybe_mkwrite<A>(pte, site.vma), fresh)) put_page(fresh);
  return FaultResult::done;
}

// ---- pages of files -----------------------------------------------------------------------------
//
// The page is locked from when it is found until its entry is set: a file that drops the page does
// so under the lock and unmaps it first, so no entry is made behind its back.

// A private write to a page of the file: the program gets a copy at once.
template <ArchBackend A>
FaultResult do_cow_fault(const fault_site& site, page* cached) noexcept {
  page* fresh = alloc_page(AllocSite::user_page);
  if (fresh == nullptr) return FaultResult::oom;
  trace(EventKind::copy_begin, site.mm.id, cached->pfn, site.va);
  copy_user_page(fresh, cached);
  make_anon(site, fresh);
  const pte_t pte = A::pte_mkdirty(A::mk_pte(fresh->pfn, site.vma.vm_flags));
  const bool set = set_pte_if_none<A>(site, maybe_mkwrite<A>(pte, site.vma), fresh);
  trace(EventKind::copy_end, site.mm.id, cached->pfn, set ? 1 : 0);
  if (!set) put_page(fresh);
  return FaultResult::done;
}

inline constexpr unsigned fault_around_pages = 16;

// A stretch of entries: the window of 16 pages that va lies in, cut to the area and to the table.
// Its start moves with the area's, as in the kernel.
struct fault_window {
  vaddr_t start;
  unsigned pages;
};
inline fault_window fault_around_window(const fault_site& site) noexcept {
  const std::uint64_t at = table_index(site.va, 0);
  const std::uint64_t before = (site.va - site.vma.vm_start) >> page_shift;
  const std::uint64_t after = (site.vma.vm_end - site.va) >> page_shift;
  const std::uint64_t aligned = at & ~(fault_around_pages - 1ULL);
  const std::uint64_t first = at - aligned > before ? at - before : aligned;
  const std::uint64_t border = first + fault_around_pages;
  const std::uint64_t table_end = border < ptrs_per_table ? border : ptrs_per_table;
  const std::uint64_t end = at + after < table_end ? at + after : table_end;
  return {site.va - ((at - first) << page_shift), static_cast<unsigned>(end - first)};
}

// Maps what the cache has in the window and nobody has mapped. PTL held. Each page that is mapped
// is taken out of found.
template <ArchBackend A>
void map_pages(const fault_site& site, fault_window window, pte_ref ref, page** found) noexcept {
  for (unsigned i = 0; i < window.pages; ++i, ++ref.index) {
    if (found[i] == nullptr || !A::pte_none(ptep_get(ref))) continue;
    folio_add_rmap_pte(found[i]);
    site.mm.rss.fetch_add(1, order::relaxed);
    const vaddr_t va = window.start + i * page_size;
    const pte_t pte = A::mk_pte(found[i]->pfn, vm_page_prot(site.vma));
    set_pte_at(site.mm, ref, va, pte);
    arch_update_mmu_cache<A>(site.mm, va, pte);
    unlock_page(found[i]);
    found[i] = nullptr;
  }
}

// True: the page at va is mapped. Kernel: do_fault_around, filemap_map_pages.
template <ArchBackend A>
bool do_fault_around(const fault_site& site) noexcept {
  if ((site.vma.vm_flags & VM_UFFD_WP) != 0) return false;  // each page has to fault by itself
  const fault_window window = fault_around_window(site);
  const auto mine = (site.va - window.start) >> page_shift;
  page* found[fault_around_pages];
  next_uptodate_pages(*site.vma.vm_file, linear_page_index(site.vma, window.start), window.pages,
                      found);
  const bool cached = found[mine] != nullptr;
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, window.start);
  if (ref) {
    map_pages<A>(site, window, ref, found);
    pte_unmap_unlock(site.mm, ref);
  }
  const bool mapped = cached && found[mine] == nullptr;
  for (unsigned i = 0; i < window.pages; ++i)
    if (found[i] != nullptr) {
      unlock_page(found[i]);
      put_page(found[i]);
    }
  return mapped;
}

// Kernel: finish_fault. Takes over the caller's reference.
template <ArchBackend A>
void map_file_page(const fault_site& site, page* cached) noexcept {
  pte_t pte = A::mk_pte(cached->pfn, vm_page_prot(site.vma));
  if (site.write) {
    pte = maybe_mkwrite<A>(A::pte_mkdirty(pte), site.vma);
    page_set(cached, PG_dirty);  // the page lock keeps write-back away until the entry is there
  }
  const bool mapped = set_pte_if_none<A>(site, pte, cached);
  unlock_page(cached);
  if (!mapped) put_page(cached);
}

// Kernel: do_read_fault, do_cow_fault, do_shared_fault.
template <ArchBackend A>
FaultResult do_file_fault(const fault_site& site) noexcept {
  address_space& file = *site.vma.vm_file;
  const std::uint64_t index = linear_page_index(site.vma, site.va);
  if (index >= file.made_as.pages) return FaultResult::sigbus;
  if (!site.write && do_fault_around<A>(site)) return FaultResult::done;
  const bool private_write = site.write && is_cow_mapping(site.vma);
  if (private_write)
    if (const FaultResult none = vmf_anon_prepare(site.vma, site.flags); none != FaultResult::done)
      return none;
  page* cached = file_lock_page(file, index);
  if (cached == nullptr) return FaultResult::oom;
  if (!private_write) {
    map_file_page<A>(site, cached);
    return FaultResult::done;
  }
  const FaultResult result = do_cow_fault<A>(site, cached);
  unlock_page(cached);
  put_page(cached);
  return result;
}

// Of an area of VM_PFNMAP (pfnmap.h). Kernel: a driver's fault, by vmf_insert_pfn.
template <ArchBackend A>
FaultResult do_pfn_fault(const fault_site& site) noexcept {
  address_space& device = *site.vma.vm_file;
  device.device_lock.down_read();
  page* frame = device_frame(device, linear_page_index(site.vma, site.va));
  if (frame != nullptr)
    set_pte_if_none<A>(site, A::mk_pte(frame->pfn, vm_page_prot(site.vma)), frame);
  device.device_lock.up_read();
  return frame != nullptr ? FaultResult::done : FaultResult::sigbus;
}

// How many entries of this table map the page's folio. PTL held: only A and D bits change.
template <ArchBackend A>
int mappings_in_table(pte_ref ref, const page* p) noexcept {
  const access_window_of<A> unit;
  const pfn_t first = folio_of(p)->pfn, end = first + folio_nr_pages(p);
  int found = 0;
  for (unsigned i = 0; i < ptrs_per_table; ++i) {
    const pte_t pte = ptep_get({ref.table, i});
    const bool maps = A::pte_present(pte) && A::pte_pfn(pte) >= first && A::pte_pfn(pte) < end;
    found += maps ? 1 : 0;
  }
  return found;
}

// No reference but those of this mm's mappings: the page is this mm's alone (again). Of a large
// folio the mappings in this table are counted (the kernel has a count per mm): if there are others,
// the page is copied once too often.
template <ArchBackend A>
bool can_reuse_anon(const vm_area_struct& vma, pte_ref ref, page* p) noexcept {
  if (!page_test(p, PG_anon) || page_test(p, PG_ksm)) return false;
  if (page_test(p, PG_anon_exclusive) && vma.vm_mm->fixes.anon_exclusive) return true;
  const int own = folio_test_large(p) ? mappings_in_table<A>(ref, p) : 1;
  if (folio_of(p)->refcount.load(order::relaxed) != own) return false;
  page_set(p, PG_anon_exclusive);
  folio_move_anon_rmap(folio_of(p), vma);
  return true;
}

// Adds rights or A and D to the entry. Whether a CPU that has the old one looks again when it faults, or
// has to be made to, the architecture knows.
template <ArchBackend A>
void set_access_flags(const fault_site& site, pte_ref ref, pte_t was, pte_t now) noexcept {
  if (A::ptep_set_access_flags(site.mm, site.va, ref.word(), now, site.write)) {
    note_change(site.mm, ref, site.va, was, now);
    arch_update_mmu_cache<A>(site.mm, site.va, now);
  } else if (site.write) {
    arch_fix_spurious_fault<A>(site.mm, site.va);
  }
}

inline page* copy_for_write(const fault_site& site, const page* old) noexcept {
  if (page_test(old, PG_reserved)) return alloc_zeroed_page();
  page* fresh = alloc_page(AllocSite::user_page);
  if (fresh == nullptr) return nullptr;
  trace(EventKind::copy_begin, site.mm.id, old->pfn, site.va);
  copy_user_page(fresh, old);
  return fresh;
}

// PTL held, entry checked. Old mapcount last.
template <ArchBackend A>
void exchange_page(const fault_site& site, pte_ref ref, page* old, page* fresh) noexcept {
  if (page_test(old, PG_reserved)) site.mm.rss.fetch_add(1, order::relaxed);
  const pte_t was = ptep_clear_flush<A>(site.mm, ref, site.va);
  make_anon(site, fresh);
  folio_add_rmap_pte(fresh);
  pte_t pte = A::mk_pte(fresh->pfn, site.vma.vm_flags);
  if (!site.unshare())
    pte = maybe_mkwrite<A>(A::pte_mkdirty(pte), site.vma);
  else if (A::pte_soft_dirty(was))
    pte = A::pte_mksoft_dirty(pte);
  if (A::pte_uffd_wp(was)) pte = A::pte_mkuffd_wp(pte);
  set_pte_at(site.mm, ref, site.va, pte);
  arch_update_mmu_cache<A>(site.mm, site.va, pte);
  folio_remove_rmap_pte(old);
}

// The caller holds a reference on old. The copy is made without the PTL.
template <ArchBackend A>
FaultResult wp_page_copy(const fault_site& site, pte_t orig, page* old) noexcept {
  if (const FaultResult none = vmf_anon_prepare(site.vma, site.flags); none != FaultResult::done)
    return none;
  page* fresh = copy_for_write(site, old);
  if (fresh == nullptr) return FaultResult::oom;
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  const bool unchanged = ref && ptep_get(ref) == orig;
  if (unchanged) exchange_page<A>(site, ref, old, fresh);
  trace(EventKind::copy_end, site.mm.id, old->pfn, unchanged ? 1 : 0);
  if (ref) pte_unmap_unlock(site.mm, ref);
  put_page(unchanged ? old : fresh);  // the mapping's reference, or the copy that nobody wants
  return FaultResult::done;
}

// The entry may be written, if it is still what it was. PTL held.
template <ArchBackend A>
void wp_page_reuse(const fault_site& site, pte_ref ref, pte_t pte) noexcept {
  const pte_t now = A::pte_mkyoung(A::pte_mkdirty(maybe_mkwrite<A>(pte, site.vma)));
  set_access_flags<A>(site, ref, pte, now);
}

// The file is told before the entry allows the write (page_mkwrite): locked, so that write-back
// does not come between, which would make the page clean and not find this entry. The caller holds
// a reference.
template <ArchBackend A>
void wp_page_mkwrite(const fault_site& site, pte_t orig, page* p) noexcept {
  lock_page(p);
  if (p->mapping == site.vma.vm_file) {
    page_set(p, PG_dirty);
    const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
    if (ref && ptep_get(ref) == orig) wp_page_reuse<A>(site, ref, orig);
    if (ref) pte_unmap_unlock(site.mm, ref);
  }
  unlock_page(p);
}

// A write through a shared mapping. Enters with the PTL held and leaves without it.
template <ArchBackend A>
FaultResult wp_page_shared(const fault_site& site, pte_ref ref, pte_t pte) noexcept {
  page* p = pfn_to_page(A::pte_pfn(pte));
  const bool notify = vma_has_page_mkwrite(site.vma);
  get_page(p);
  if (!notify) wp_page_reuse<A>(site, ref, pte);
  pte_unmap_unlock(site.mm, ref);
  if (notify)
    wp_page_mkwrite<A>(site, pte, p);
  else
    page_set(p, PG_dirty);
  put_page(p);
  return FaultResult::done;
}

// A write to a present entry that forbids it, or a pin that asks for a page of its own. Enters with
// the PTL held and leaves without it.
template <ArchBackend A>
FaultResult do_wp_page(const fault_site& site, pte_ref ref, pte_t pte) noexcept {
  if (!is_cow_mapping(site.vma) && !site.unshare()) return wp_page_shared<A>(site, ref, pte);
  page* p = pfn_to_page(A::pte_pfn(pte));
  const bool stays = site.unshare() && !page_test(p, PG_anon);
  if (stays || can_reuse_anon<A>(site.vma, ref, p)) {
    if (!site.unshare()) wp_page_reuse<A>(site, ref, pte);
    pte_unmap_unlock(site.mm, ref);
    return FaultResult::done;
  }
  get_page(p);
  pte_unmap_unlock(site.mm, ref);
  const FaultResult result = wp_page_copy<A>(site, pte, p);
  put_page(p);
  return result;
}

// A write where userfaultfd may be watching (asynchronous mode): the bit goes, which is how the
// monitor learns of the write; the entry stays read-only, so nothing is to be flushed. If entries
// were write-protected under mmap_lock for reading and the flush is still to come, another CPU may
// write through an old translation: that one is invalidated before anybody copies the page (trap
// T63). If none is to come, what was written through it before has to be in the copy: the barrier. PTL
// held; returns the entry to go on with.
template <ArchBackend A>
pte_t userfaultfd_write(const fault_site& site, pte_ref ref, pte_t pte) noexcept {
  if (A::pte_uffd_wp(pte)) {
    const pte_t watched = pte;
    pte = A::pte_clear_uffd_wp(ptep_gather<A>(ref, site.va, pte));
    arch_contpte_unfold_partial<A>(site.mm, site.va, ref.word(), 1);
    ref.word().store(pte.val, order::release);
    note_change(site.mm, ref, site.va, watched, pte);
  }
  if (!site.mm.fixes.uffd_wp_flush || (site.vma.vm_flags & VM_UFFD_WP) == 0) return pte;
  if (tlb_flush_pending_at(site.mm, site.va)) A::flush_tlb_page(site.mm, site.va);
  // Pairs with what orders dec_tlb_flush_pending behind the flush; without it scenario cow-read-order-2020 fails.
  smp_rmb(Fence::cow_read);
  return pte;
}

// The entry is there. It may be right by now: then the fault was spurious.
template <ArchBackend A>
FaultResult fault_on_present(const fault_site& site, pte_t seen) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return FaultResult::done;
  const pte_t pte = ptep_get(ref);
  const bool may_copy = site.write || site.unshare();
  if (pte == seen && may_copy && !A::pte_write(pte))
    return do_wp_page<A>(site, ref, site.write ? userfaultfd_write<A>(site, ref, pte) : pte);
  if (pte == seen)
    set_access_flags<A>(site, ref, pte, A::pte_mkyoung(site.write ? A::pte_mkdirty(pte) : pte));
  pte_unmap_unlock(site.mm, ref);
  return FaultResult::done;
}

// Maps the page that came from the slot. PTL held, the entry is orig; the caller's reference becomes
// the mapping's. Returns the new entry.
template <ArchBackend A>
pte_t map_swapped_in(const fault_site& site, pte_ref ref, pte_t orig, page* p) noexcept {
  swap_free(A::pte_swap_entry(orig));
  swap_release(A::pte_swap_entry(orig));  // with the last count the page leaves the cache
  const bool alone = A::pte_swp_exclusive(orig) ||
                     (!page_test(p, PG_swapcache) && p->refcount.load(order::relaxed) == 1);
  if (alone) page_set(p, PG_anon_exclusive);
  if (p->anon_vma.load(order::relaxed) == nullptr) folio_set_anon(p, site.vma, site.va, alone);
  pte_t pte = A::mk_pte(p->pfn, site.vma.vm_flags);
  if (A::pte_swp_soft_dirty(orig)) pte = A::pte_mksoft_dirty(pte);
  if (alone && !pte_needs_soft_dirty_wp<A>(site.vma, pte))
    pte = maybe_mkwrite<A>(site.write ? A::pte_mkdirty(pte) : pte, site.vma);
  if (A::pte_swp_uffd_wp(orig)) pte = A::pte_mkuffd_wp(pte);
  folio_add_rmap_pte(p);
  site.mm.rss.fetch_add(1, order::relaxed);
  set_pte_at(site.mm, ref, site.va, pte);
  arch_update_mmu_cache<A>(site.mm, site.va, pte);
  return pte;
}

// No page came from the slot. Under the PTL, where whoever took the last count of the slot changes the
// entry: a fault that just came again could come for ever before that.
template <ArchBackend A>
FaultResult without_swapped_page(const fault_site& site, pte_t orig, bool gone) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  const bool same = ref && ptep_get(ref) == orig;
  if (ref) pte_unmap_unlock(site.mm, ref);
  return same && !gone ? FaultResult::oom : FaultResult::done;
}

// Kernel: do_swap_page.
template <ArchBackend A>
FaultResult do_swap_page(const fault_site& site, pte_t orig) noexcept {
  const swp_entry_t entry = A::pte_swap_entry(orig);
  bool gone = false;
  page* p = swapin_readahead(entry, gone);
  if (p == nullptr) return without_swapped_page<A>(site, orig, gone);
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  // The slot may have been freed and used again before the page was found; then the page is not
  // what the entry names now.
  const bool same =
      ref && ptep_get(ref) == orig && page_test(p, PG_swapcache) && folio_swap_entry(p) == entry;
  if (same) {
    const pte_t pte = map_swapped_in<A>(site, ref, orig, p);
    if (site.write && !A::pte_write(pte))
      return do_wp_page<A>(site, ref, userfaultfd_write<A>(site, ref, pte));
  }
  if (ref) pte_unmap_unlock(site.mm, ref);
  if (!same) swap_release(entry);
  if (!same) put_page(p);
  return FaultResult::done;
}

// A marker that nobody watches any more.
template <ArchBackend A>
FaultResult clear_marker(const fault_site& site) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return FaultResult::done;
  if (ptep_get(ref) == site.orig) set_pte_at(site.mm, ref, site.va, {});
  pte_unmap_unlock(site.mm, ref);
  return FaultResult::done;
}

// Kernel: do_pte_missing.
template <ArchBackend A>
FaultResult do_pte_missing(const fault_site& site) noexcept {
  if ((site.vma.vm_flags & VM_PFNMAP) != 0) return do_pfn_fault<A>(site);
  return site.vma.vm_file != nullptr ? do_file_fault<A>(site) : do_anonymous_page<A>(site);
}

// Kernel: handle_pte_marker.
template <ArchBackend A>
FaultResult handle_pte_marker(const fault_site& site) noexcept {
  const std::uint64_t marker = pte_marker_get<A>(site.orig);
  if ((marker & PTE_MARKER_GUARD) != 0) return FaultResult::sigsegv;
  if ((marker & PTE_MARKER_POISONED) != 0) return FaultResult::sigbus;
  if ((site.vma.vm_flags & VM_UFFD_WP) == 0) return clear_marker<A>(site);
  return do_pte_missing<A>(site);
}

}  // namespace detail

template <ArchBackend A>
FaultResult handle_vma_fault(vm_area_struct& vma,
                             vaddr_t va,
                             Access access,
                             FaultFlags flags) noexcept {
  if (!detail::access_allowed(vma, access)) return FaultResult::sigsegv;
  mm_struct& mm = *vma.vm_mm;
  if (!table_alloc<A>(mm, va, 1)) return FaultResult::oom;
  const bool writes = access == Access::write;
  if (const auto huge = huge_pmd_fault<A>(mm, vma, va, writes, flags)) return *huge;
  if (!table_alloc<A>(mm, va)) return FaultResult::oom;
  const pte_t pte = peek_pte<A>(mm, va);
  const detail::fault_site site{mm, vma, va & page_mask, writes, flags, pte};
  if (A::pte_protnone(pte)) return detail::do_numa_page<A>(site, pte);
  if (A::pte_present(pte)) return detail::fault_on_present<A>(site, pte);
  if (is_migration_pte<A>(pte)) {
    detail::migration_entry_wait<A>(mm, va);
    return FaultResult::done;
  }
  if (is_swap_pte<A>(pte)) return detail::do_swap_page<A>(site, pte);
  return A::pte_none(pte) ? detail::do_pte_missing<A>(site) : detail::handle_pte_marker<A>(site);
}

template <ArchBackend A>
FaultResult handle_mm_fault(mm_struct& mm, vaddr_t va, Access access, FaultFlags flags) noexcept {
  vm_area_struct* vma = vma_lookup(mm, va);
  return vma == nullptr ? FaultResult::sigsegv : handle_vma_fault<A>(*vma, va, access, flags);
}

template <ArchBackend A>
FaultResult do_user_addr_fault(mm_struct& mm, vaddr_t va, Access access) noexcept {
  if (vm_area_struct* vma = lock_vma_under_rcu(mm, va); vma != nullptr) {
    const FaultResult result = handle_vma_fault<A>(*vma, va, access, FAULT_FLAG_VMA_LOCK);
    vma_end_read(*vma);
    if (result != FaultResult::retry) return result;
  }
  mm.mmap_lock.down_read();
  if (vm_area_struct* vma = vma_lookup(mm, va); vma != nullptr) vma_remember(*vma, va);
  const FaultResult result = handle_mm_fault<A>(mm, va, access);
  mm.mmap_lock.up_read();
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
