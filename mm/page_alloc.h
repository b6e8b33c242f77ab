// SPDX-License-Identifier: GPL-2.0-or-later
// Frames: who has one, and when it may be used again. Kernel files: page_alloc.c, page_ref.h,
// rmap.c as far as counting goes.
//
// A frame has a small dense number (pfn), the same in every run, and a generation that grows when
// it is freed. Whatever remembers a frame (a TLB entry, a walk cache) remembers its generation
// too: if they differ the frame was freed under it. Free frames lie on a list of the CPU that
// freed them, so allocation needs no lock and, in explore, is no visible step, but for a batch now
// and then that goes from a CPU that frees more than it allocates to one that has none left.
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
// A table with no entry present.
[[nodiscard]] page* alloc_table(unsigned level) noexcept;
// The caller has made sure that no walker, of hardware or software, can still reach it (D15, D16).
void free_table(page* table) noexcept;

inline bool page_test(const page* p, std::uint32_t flags) noexcept {
  return (p->flags.load(order::relaxed) & flags) != 0;
}
inline void page_set(page* p, std::uint32_t flags) noexcept {
  p->flags.fetch_or(flags, order::relaxed);
}
inline void page_clear(page* p, std::uint32_t flags) noexcept {
  p->flags.fetch_and(~flags, order::relaxed);
}
// The page may be mapped by another mm soon. PTL of the entry that made it exclusive. REQUIRES: the
// page is not pinned, in a way that GUP-fast cannot miss.
inline void page_clear_anon_exclusive(page* p) noexcept {
  if (!page_test(p, PG_anon_exclusive)) return;
  page_clear(p, PG_anon_exclusive);
  trace(EventKind::anon_exclusive_clear, 0, p->pfn);
}

// References. The zero page is not counted.
void get_page(page* p) noexcept;
// Frees the page with the last reference: the caller's invalidates are complete (D14).
void put_page(page* p) noexcept;
// Gives back several references of a folio at once; the same rule.
void folio_put_refs(page* folio, int refs) noexcept;

// Mappings, under the PTL of the PTE in question.
void folio_add_rmap_pte(page* p) noexcept;
void folio_remove_rmap_pte(page* p) noexcept;

void copy_user_page(page* to, const page* from) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
