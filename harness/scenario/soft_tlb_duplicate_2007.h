// SPDX-License-Identifier: GPL-2.0-or-later
// A TLB that software fills gets a second entry for an address. Ben Herrenschmidt's question of 2007, mail
// 004 of the threads: can architectures with software-loaded TLBs have a similar problem? On MIPS an entry
// is a pair of pages, and two that match stop the machine.
//
//   CPU0 madvise(DONTNEED) y      CPU1 user
//                                 load y: a refill brings the pair {x, y}
//   clear pte[y]
//                                 load y: not valid, a fault; the refill before
//                                 it has left an entry for the pair
//                                 the fault maps y and writes its entry into
//                                 the TLB: a second one, unless it probes
//
// On sparc64 (question 12) an entry is written over the one of its place, so a second one cannot be; what
// could be is one that outlives its flush, if a miss handler stores a PTE that it loaded before.
//
// Real threads: yes.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct soft_tlb_duplicate_2007 {
  static constexpr Expectation expected[]{
      {},
      {.arches = "mips+no-probe", .kind = "tlb_duplicate_machine_check"},
      {.arches = "sh@2017-posted,sh@2017-merged", .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "soft-tlb-duplicate-2007",
      .thread = "004",
      .line = "a TLB that software fills gets a second entry for an address",
      .real_threads = "yes",
      .cpus = 2,
      .crowd_role = 1,
      .arches =
          "mips,sparc64,sparc64@2007,sh,sh@2017-posted,sh@2017-merged,ia64@2017-posted,"
          "ia64@2017-merged",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, 2);
      lab.write(y, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        lab.madvise_dontneed(y, 1);
        return;
      }
      static_cast<void>(lab.read(y));
      lab.write(x, 1);
      static_cast<void>(lab.read(y));
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x, y}; }

   private:
    static constexpr vaddr_t x = 0x4000, y = x + page_size;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
