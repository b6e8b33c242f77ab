// SPDX-License-Identifier: GPL-2.0-or-later
// Reclaim: pages are unmapped wherever they are mapped, written out if they must be, and freed. Kernel
// files: vmscan.c, and try_to_unmap of rmap.c. Bodies: vmscan.tcc.
//
// There is no list of all pages by age: who wants pages reclaimed names them (MADV_PAGEOUT, or a test
// that plays the kernel short of memory). Naming one isolates it, and it is one reclaimer's alone.
//
// A large folio stays where it is: it would have to be split first, or need slots side by side.
#pragma once

#include "mm/page_alloc.h"
#include "mm/tlb_flush_batched.h"

namespace tlblab::inline TLBLAB_WORLD {

enum ttu_flag : std::uint32_t {
  TTU_BATCH_FLUSH = 1U << 0,  // entries may be flushed later, by the caller
};
using TtuFlags = std::uint32_t;

// Takes the page out of every page table: an anonymous page leaves the name of its slot, if it has one,
// or is given up by all (MADV_FREE) if no one has written to it. Where it may not be taken (pinned,
// locked by mlock, written to) it stays; whether all is done, folio_mapped says. With TTU_BATCH_FLUSH
// ubc is owed. REQUIRES: page lock and a reference; no spinlock. One page, not a large folio.
template <ArchBackend A>
void try_to_unmap(page* p, TtuFlags flags, tlbflush_unmap_batch& ubc) noexcept;

// Pages that one reclaimer has to itself, each with a reference, the first in first.
class isolated_pages {
 public:
  isolated_pages() = default;
  isolated_pages(const isolated_pages&) = delete;
  isolated_pages& operator=(const isolated_pages&) = delete;
  ~isolated_pages() { vm_bug_on(first_ != nullptr, "isolated_page_left"); }

  // False: another reclaimer has it. The caller's PTL or reference keeps the page meanwhile. Kernel:
  // folio_isolate_lru.
  [[nodiscard]] bool isolate(page* p) noexcept {
    if ((p->flags.fetch_or(PG_isolated, order::full) & PG_isolated) != 0) return false;
    get_page(p);
    p->next_isolated = nullptr;
    (first_ == nullptr ? first_ : last_->next_isolated) = p;
    last_ = p;
    return true;
  }
  // Null: none is left. The reference goes over; give back by putback, or free.
  [[nodiscard]] page* take() noexcept {
    page* p = first_;
    if (p != nullptr) first_ = p->next_isolated;
    return p;
  }
  static void putback(page* p) noexcept {
    page_clear(p, PG_isolated);
    put_page(p);
  }

 private:
  page* first_ = nullptr;
  page* last_ = nullptr;
};

enum class ReclaimResult : std::uint8_t {
  freed,
  busy,       // in use, pinned, dirty in a way that reclaim leaves alone
  no_slot,    // of swap
  no_memory,  // to write it to; unmapped, and in the swap cache
};

// Frees what it can of the pages; the rest is put back. Returns what became of the last one. REQUIRES:
// no spinlock.
template <ArchBackend A>
ReclaimResult shrink_folio_list(isolated_pages& pages) noexcept;

// Isolates the page that mm shows at va. 0; -ENOENT: no such page, or it belongs to a large folio; -EBUSY.
// Takes mmap_lock.
template <ArchBackend A>
std::int64_t isolate_page_at(mm_struct& mm, vaddr_t va, isolated_pages& pages) noexcept;

// Memory is short, and the page that mm shows at va is next: as kswapd does, it is reclaimed without any
// address space's lock. An anonymous page goes to swap, or is dropped if MADV_FREE has given it up. 0;
// -ENOENT: no such page, or it belongs to a large folio; -ENOMEM: no slot, or no memory for the contents
// (the page stays in the swap cache then); -EBUSY: in use, pinned, locked, or somebody else reclaims it.
// Takes mmap_lock to find it.
template <ArchBackend A>
std::int64_t swap_out_page(mm_struct& mm, vaddr_t va) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
