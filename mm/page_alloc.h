// SPDX-License-Identifier: GPL-2.0-or-later
// Frames: who has one, and when it may be used again. Kernel files: page_alloc.c, page_ref.h,
// rmap.c as far as counting goes.
//
// A frame has a small dense number (pfn), the same in every run, and a generation that grows when
// it is freed. Whatever remembers a frame (a TLB entry, a walk cache) remembers its generation
// too: if they differ the frame was freed under it. Free frames lie on a list of the CPU that
// freed them, so allocation needs no lock and, in explore, is no visible step, but for a batch now
// and then that goes from a CPU that frees more than it allocates to one that has none left.
//
// A large folio is 1 << order frames with consecutive numbers from a multiple of that, contiguous on
// the host. Its head counts references, has the flags and is what all pages' descriptors name.
// Such runs are had under a lock; a free one is cut when nothing else is left, and never put
// together again: then large folios are not to be had, as on a machine whose memory is in pieces.
#pragma once

#include <cstdint>

#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

// Once per machine, before any CPU runs mm; frames: how many there are in all. False: no memory.
[[nodiscard]] bool mem_init(std::uint64_t frames) noexcept;
void mem_exit() noexcept;
// Frames allocated and not freed, the zero page not counted. Exact only while no CPU runs.
[[nodiscard]] long frames_in_use() noexcept;

// Null if the machine has no frame left or a test made the allocation fail. Contents undefined.
[[nodiscard]] page* alloc_page(AllocSite site) noexcept;
[[nodiscard]] page* alloc_zeroed_page() noexcept;
// 1 << order pages, order 0 to max_folio_order, with one reference in all.
inline constexpr unsigned max_folio_order = 9;
[[nodiscard]] page* alloc_folio(AllocSite site, unsigned order) noexcept;
[[nodiscard]] page* alloc_zeroed_folio(unsigned order) noexcept;
// A folio of zeros the size of a PMD, made when first asked for and kept to the end; null: no
// memory. Never counted, like the zero page. Kernel: mm_get_huge_zero_folio.
[[nodiscard]] page* huge_zero_folio() noexcept;
// A table with no entry present.
[[nodiscard]] page* alloc_table(unsigned level) noexcept;
// The caller has made sure that no walker, of hardware or software, can still reach it (D15, D16).
void free_table(page* table) noexcept;

inline bool folio_test_large(const page* p) noexcept { return folio_order(folio_of(p)) != 0; }
inline unsigned folio_nr_pages(const page* p) noexcept { return 1U << folio_order(folio_of(p)); }

// Flags are the folio's, whichever of its pages is asked, but for PG_anon_exclusive: that is the
// page's own, and the head's for the whole folio while a PMD maps it.
template <class Page>
[[nodiscard]] Page* flag_holder(Page* p, std::uint32_t flags) noexcept {
  return flags == PG_anon_exclusive ? p : folio_of(p);
}
inline bool page_test(const page* p, std::uint32_t flags) noexcept {
  return (flag_holder(p, flags)->flags.load(order::relaxed) & flags) != 0;
}
// Of a page that a PTE maps; the huge zero page, which has the flag too, no PTE maps.
inline bool page_is_reserved(const page* p) noexcept {
  return (p->flags.load(order::relaxed) & PG_reserved) != 0;
}
inline void page_set(page* p, std::uint32_t flags) noexcept {
  const std::uint32_t own = p == folio_of(p) ? 0 : flags & PG_anon_exclusive;
  if (own != 0) p->flags.fetch_or(own, order::relaxed);
  if (flags != own) folio_of(p)->flags.fetch_or(flags & ~own, order::relaxed);
}
// Of a folio that nobody else can reach yet: no RMW.
inline void page_set_fresh(page* head, std::uint32_t flags) noexcept {
  head->flags.store(head->flags.load(order::relaxed) | flags, order::relaxed);
}
inline void page_clear(page* p, std::uint32_t flags) noexcept {
  flag_holder(p, flags)->flags.fetch_and(~flags, order::relaxed);
}
// The page may be mapped by another mm soon. PTL of the entry that made it exclusive. REQUIRES: the
// page is not pinned, in a way that GUP-fast cannot miss.
inline void page_clear_anon_exclusive(page* p) noexcept {
  if (!page_test(p, PG_anon_exclusive)) return;
  page_clear(p, PG_anon_exclusive);
  trace(EventKind::anon_exclusive_clear, 0, p->pfn);
}

// References to the page's folio. The zero pages are not counted.
void get_page(page* p) noexcept;
void folio_ref_add(page* p, int refs) noexcept;
// Frees the folio with the last reference: the caller's invalidates are complete (D14).
void put_page(page* p) noexcept;
void folio_put_refs(page* p, int refs) noexcept;

// Mappings by PTEs of pages of one folio from p on, under the PTL of the PTEs in question.
void folio_add_rmap_ptes(page* p, unsigned nr) noexcept;
void folio_remove_rmap_ptes(page* p, unsigned nr) noexcept;
inline void folio_add_rmap_pte(page* p) noexcept { folio_add_rmap_ptes(p, 1); }
inline void folio_remove_rmap_pte(page* p) noexcept { folio_remove_rmap_ptes(p, 1); }
// Of the whole folio by a PMD, under that PMD's lock.
void folio_add_rmap_pmd(page* head) noexcept;
void folio_remove_rmap_pmd(page* head) noexcept;
// Entries that map this page, of either size. Exact only while nobody changes one.
[[nodiscard]] inline int page_mapcount(const page* p) noexcept {
  return p->mapcount.load(order::relaxed) + folio_of(p)->entire_mapcount.load(order::relaxed);
}

// Does any entry map a page of the folio?
[[nodiscard]] inline bool folio_mapped(const page* folio) noexcept {
  // Acquire: pairs with the release in folio_remove_rmap_ptes; stores through the last mapping come
  // before the count that says it is gone.
  const auto& count = folio_order(folio) != 0 ? folio->large_mapcount : folio->mapcount;
  return count.load(order::acquire) > 0;
}

void copy_user_page(page* to, const page* from) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
