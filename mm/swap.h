// SPDX-License-Identifier: GPL-2.0-or-later
// Swap: slots that hold the contents of pages, and the cache of pages that are the same as a slot.
// Kernel files: swapfile.c, swap_state.c, page_io.c; the faults are in fault.tcc.
//
// A slot is counted once for each entry of a page table that names it (swap_duplicate, swap_free).
// While it has a count, or a page on its way out or in, the page that holds the same contents may be
// in the cache: PG_swapcache, page::swap_entry names the slot, and the cache has one reference. Two
// faults on entries of one slot so find the same page. With the last count the page leaves the
// cache, and whoever maps it may have it for itself.
//
// An entry with the exclusive bit is the only one of its slot, and the page was this mm's alone.
// Who puts a page out, or maps one that came in, holds the slot meanwhile: else the last entry could
// go between two of his steps, and the slot be somebody else's at the next. (Kernel: the page lock.)
//
// One lock for all slots (the kernel: one for each cluster); it nests inside the PTL.
#pragma once

#include "mm/mm_types.h"
#include "mm/page_alloc.h"

namespace tlblab::inline TLBLAB_WORLD {

// A swap device of this many slots. 0, -ENOMEM, -EBUSY: there is one.
std::int64_t swapon(std::uint64_t slots) noexcept;
// No slot is in use any more. mem_exit calls it, and mem_init calls swap_init.
void swapoff() noexcept;
void swap_init() noexcept;
// Slots in use, by counts or by the cache.
[[nodiscard]] std::uint64_t swap_slots_in_use() noexcept;
// Counts of the slot.
[[nodiscard]] unsigned swap_count(swp_entry_t entry) noexcept;

// Puts an anonymous page into the cache, with a new slot that has no count yet; of a page that is
// there already it takes that slot. The slot is held: give it back by swap_release. False: no slot,
// or no device. The caller holds a reference.
[[nodiscard]] bool folio_alloc_swap(page* p) noexcept;
// The slot of a page in the cache.
inline swp_entry_t folio_swap_entry(const page* p) noexcept {
  return {SwapType::swap, p->swap_entry.load(order::relaxed)};
}
// Another entry names the slot. REQUIRES: the slot cannot go away: an entry of it is under the
// caller's PTL, or the page is in the cache and the caller put it there.
void swap_duplicate(swp_entry_t entry) noexcept;
// One less. With the last, if nobody holds it, the slot is free, and its page leaves the cache.
void swap_free(swp_entry_t entry) noexcept;
// Ends what folio_alloc_swap or swapin_readahead began.
void swap_release(swp_entry_t entry) noexcept;

// The page with the slot's contents, read in if the cache does not have it, with a reference for
// the caller; the slot is held. Null with *gone: no entry names the slot any more; without: no memory.
[[nodiscard]] page* swapin_readahead(swp_entry_t entry, bool& gone) noexcept;
// Writes a page, whose slot the caller holds, to it. False: no memory for the contents; true also if
// no entry names the slot any more.
[[nodiscard]] bool swap_writepage(page* p) noexcept;
// Takes p out of the cache if its slot, which the caller holds, has the contents and only the cache
// and the caller have p. False: it stays.
[[nodiscard]] bool delete_from_swap_cache(page* p) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
