// SPDX-License-Identifier: GPL-2.0-or-later
//
// Two steps, and the page may not change from the first on. The entry is made read-only, with its
// invalidate, so no program can write; then pins are looked for, so no device can. Only then are contents
// compared, and the other page is mapped if the entry is still the same.
//
// An entry that is read-only and clean already needs no such step, unless somebody made it so a moment ago
// and has not flushed yet: a TLB may still take stores, and the entry, which does not change any more,
// would not show it. Hence the look at tlb_flush_pending (b3a81d0841a9; Minchan Kim, mail 000 of the
// threads). Whoever changes entries without mmap_lock for writing counts there.
#pragma once

#include <cerrno>

#include "mm/gup.h"
#include "mm/ksm.h"
#include "mm/pgtable.tcc"
#include "mm/tlb_flush_pending.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// A place and the page that was found there: locked, and with a reference.
struct ksm_site {
  mm_struct& mm;
  const vm_area_struct& vma;
  vaddr_t va;
  page* p;
};

template <ArchBackend A>
bool maps_page(pte_ref ref, const page* p) noexcept {
  const pte_t pte = ptep_get(ref);
  return A::pte_present(pte) && A::pte_pfn(pte) == p->pfn;
}

// PTL held, the entry cleared and flushed. Whoever has a reference may be writing: besides the mappings
// only the caller and the swap cache may.
inline bool has_other_users(const page* p) noexcept {
  const int own = page_test(p, PG_swapcache) ? 2 : 1;
  return p->mapcount.load(order::relaxed) + own != p->refcount.load(order::relaxed);
}

// PTL held, the entry maps the page. False: in use, nothing changed. `now`: the entry.
template <ArchBackend A>
bool write_protect_entry(const ksm_site& site, pte_ref ref, pte_t& now) noexcept {
  now = ptep_get(ref);
  const bool exclusive = page_test(site.p, PG_anon_exclusive);
  const bool pending = site.mm.fixes.ksm_check_pending && tlb_flush_pending_at(site.mm, site.va);
  const bool known = exclusive && site.mm.fixes.anon_exclusive;
  if (!A::pte_write(now) && !A::pte_dirty(now) && !known && !pending) {
    page_clear_anon_exclusive(site.p);  // of before 2022, when nobody asked for it
    return true;
  }
  const pte_t was = ptep_clear_flush<A>(site.mm, ref, site.va);
  const bool busy =
      has_other_users(site.p) || (exclusive && !folio_try_share_anon_rmap_pte(site.p));
  if (!busy && A::pte_dirty(was)) page_set(site.p, PG_dirty);
  now = busy ? was : A::pte_wrprotect(A::pte_mkclean(was));
  set_pte_at(site.mm, ref, site.va, now);
  return !busy;
}

// Kernel: write_protect_page.
template <ArchBackend A>
bool write_protect_page(const ksm_site& site, pte_t& now) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return false;
  const bool done = maps_page<A>(ref, site.p) && write_protect_entry<A>(site, ref, now);
  pte_unmap_unlock(site.mm, ref);
  return done;
}

inline bool pages_identical(const page* one, const page* other) noexcept {
  const auto* a = static_cast<const std::uint64_t*>(one->frame);
  const auto* b = static_cast<const std::uint64_t*>(other->frame);
  for (std::size_t i = 0; i < page_size / sizeof *a; ++i)
    if (read_once(a[i]) != read_once(b[i])) return false;
  return true;
}

// The entry is still orig: the KSM page takes the place. Returns whether it did. Kernel: replace_page.
template <ArchBackend A>
bool replace_page(const ksm_site& site, page* kpage, pte_t orig) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(site.mm, site.va);
  if (!ref) return false;
  const bool same = ptep_get(ref) == orig;
  if (same) {
    get_page(kpage);
    folio_add_rmap_pte(kpage);
    ptep_clear_flush<A>(site.mm, ref, site.va);
    const pte_t pte = A::pte_wrprotect(A::mk_pte(kpage->pfn, site.vma.vm_flags));
    set_pte_at(site.mm, ref, site.va, pte);
    arch_update_mmu_cache<A>(site.mm, site.va, pte);
    folio_remove_rmap_pte(site.p);
  }
  pte_unmap_unlock(site.mm, ref);
  if (same) put_page(site.p);  // the mapping's
  return same;
}

// Page lock held. Kernel: the first half of try_to_merge_one_page, without a page to merge with.
template <ArchBackend A>
std::int64_t make_ksm_page(const ksm_site& site) noexcept {
  if (page_test(site.p, PG_ksm)) return 0;
  if (page_test(site.p, PG_swapcache)) return -EBUSY;  // its slot would have to be found by ksm
  pte_t now{};
  if (!write_protect_page<A>(site, now)) return -EBUSY;
  page_set(site.p, PG_ksm | PG_dirty);
  site.p->anon_vma.store(nullptr, order::release);  // it is found no more by where it was first
  return 0;
}

// Page lock held. Kernel: the other half.
template <ArchBackend A>
std::int64_t merge_with(const ksm_site& site, page* kpage) noexcept {
  pte_t orig{};
  if (!write_protect_page<A>(site, orig)) return -EBUSY;
  trace(EventKind::copy_begin, site.mm.id, site.p->pfn, site.va);
  const bool identical = pages_identical(site.p, kpage);
  const bool replaced = identical && replace_page<A>(site, kpage, orig);
  trace(EventKind::copy_end, site.mm.id, site.p->pfn, replaced ? 1 : 0);
  return replaced ? 0 : identical ? -EBUSY : -EAGAIN;
}

// A reference on the page at va, if ksm may have it. Null: none.
template <ArchBackend A>
page* ksm_page_at(mm_struct& mm, vaddr_t va) noexcept {
  const pte_ref ref = pte_offset_map_lock<A>(mm, va);
  if (!ref) return nullptr;
  const pte_t pte = ptep_get(ref);
  page* p = A::pte_present(pte) ? pfn_to_page(A::pte_pfn(pte)) : nullptr;
  const bool fits =
      p != nullptr && page_test(p, PG_anon) && !page_test(p, PG_reserved) && !folio_test_large(p);
  if (fits) get_page(p);
  pte_unmap_unlock(mm, ref);
  return fits ? p : nullptr;
}

// work(site) with the page at va locked; -ENOENT, -EBUSY: there is none to lock.
template <ArchBackend A, class Work>
std::int64_t with_ksm_page(mm_struct& mm,
                           const vm_area_struct& vma,
                           vaddr_t va,
                           Work work) noexcept {
  page* p = ksm_page_at<A>(mm, va);
  if (p == nullptr) return -ENOENT;
  std::int64_t result = -EBUSY;
  if (trylock_page(p)) {
    result = work(ksm_site{mm, vma, va, p});
    unlock_page(p);
  }
  put_page(p);
  return result;
}

// mmap_lock for reading.
template <ArchBackend A>
std::int64_t ksm_merge_locked(mm_struct& mm, vaddr_t kept, vaddr_t va) noexcept {
  const vm_area_struct* kept_vma = vma_lookup(mm, kept);
  const vm_area_struct* vma = vma_lookup(mm, va);
  if (kept_vma == nullptr || vma == nullptr) return -EINVAL;
  if ((kept_vma->vm_flags & vma->vm_flags & VM_MERGEABLE) == 0) return -EINVAL;
  page* kpage = nullptr;
  const std::int64_t made = with_ksm_page<A>(mm, *kept_vma, kept, [&](const ksm_site& site) {
    const std::int64_t result = make_ksm_page<A>(site);
    if (result == 0) get_page(kpage = site.p);
    return result;
  });
  if (made != 0) return made;
  const std::int64_t result = with_ksm_page<A>(mm, *vma, va, [&](const ksm_site& site) {
    return site.p == kpage ? 0 : merge_with<A>(site, kpage);
  });
  put_page(kpage);
  return result;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t ksm_merge_pages(mm_struct& mm, vaddr_t kept, vaddr_t va) noexcept {
  mm.mmap_lock.down_read();
  const std::int64_t result = detail::ksm_merge_locked<A>(mm, kept & page_mask, va & page_mask);
  mm.mmap_lock.up_read();
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
