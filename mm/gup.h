// SPDX-License-Identifier: GPL-2.0-or-later
// Pages of a program for somebody who is not the program: get_user_pages_fast, pins. Kernel files:
// gup.c, and of rmap.h what keeps a pinned page where it is.
//
// A pin (FOLL_PIN) says: a device reads or writes the frame. As long as the page is pinned it stays
// the page that its address shows: fork copies it for the child at once, and a write fault reuses
// it. What carries that promise is PG_anon_exclusive, which is taken away only from a page that is
// not pinned: folio_try_share_anon_rmap_pte and folio_try_dup_anon_rmap_pte are the only places.
//
// Counting. A pin of a folio of one page is GUP_PIN_COUNTING_BIAS references, so that one atomic
// operation takes it; a large folio has a count of its own and one reference for each pin.
#pragma once

#include "mm/fences.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"

namespace tlblab::inline TLBLAB_WORLD {

enum gup_flag : std::uint32_t {
  FOLL_WRITE = 1U << 0,  // the pages will be written to
  FOLL_PIN = 1U << 1,    // pins instead of references
};
using GupFlags = std::uint32_t;

inline constexpr int GUP_PIN_COUNTING_BIAS = 1024;

// Takes a reference, or a pin, on each of nr pages from start on, faulting them in where needed.
// First without any lock, then under mmap_lock, which it takes itself. Returns how many it took;
// -EFAULT or -ENOMEM if it could not take the first. A page that is the zero page is not counted.
template <ArchBackend A>
std::int64_t get_user_pages_fast(
    mm_struct& mm, vaddr_t start, std::uint64_t nr, GupFlags flags, page** pages) noexcept;
// The part without a lock: stops at the first page that it may not have. REQUIRES: interrupts on.
template <ArchBackend A>
std::uint64_t get_user_pages_fast_only(
    mm_struct& mm, vaddr_t start, std::uint64_t nr, GupFlags flags, page** pages) noexcept;

// Gives back what FOLL_PIN took. Without FOLL_PIN it is put_page.
void unpin_user_page(page* p) noexcept;
void unpin_user_pages(page** pages, std::uint64_t nr) noexcept;

// Might be pinned: many references look like a pin too. False is certain if the caller has made
// sure that nobody can take one: under write_protect_seq, or with the entry cleared and a full
// barrier after that.
inline bool folio_maybe_dma_pinned(const page* folio) noexcept {
  if (folio_test_large(folio)) return folio->pincount.load(order::relaxed) > 0;
  return folio->refcount.load(order::relaxed) >= GUP_PIN_COUNTING_BIAS;
}

// The caller holds a reference, or the PTL of an entry that maps the page.
void try_grab_folio(page* folio, int refs, GupFlags flags) noexcept;
// Gives back refs references or pins.
void gup_put_folio(page* folio, int refs, GupFlags flags) noexcept;

// Nobody holds the page: it may have been freed and be something else by now, so the caller looks
// again at what led it here. Null: it was free.
inline page* try_grab_folio_fast(page* p, int refs, GupFlags flags) noexcept {
  page* folio = folio_of(p);
  const bool pin = (flags & FOLL_PIN) != 0;
  const bool large = folio_test_large(folio);
  const int count = pin && !large ? refs * GUP_PIN_COUNTING_BIAS : refs;
  int had = folio->refcount.load(order::relaxed);
  do {
    if (had <= 0) return nullptr;
  } while (!folio->refcount.compare_exchange(had, had + count, order::relaxed));
  if (folio_of(p) != folio || folio_test_large(folio) != large) [[unlikely]] {
    folio_put_refs(folio, count);  // another folio than the one that was looked at
    return nullptr;
  }
  if (pin && large) folio->pincount.fetch_add(refs, order::relaxed);
  // The pin before the second look at the entry; pairs with the smp_mb in
  // folio_try_share_anon_rmap_pte.
  smp_mb__after_atomic(Fence::gup_pin);
  return folio;
}

// A pin for reading of a page that a write would replace by a copy: the device would go on reading
// the old one. REQUIRES: the caller looked at the entry after it took the pin.
inline bool gup_must_unshare(const page* p, GupFlags flags) noexcept {
  if ((flags & (FOLL_WRITE | FOLL_PIN)) != FOLL_PIN) return false;
  if (!page_test(p->head, PG_anon)) return false;
  // The entry before the flag: an entry that was taken out, and put back the same after the flag
  // was cleared, may not be seen with the old flag. Pairs with the barrier at the end of
  // folio_try_share_anon_rmap_pte.
  smp_rmb(Fence::gup_exclusive);
  return !page_test(p, PG_anon_exclusive);
}

// Before an exclusive page is shared, swapped out or migrated: takes PG_anon_exclusive away unless
// the page may be pinned (false). REQUIRES: PTL held, the entry cleared.
[[nodiscard]] inline bool folio_try_share_anon_rmap_pte(page* p) noexcept {
  // The cleared entry before the look at the pins; pairs with the barrier in try_grab_folio_fast.
  smp_mb(Fence::share_clear);
  if (folio_maybe_dma_pinned(folio_of(p))) return false;
  page_clear_anon_exclusive(p);
  // The flag before the new entry; pairs with the smp_rmb in gup_must_unshare.
  smp_mb__after_atomic(Fence::share_exclusive);
  return true;
}

// fork: shares the page with the child, unless the parent may have it pinned (false): then the
// child gets a copy. REQUIRES: PTL held, mm.write_protect_seq odd.
[[nodiscard]] inline bool folio_try_dup_anon_rmap_pte(const mm_struct& mm, page* p) noexcept {
  if (!page_test(p, PG_anon_exclusive)) return true;
  if (mm.has_pinned.load(order::relaxed) && folio_maybe_dma_pinned(folio_of(p))) return false;
  page_clear_anon_exclusive(p);
  return true;
}

}  // namespace tlblab::inline TLBLAB_WORLD
