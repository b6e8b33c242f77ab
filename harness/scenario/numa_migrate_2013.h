// SPDX-License-Identifier: GPL-2.0-or-later
// NUMA balancing takes the rights from an entry to learn who uses the page, and flushes at the end of its
// range. A fault on the entry comes before that, and migrates the page. Found by Mel Gorman and Rik van Riel
// in 2013, fixed by 20841405940e: an entry without rights may be in a TLB while any flush is due in the mm.
//
//   CPU0 change_prot_numa         CPU1 faults on x              CPU2 user
//                                                               store x: TLB{x, W}
//   pending = 1
//   lock, pte[x] = PROT_NONE
//   unlock
//                                 lock, clear pte[x]
//                                 no rights: in no TLB,
//                                 no flush
//                                 copy the page
//                                                               store x via TLB{x, W}: lost
//                                 pte[x] = the copy
//                                 free the old page
//   flush: too late
//
// What is due was said by a flag until 2017 (16af97dc5a89, pending-count): then any other flusher that ends
// between CPU0's change and CPU1's look says that nothing is due. Here CPU2 is that flusher: NUMA balancing has
// it look at another page of its own.
//
// Real threads: yes+delay; CPU0 has many pages to look at after x.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct numa_migrate_2013 {
  static constexpr std::uint64_t few = 400;  // where the port leaves no window
  static constexpr Expectation expected[]{
      {},
      {.set = "pte-accessible-pending", .kind = "frame_freed_while_cached"},
      {.set = "pending-count", .kind = "frame_freed_while_cached"},
      {.set = "pte-accessible-pending",
       .arches = "ppc64_hash,ppc64_radix,sh,um,ia64@2017-posted,ia64@2017-merged,sh@2017-posted,"
                 "sh@2017-merged,um@2017-posted,um@2017-merged",
       .masked_by = "an entry without rights always counts",
       .executions = few},
      {.set = "pending-count",
       .arches = "ppc64_hash,ppc64_radix,sh,um,ia64@2017-posted,ia64@2017-merged,sh@2017-posted,"
                 "sh@2017-merged,um@2017-posted,um@2017-merged",
       .masked_by = "an entry without rights always counts",
       .executions = few},
      {.set = "pte-accessible-pending",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes",
       .executions = few},
      {.set = "pending-count",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes",
       .executions = few},
      {.set = "pte-accessible-pending",
       .arches = "sparc64",
       .masked_by = "flushed before the page-table lock is dropped",
       .executions = few},
      {.set = "pending-count",
       .arches = "sparc64",
       .masked_by = "flushed before the page-table lock is dropped",
       .executions = few},
      // What another CPU has in its batch no flush of this one reaches.
      {.arches = "ppc64_hash@2007", .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "numa-migrate-2013",
      .line = "a page is migrated while a CPU goes on storing into the old one",
      .fixes = "pte-accessible-pending,pending-count",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 2,
      .kinds = "store_during_copy,frame_freed_while_cached,freed_frame_use",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, pages(lab));
      lab.map(other, 1);
      lab.write(other, 1);
      for (std::uint64_t page = 1; page < pages(lab); ++page) lab.write(x + page * page_size, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 2) lab.wait_for(seen_);
      switch (role) {
        case 0: lab.change_prot_numa(x, pages(lab)); break;
        case 1:
          lab.stall();
          static_cast<void>(lab.read(x));
          lab.finish_round();
          break;
        default: use(lab); break;
      }
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
    }

   private:
    static constexpr vaddr_t other = 0x4000, x = 0x8000;
    static std::uint64_t pages(Lab<A>& lab) noexcept { return lab.explored() ? 1 : 400; }

    void use(Lab<A>& lab) noexcept {
      lab.write(x, 1);
      lab.tell(seen_);
      do {
        lab.change_prot_numa(other, 1);
        lab.write(x, 2);
      } while (!lab.explored() && lab.again());
    }

    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
