// SPDX-License-Identifier: GPL-2.0-or-later
// Two threads give back the same page with MADV_DONTNEED; the second returns although a third one
// can still use the page. Reported by Nadav Amit in 2017, mail 000 of the threads; fixed by
// 56236a59556c and 99baac21e458: tlb_finish_mmu flushes if another gather is open on the mm.
//
//   CPU0 madvise(DONTNEED)    CPU1 madvise(DONTNEED)    CPU2 user
//                                                       load x: TLB{x}
//   clear pte[x], queue
//   unlock PTL
//                             lock PTL, pte[x] none:
//                             records nothing, unlock
//                             finish: nothing to flush
//                             returns: x reads as 0?
//                                                       load x via TLB{x}:
//                                                       the old value
//   flush
//
// The page is not free yet (CPU0 frees after its flush), so no memory is corrupted: what breaks is
// the promise of CPU1's call. CPU0's range spans two page tables and x is in the first one, so CPU0
// lets go of x's lock long before it flushes.
//
// Real threads: yes; the second table is the delay, and CPU1 starts a little later.
#pragma once

#include "harness/scenario/parallel_advice.h"

namespace tlblab::inline TLBLAB_WORLD {

struct madvise_parallel_2017 {
  static constexpr Expectation expected[]{
      {},
      // A flush is forced on every CPU there, but the batch that holds the hash entry is another CPU's.
      {.arches = "ppc64_hash@2007", .kind = "stale_translation_after_return"},
      // These free pages before they flush.
      {.arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
      {.set = "nested-flush", .kind = "stale_translation_after_return"},
      {.set = "nested-flush",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "nested-flush",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
      {.set = "nested-flush",
       .arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
      {.set = "pending-count", .kind = "stale_translation_after_return"},
      {.set = "pending-count",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "pending-count",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
      {.set = "pending-count",
       .arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "madvise-parallel-2017",
      .thread = "000",
      .line = "a second MADV_DONTNEED returns while a stale TLB entry still shows the old page",
      .fixes = "nested-flush",
      .real_threads = "yes",
      .cpus = 3,
      .crowd_role = 2,
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  struct Race {
    static void advise(Lab<A>& lab, vaddr_t start, std::uint64_t pages) noexcept {
      lab.madvise_dontneed(start, pages);
    }
    static void use_first(Lab<A>& lab, vaddr_t x, std::uint64_t) noexcept {
      static_cast<void>(lab.read(x));
    }
    static void use(Lab<A>& lab, vaddr_t x, std::uint64_t old, bool second_returned) {
      const std::uint64_t value = lab.read(x);
      lab.forbid(second_returned && value == old, "stale_translation_use",
                 "a page given back by a madvise that has returned was read");
    }
  };
  template <ArchBackend A>
  using Body = ParallelAdvice<A, Race<A>>;
};

}  // namespace tlblab::inline TLBLAB_WORLD
