// SPDX-License-Identifier: GPL-2.0-or-later
// Page faults. Kernel: handle_mm_fault and below, in memory.c.
//
// A page is never exchanged for another one by storing over its entry: two CPUs would see two
// frames. It is clear, invalidate, set (trap T29), and the old page's mapcount goes down last
// (trap T30): whoever sees it lower may reuse the page.
#pragma once

#include "mm/memory.h"
#include "mm/page_cache.h"
#include "mm/pgtable.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

struct fault_site {
  mm_struct& mm;
  vm_area_struct& vma;
  vaddr_t va;  // page aligned
  bool write;
};

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

// Installs an entry if the place is still empty. False: somebody was first.
template <ArchBackend A>
bool set_pte_if_none(const fault_site& site, pte_t pte, page* p) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return false;
  const bool empty = ref.word().load(order::relaxed) == 0;
  if (empty) {
    folio_add_rmap_pte(p);
    if (!page_test(p, PG_reserved)) site.mm.rss.fetch_add(1, order::relaxed);
    set_pte_at(site.mm, ref, site.va, pte);
  }
  pte_unmap_unlock(site.mm, ref);
  return empty;
}

// A page of this mm alone, not yet mapped.
inline void make_anon(const fault_site& site, page* p) noexcept {
  page_set(p, PG_anon | PG_anon_exclusive | PG_swapbacked);
  site.vma.anon_vma.store(true, order::relaxed);
}

template <ArchBackend A>
FaultResult do_anonymous_page(const fault_site& site) noexcept {
  if (!site.write) {
    set_pte_if_none<A>(site, A::mk_pte(zero_page()->pfn, site.vma.vm_flags), zero_page());
    return FaultResult::done;
  }
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
  copy_user_page(fresh, cached);
  make_anon(site, fresh);
  const pte_t pte = A::pte_mkdirty(A::mk_pte(fresh->pfn, site.vma.vm_flags));
  if (!set_pte_if_none<A>(site, maybe_mkwrite<A>(pte, site.vma), fresh)) put_page(fresh);
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
    set_pte_at(site.mm, ref, window.start + i * page_size,
               A::mk_pte(found[i]->pfn, vm_page_prot(site.vma)));
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
  page* cached = file_lock_page(file, index);
  if (cached == nullptr) return FaultResult::oom;
  if (!site.write || !is_cow_mapping(site.vma)) {
    map_file_page<A>(site, cached);
    return FaultResult::done;
  }
  const FaultResult result = do_cow_fault<A>(site, cached);
  unlock_page(cached);
  put_page(cached);
  return result;
}

// No other mapping and no other reference: the page is this mm's alone (again).
inline bool can_reuse_anon(page* p) noexcept {
  if (!page_test(p, PG_anon)) return false;
  if (page_test(p, PG_anon_exclusive)) return true;
  if (p->refcount.load(order::relaxed) != 1) return false;
  page_set(p, PG_anon_exclusive);
  return true;
}

// Adds rights or A and D to the entry; no flush, a CPU that has the old one faults and looks again.
template <ArchBackend A>
void set_access_flags(const fault_site& site, pte_ref ref, pte_t was, pte_t now) noexcept {
  if (A::ptep_set_access_flags(ref.word(), now, site.write))
    note_change(site.mm, ref, site.va, was, now);
}

inline page* copy_for_write(const page* old) noexcept {
  if (page_test(old, PG_reserved)) return alloc_zeroed_page();
  page* fresh = alloc_page(AllocSite::user_page);
  if (fresh != nullptr) copy_user_page(fresh, old);
  return fresh;
}

// PTL held, entry checked. Old mapcount last.
template <ArchBackend A>
void exchange_page(const fault_site& site, pte_ref ref, page* old, page* fresh) noexcept {
  if (page_test(old, PG_reserved)) site.mm.rss.fetch_add(1, order::relaxed);
  ptep_clear_flush<A>(site.mm, ref, site.va);
  make_anon(site, fresh);
  folio_add_rmap_pte(fresh);
  const pte_t pte = A::pte_mkdirty(A::mk_pte(fresh->pfn, site.vma.vm_flags));
  set_pte_at(site.mm, ref, site.va, maybe_mkwrite<A>(pte, site.vma));
  folio_remove_rmap_pte(old);
}

// The caller holds a reference on old. The copy is made without the PTL.
template <ArchBackend A>
FaultResult wp_page_copy(const fault_site& site, pte_t orig, page* old) noexcept {
  page* fresh = copy_for_write(old);
  if (fresh == nullptr) return FaultResult::oom;
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  const bool unchanged = ref && ptep_get(ref) == orig;
  if (unchanged) exchange_page<A>(site, ref, old, fresh);
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
  const bool notify = vma_wants_writenotify(site.vma);
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

// A write to a present entry that forbids it. Enters with the PTL held and leaves without it.
template <ArchBackend A>
FaultResult do_wp_page(const fault_site& site, pte_ref ref, pte_t pte) noexcept {
  if (!is_cow_mapping(site.vma)) return wp_page_shared<A>(site, ref, pte);
  page* p = pfn_to_page(A::pte_pfn(pte));
  if (can_reuse_anon(p)) {
    wp_page_reuse<A>(site, ref, pte);
    pte_unmap_unlock(site.mm, ref);
    return FaultResult::done;
  }
  get_page(p);
  pte_unmap_unlock(site.mm, ref);
  const FaultResult result = wp_page_copy<A>(site, pte, p);
  put_page(p);
  return result;
}

// The entry is there. It may be right by now: then the fault was spurious.
template <ArchBackend A>
FaultResult fault_on_present(const fault_site& site, pte_t seen) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return FaultResult::done;
  const pte_t pte = ptep_get(ref);
  if (pte == seen && site.write && !A::pte_write(pte)) return do_wp_page<A>(site, ref, pte);
  if (pte == seen)
    set_access_flags<A>(site, ref, pte, A::pte_mkyoung(site.write ? A::pte_mkdirty(pte) : pte));
  pte_unmap_unlock(site.mm, ref);
  return FaultResult::done;
}

// Kernel: handle_pte_marker.
template <ArchBackend A>
FaultResult fault_on_marker(pte_t pte) noexcept {
  const std::uint64_t marker = A::pte_swap_entry(pte).offset;
  if ((marker & PTE_MARKER_GUARD) != 0) return FaultResult::sigsegv;
  return (marker & PTE_MARKER_POISONED) != 0 ? FaultResult::sigbus : FaultResult::done;
}

}  // namespace detail

template <ArchBackend A>
FaultResult handle_mm_fault(mm_struct& mm, vaddr_t va, Access access) noexcept {
  vm_area_struct* vma = vma_lookup(mm, va);
  if (vma == nullptr || !detail::access_allowed(*vma, access)) return FaultResult::sigsegv;
  if (!table_alloc<A>(mm, va)) return FaultResult::oom;
  const detail::fault_site site{mm, *vma, va & page_mask, access == Access::write};
  const pte_t pte = peek_pte<A>(mm, va);
  if (A::pte_present(pte)) return detail::fault_on_present<A>(site, pte);
  if (!A::pte_none(pte)) return detail::fault_on_marker<A>(pte);
  return vma->vm_file != nullptr ? detail::do_file_fault<A>(site)
                                 : detail::do_anonymous_page<A>(site);
}

}  // namespace tlblab::inline TLBLAB_WORLD
