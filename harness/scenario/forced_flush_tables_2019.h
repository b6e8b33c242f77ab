// SPDX-License-Identifier: GPL-2.0-or-later
// CPU0's munmap frees a page table under mmap_lock for reading; CPU1's madvise, of another range, begins
// meanwhile. CPU0 finds another gather open and forces its flush. Until 7a30df49f63a the forced flush began
// by forgetting what was recorded, that a table was freed too, and invalidated last-level entries only:
// walkers kept their way to the freed table. Jan Stancek's threads hung on arm64, in faults without end.
//
//   CPU0 munmap x              CPU1 madvise(DONTNEED) y      CPU2 user
//                                                            load x: walk cache {PMD of x}
//   clear pte[x], unhook table
//                              gather: two are open now
//   force: reset; flush the
//   range at the last level
//   free the table
//                                                            walk by {PMD of x}: through
//                                                            whatever is there now
//
// Where an invalidate of an address drops walk caches too (x86) there is nothing to see.
//
// whole-mm is half of the cure: the flush is for all addresses, as of a process that exits, and nothing says
// that tables went. arm64 does not flush for one that exits and frees no tables: its number is not given out
// again before a rollover. So the forced flush does nothing at all there.
//
// Explorer only: on threads RCU gives the table back when the round is over and its flushes have come.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct forced_flush_tables_2019 {
  static constexpr Expectation expected[]{
      {},
      {.set = "forced-flush-tables",
       .masked_by = "an invalidate of an address drops walk caches too"},
      {.set = "forced-flush-tables",
       .arches = "arm64,ppc64_radix,riscv",
       .kind = "table_freed_while_cached"},
      {.set = "forced-flush-tables=whole-mm", .masked_by = "it invalidates everything of the mm"},
      {.set = "forced-flush-tables=whole-mm",
       .arches = "arm64",
       .kind = "table_freed_while_cached"},
      // These free pages before they flush.
      {.arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
      {.set = "forced-flush-tables=whole-mm",
       .arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
      {.set = "forced-flush-tables",
       .arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "forced-flush-tables-2019",
      .line = "a forced flush leaves walkers their way to a page table that is freed",
      .fixes = "forced-flush-tables",
      .real_threads = "explorer only",
      .cpus = 3,
      .crowd_role = 2,
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, 1);
      lab.map(y, pages(lab));
      lab.write(x, 1);
      for (std::uint64_t page = 0; page < pages(lab); ++page) lab.write(y + page * page_size, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 2) lab.wait_for(seen_);
      switch (role) {
        case 0:
          lab.stall();
          lab.munmap(x, 1);
          lab.finish_round();
          break;
        case 1: lab.madvise_dontneed(y, pages(lab)); break;
        default:
          static_cast<void>(lab.read(x));
          lab.tell(seen_);
          while (!lab.explored() && lab.again()) static_cast<void>(lab.read(x));
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
    static constexpr vaddr_t x = 0x400000, y = 0x800000;
    static std::uint64_t pages(Lab<A>& lab) noexcept { return lab.explored() ? 1 : 400; }
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
