// SPDX-License-Identifier: GPL-2.0-or-later
// Two threads give up the contents of the same page with MADV_FREE; the second returns although a third
// one can still store to the page without leaving a mark, so that reclaim would drop what it stores.
// Mel Gorman asked in 2017 whether that can be (mail 000 of the threads: "I think this is possible but
// I could have missed some protection in madv_free"). It can; 99baac21e458 is the fix here too:
// tlb_finish_mmu flushes if another gather is open on the mm.
//
//   CPU0 madvise(FREE)        CPU1 madvise(FREE)        CPU2 user
//                                                       store x: TLB{x, dirty}
//   clean pte[x], queue
//   unlock PTL
//                             lock PTL, pte[x] clean:
//                             records nothing, unlock
//                             finish: nothing to flush
//                             returns: is x clean?
//                                                       store x via TLB{x, dirty}:
//                                                       pte[x] stays clean
//   flush
//
// What goes wrong is seen by the oracle of translations (I3): the call returned while one was usable
// that it had seen taken away, for the entry is taken out while it is cleaned. Reclaim itself has no
// part in it. CPU0's range spans two page tables, as in madvise-parallel-2017.
//
// Real threads: yes; the second table is the delay, and CPU1 starts a little later.
#pragma once

#include "harness/scenario/parallel_advice.h"

namespace tlblab::inline TLBLAB_WORLD {

struct madvise_free_parallel_2017 {
  static constexpr Expectation expected[]{
      {},
      // A flush is forced on every CPU there, but the batch that holds the hash entry is another CPU's.
      {.arches = "ppc64_hash@2007", .kind = "stale_translation_after_return"},
      {.set = "nested-flush", .kind = "stale_translation_after_return"},
      {.set = "nested-flush",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "nested-flush",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
      {.set = "pending-count", .kind = "stale_translation_after_return"},
      {.set = "pending-count",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "pending-count",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
  };
  static constexpr ScenarioInfo info{
      .name = "madvise-free-parallel-2017",
      .thread = "000",
      .line = "a second MADV_FREE returns while a dirty TLB entry still takes stores unseen",
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
      lab.madvise_free(start, pages);
    }
    static void use_first(Lab<A>& lab, vaddr_t x, std::uint64_t value) noexcept {
      lab.write(x, value);
    }
    static void use(Lab<A>& lab, vaddr_t x, std::uint64_t value, bool) noexcept {
      lab.write(x, value);
    }
  };
  template <ArchBackend A>
  using Body = ParallelAdvice<A, Race<A>>;
};

}  // namespace tlblab::inline TLBLAB_WORLD
