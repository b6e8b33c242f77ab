// SPDX-License-Identifier: GPL-2.0-or-later
//
// Nobody may use the small pages from the first look at who holds them until they are copied. Faults and
// calls are kept out by mmap_lock and the area's lock, reverse mapping by the anon_vma's lock and then by
// the page locks, programs by the PMD that is none and flushed. What is left is GUP-fast, which takes no
// lock. It may be in the table while that is taken away:
//
//   CPU0 collapse                        CPU1 GUP-fast, interrupts off
//                                        read pmd[x], pte[x]
//   clear pmd[x], flush
//   (collapse-sync: wait for CPU1)
//   no more references than mappings?
//   copy the page
//                                        pin the page
//                                        pte[x] as before? It is
//                                        (gup-recheck-pmd: pmd[x] as before?)
//   clear pte[x], set pmd[x] to the copy
//
// Where the flush interrupts CPU1, that has waited for it. Where it does not, CPU1 looks at the PMD again:
// either it sees that the table is gone, or CPU0 sees the pin and gives up. That is enough for the page but
// not for the table, which goes on as the one that is laid by, and from there without any waiting to the
// free ones, or into a split: so CPU0 waits until no CPU is left in it. Scenarios gup-fast-vs-collapse-2022
// and -table.
#pragma once

#include <bitset>
#include <cerrno>
#include <cstring>

#include "mm/anon_vma.h"
#include "mm/huge_memory.tcc"
#include "mm/khugepaged.h"
#include "mm/table_free.tcc"
#include "mm/vmscan.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// Nothing but the mappings and the swap cache has references. The page's table is unhooked, so this mm
// gives no new ones; who shares the page may pin it, but not to write.
inline bool is_refcount_suitable(const page* folio) noexcept {
  const auto& mappings = folio_order(folio) != 0 ? folio->large_mapcount : folio->mapcount;
  const int expected = mappings.load(order::relaxed) + (page_test(folio, PG_swapcache) ? 1 : 0);
  return folio->refcount.load(order::relaxed) == expected;
}

// The folios of the range, each locked and isolated once.
class collapsing_folios {
 public:
  collapsing_folios() = default;
  collapsing_folios(const collapsing_folios&) = delete;
  collapsing_folios& operator=(const collapsing_folios&) = delete;
  ~collapsing_folios() { release(); }

  // False: in use. PTL held.
  [[nodiscard]] bool take(page* folio) noexcept {
    if (holds(folio)) return true;
    if (!trylock_page(folio)) return false;
    if (is_refcount_suitable(folio) && isolate(folio)) return true;
    unlock_page(folio);
    return false;
  }
  // Those that are not mapped any more are freed.
  void release() noexcept {
    while (first_ != nullptr) {
      page* folio = first_;
      first_ = folio->next_isolated;
      unlock_page(folio);
      isolated_pages::putback(folio);
    }
  }

 private:
  [[nodiscard]] bool holds(const page* folio) const noexcept {
    const page* held = first_;
    while (held != nullptr && held != folio) held = held->next_isolated;
    return held != nullptr;
  }
  [[nodiscard]] bool isolate(page* folio) noexcept {
    if ((folio->flags.fetch_or(PG_isolated, order::full) & PG_isolated) != 0) return false;
    get_page(folio);
    folio->next_isolated = first_;
    first_ = folio;
    return true;
  }
  page* first_ = nullptr;
};

struct collapse_site {
  mm_struct& mm;
  vm_area_struct& vma;
  vaddr_t start;  // of the PMD's span
  pte_ref pmd;
  page* table;                          // of PTEs
  std::bitset<ptrs_per_table> entries;  // of it that are not none

  [[nodiscard]] vaddr_t address(unsigned n) const noexcept { return start + n * page_size; }
  // act(n) for each of the entries; until one says false.
  template <class Act>
  bool all_of(Act act) const noexcept {
    for (unsigned n = 0; n < ptrs_per_table; ++n)
      if (entries.test(n) && !act(n)) return false;
    return true;
  }
};

// Faults are kept out, so what is none stays so: in explore one step and not 512.
template <ArchBackend A>
std::bitset<ptrs_per_table> entries_in(page* table) noexcept {
  const access_window_of<A> unit;
  std::bitset<ptrs_per_table> found;
  for (unsigned n = 0; n < ptrs_per_table; ++n) found.set(n, !A::pte_none(ptep_get({table, n})));
  return found;
}

// No CPU translates by the table any more, and no walker without locks is in it. Where tables are freed
// without a grace period a flush has interrupted all who may be. Kernel: pmdp_collapse_flush and
// tlb_remove_table_sync_one.
template <ArchBackend A>
void unhook_table(const collapse_site& site) noexcept {
  mm_struct& mm = site.mm;
  lock_table(mm, site.pmd.table, 1);
  const pte_t was = A::pmdp_establish(mm, site.start, site.pmd.word(), {});
  note_change(mm, site.pmd, site.start, was, {});
  flush_pmd_tlb_range<A>(mm, site.start);
  unlock_table(mm, site.pmd.table, 1);
  if (A::features.rcu_table_free && mm.fixes.collapse_sync) tlb_remove_table_sync_one();
}

template <ArchBackend A>
void hook_table(const collapse_site& site) noexcept {
  lock_table(site.mm, site.pmd.table, 1);
  set_pte_at(site.mm, site.pmd, site.start, A::mk_table(site.table->pfn));
  unlock_table(site.mm, site.pmd.table, 1);
}

// May what the entry shows be replaced by a copy? PTL held.
template <ArchBackend A>
bool take_entry(const collapse_site& site, pte_t pte, collapsing_folios& folios) noexcept {
  if (!A::pte_present(pte) || A::pte_uffd_wp(pte)) return false;
  page* p = pfn_to_page(A::pte_pfn(pte));
  if (page_test(p, PG_reserved)) return (site.vma.vm_flags & VM_UFFD_WP) == 0;
  return folios.take(folio_of(p));
}

// True: every page of the range is the caller's. Kernel: __collapse_huge_page_isolate.
template <ArchBackend A>
bool isolate_range(const collapse_site& site, collapsing_folios& folios) noexcept {
  const bool watched = (site.vma.vm_flags & VM_UFFD_WP) != 0;
  if (watched && !site.entries.all()) return false;  // what is missing would be told
  bool writable = false;
  lock_table(site.mm, site.table, 0);
  const bool all = site.all_of([&](unsigned n) {
    const pte_t pte = ptep_get({site.table, n});
    writable |= A::pte_write(pte);
    return take_entry<A>(site, pte, folios);
  });
  unlock_table(site.mm, site.table, 0);
  return all && writable;
}

// Null: zeros. The entry is the caller's.
template <ArchBackend A>
const page* page_to_copy(const collapse_site& site, unsigned n) noexcept {
  if (!site.entries.test(n)) return nullptr;
  const page* p = pte_page<A>(ptep_get({site.table, n}));
  return page_test(p, PG_reserved) ? nullptr : p;
}

// Kernel: __collapse_huge_page_copy.
template <ArchBackend A>
void copy_range(const collapse_site& site, page* head) noexcept {
  for (unsigned n = 0; n < ptrs_per_table; ++n) {
    const page* from = page_to_copy<A>(site, n);
    if (from == nullptr) {
      charge(Cost::zero_page);
      std::memset(head[n].frame, 0, page_size);
      continue;
    }
    trace(EventKind::copy_begin, site.mm.id, from->pfn, site.address(n));
    copy_user_page(head + n, from);
    trace(EventKind::copy_end, site.mm.id, from->pfn, 1);
  }
}

// The table is empty afterwards. No TLB has anything of it. Kernel: __collapse_huge_page_copy_succeeded.
template <ArchBackend A>
void clear_range(const collapse_site& site) noexcept {
  lock_table(site.mm, site.table, 0);
  site.all_of([&](unsigned n) {
    const pte_t was = ptep_get_and_clear<A>(site.mm, {site.table, n}, site.address(n));
    page* p = pfn_to_page(A::pte_pfn(was));
    if (page_test(p, PG_reserved)) return true;
    folio_remove_rmap_pte(p);
    site.mm.rss.fetch_sub(1, order::relaxed);
    put_page(p);  // the mapping's; not the last, it is isolated
    return true;
  });
  unlock_table(site.mm, site.table, 0);
}

// The table becomes the one that is laid by.
template <ArchBackend A>
void map_folio(const collapse_site& site, page* head) noexcept {
  const pte_t entry = huge_anon_entry<A>({site.mm, site.vma, site.start, true, 0}, head);
  lock_table(site.mm, site.pmd.table, 1);
  count_huge_anon(site.mm, head);
  pgtable_trans_huge_deposit(site.pmd.table, site.table);
  set_pte_at(site.mm, site.pmd, site.start, entry);  // a release store: the copies come before it
  arch_update_mmu_cache<A>(site.mm, site.start, entry);
  unlock_table(site.mm, site.pmd.table, 1);
}

// False: it is hooked again, and folios has perhaps some.
template <ArchBackend A>
bool unhook_and_isolate(const collapse_site& site, collapsing_folios& folios) noexcept {
  const anon_vma_write_lock no_rmap_walks(site.vma, true);
  unhook_table<A>(site);
  const bool isolated = isolate_range<A>(site, folios);
  if (!isolated) hook_table<A>(site);
  return isolated;
}

// mmap_lock for writing. Takes over head if 0.
template <ArchBackend A>
std::int64_t collapse_into(mm_struct& mm, vaddr_t start, page* head) noexcept {
  vm_area_struct* vma = vma_lookup(mm, start);
  if (vma == nullptr || !transhuge_vma_suitable(*vma, start)) return -EINVAL;
  if (vma->anon_vma.load(order::relaxed) == nullptr) return -EINVAL;
  vma_start_write(*vma);
  page* pmds = find_table<A>(mm, start, 1);
  if (pmds == nullptr) return -ENOENT;
  const pte_ref pmd = entry_in(pmds, start, 1);
  page* table = table_below<A>(ptep_get(pmd));
  if (table == nullptr) return -ENOENT;
  const collapse_site site{mm, *vma, start, pmd, table, entries_in<A>(table)};
  collapsing_folios folios;
  if (!unhook_and_isolate<A>(site, folios)) return -EBUSY;
  copy_range<A>(site, head);
  clear_range<A>(site);
  folios.release();
  map_folio<A>(site, head);
  return 0;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t collapse_huge_page(mm_struct& mm, vaddr_t va) noexcept {
  page* head = alloc_folio(AllocSite::user_page, hpage_pmd_order);
  if (head == nullptr) return -ENOMEM;
  mm.mmap_lock.down_write();
  const std::int64_t result = detail::collapse_into<A>(mm, va & pmd_mask, head);
  mmap_write_unlock(mm);
  if (result != 0) put_page(head);
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
