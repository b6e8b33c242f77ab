// SPDX-License-Identifier: GPL-2.0-or-later
// A gather driven by hand: pages that belong to no area, queued as a zap would queue them.
#pragma once

#include <bit>
#include <map>

#include "mm/mmu_gather.tcc"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

inline constexpr unsigned local_singles = 7;    // of 8 slots: room for a pair is kept
inline constexpr unsigned batch_singles = 509;  // of 510
inline constexpr unsigned gather_limit = 9678;  // 7 + 19 * 509: data rule 6
static_assert(gather_limit == local_singles + max_gather_batch_count * batch_singles);

template <ArchBackend A>
class HandGather {
 public:
  explicit HandGather(mm_struct& mm) : mm_(mm) {}
  void begin() { tlb_gather_mmu(tlb, mm_); }

  // A page with one mapping, at the next address.
  page* make() {
    page* p = alloc_page(AllocSite::user_page);
    vm_bug_on(p == nullptr, "no_memory_for_the_test");
    folio_add_rmap_pte(p);
    return p;
  }
  // The kernel's order: recorded, rmap removed (if it may be), queued. True: full.
  bool queue(bool delay_rmap = false) { return queue_run(make(), 1, delay_rmap); }
  bool queue_run(page* first, unsigned nr, bool delay_rmap = false) {
    tlb_remove_tlb_entries(tlb, page_at(next_), nr);
    next_ += nr;
    if (!delay_rmap) folio_remove_rmap_ptes(first, nr);
    return tlb_remove_pages_ptl(tlb, first, nr, delay_rmap);
  }
  // A folio of nr pages, a power of two, each mapped once.
  page* make_run(unsigned nr) {
    page* first = alloc_folio(AllocSite::user_page, static_cast<unsigned>(std::countr_zero(nr)));
    vm_bug_on(first == nullptr, "no_memory_for_the_test");
    folio_ref_add(first, static_cast<int>(nr) - 1);
    folio_add_rmap_ptes(first, nr);
    return first;
  }
  unsigned queue_until_full() {
    unsigned queued = 1;
    while (!queue()) ++queued;
    return queued;
  }
  unsigned queue_times(unsigned pages) {
    unsigned full = 0;
    for (unsigned n = 0; n < pages; ++n) full += queue() ? 1U : 0U;
    return full;
  }

  mmu_gather<A> tlb;

 private:
  mm_struct& mm_;
  std::uint64_t next_ = 0;
};

// By the log of a CPU: every page that was queued was freed once, and not before a flush came.
inline void expect_freed_once_after_a_flush(const EventLog& log) {
  std::map<pfn_t, unsigned> waiting;  // queued, and no flush yet
  std::map<pfn_t, unsigned> flushed;
  const auto put = [&](pfn_t pfn) {
    EXPECT_EQ(waiting.count(pfn), 0U) << "page " << pfn << " freed before its flush";
    EXPECT_EQ(flushed.erase(pfn), 1U) << "page " << pfn << " freed twice, or never queued";
  };
  for (const trace_event& e : log.events()) {
    if (e.kind == EventKind::gather_queue)
      for (pfn_t pfn = e.a; pfn < e.a + e.b; ++pfn) waiting[pfn] = 1;
    // Where the debt is paid under the PTL (sparc64) nothing is left to be flushed here.
    if (e.kind == (is_x86() ? EventKind::tlb_flush : EventKind::gather_flush)) {
      flushed.merge(waiting);
      EXPECT_TRUE(waiting.empty()) << "a page was queued twice";
    }
    if (e.kind == EventKind::page_free) put(e.a);
  }
  EXPECT_TRUE(waiting.empty() && flushed.empty()) << "pages were left in the gather";
}

}  // namespace tlblab::inline TLBLAB_WORLD
