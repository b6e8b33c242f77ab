// SPDX-License-Identifier: GPL-2.0-or-later
// madvise-parallel-2017 with a huge page. CPU1 advises over one small page of it, after CPU0 has taken it out
// and before CPU0 has flushed. CPU1 finds nothing and is forced to flush; but what it flushes is what it was
// asked for: small pages. Where hardware is told the size of what is to be invalidated the huge entry stays.
// Found by Aneesh Kumar K.V and Nicholas Piggin in 2018 (02390f66bd23: radix flushes both sizes then); since
// 7a30df49f63a (forced-flush-tables) a forced flush is for all of the mm.
//
//   CPU0 madvise(DONTNEED) x..x+2M  CPU1 madvise(DONTNEED) x   CPU2 user
//                                                              load x: TLB{x, 2M}
//   clear pmd[x], unlock
//                                   pmd[x] none: records
//                                   nothing
//                                   forced: flush {x, 4K}
//                                   returns: x reads as 0?
//                                                              load x via TLB{x, 2M}
//   flush
//
// Real threads: yes+delay.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct huge_madvise_parallel_2018 {
  static constexpr Expectation expected[]{
      {.executions = 200},
      // The batch that holds the hash entry is another CPU's, and is flushed later.
      {.arches = "ppc64_hash@2007", .kind = "stale_translation_after_return"},
      {.set = "nested-flush", .kind = "stale_translation_after_return"},
      {.set = "nested-flush",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes",
       .executions = 200},
      {.set = "nested-flush",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped",
       .executions = 200},
      {.set = "forced-flush-tables",
       .masked_by = "an invalidate of an address is for entries of any size",
       .executions = 200},
      {.set = "forced-flush-tables",
       .arches = "ppc64_radix,arm64,ppc64_hash@2007",
       .kind = "stale_translation_after_return"},
  };
  static constexpr ScenarioInfo info{
      .name = "huge-madvise-parallel-2018",
      .line =
          "a second MADV_DONTNEED flushes a small page and leaves the huge entry it was part of",
      .fixes = "forced-flush-tables,nested-flush",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 2,
      .explored_frames = 4 * 1024,
      .kinds = "stale_translation_after_return",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, ptrs_per_table + pages_after(lab));
      Lab<A>::must(lab.madvise_hugepage(x, ptrs_per_table));
      lab.write(x, 1);
      for (std::uint64_t page = 0; page < pages_after(lab); ++page)
        lab.write(x + pmd_size + page * page_size, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 2) lab.wait_for(seen_);
      switch (role) {
        case 0: lab.madvise_dontneed(x, ptrs_per_table + pages_after(lab)); break;
        case 1:
          lab.stall();
          lab.madvise_dontneed(x, 1);
          lab.finish_round();
          break;
        default:
          static_cast<void>(lab.read(x));
          lab.tell(seen_);
          do {
            static_cast<void>(lab.read(x));
          } while (!lab.explored() && lab.again());
          break;
      }
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
    }

   private:
    static constexpr vaddr_t x = 0x400000;
    // Small ones, that keep CPU0 busy between the huge one and its flush.
    static std::uint64_t pages_after(Lab<A>& lab) noexcept { return lab.explored() ? 1 : 400; }
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
