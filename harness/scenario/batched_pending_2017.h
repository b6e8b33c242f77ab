// SPDX-License-Identifier: GPL-2.0-or-later
// Reclaim clears an entry and puts the flush off. CPU2's mprotect finds nothing there and returns, while
// CPU1 goes on writing through its TLB. Fixed by 3ea277194daa (Mel Gorman): who takes a page-table lock to
// change entries flushes first what reclaim owes to the mm.
//
//   CPU0 reclaim               CPU1 user                     CPU2 mprotect
//                              store x: TLB{x, W}
//   lock, clear pte[x]
//   owe the flush, unlock
//                                                            lock, pte[x] is no entry:
//                                                            nothing to do, unlock
//                                                            returns: x is read-only?
//                              store x via TLB{x, W}
//   flush, write out, free
//
// A flag says the same as a count here; it takes two reclaimers to tell them apart
// (batched-flag-2022).
//
// Real threads: yes+delay.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct batched_pending_2017 {
  static constexpr Expectation expected[]{
      {},
      {.set = "batched-pending=flag"},
      {.set = "batched-pending", .kind = "stale_translation_after_return"},
  };
  static constexpr ScenarioInfo info{
      .name = "batched-pending-2017",
      .line = "an mprotect returns while a TLB entry that reclaim has not flushed yet takes stores",
      .fixes = "batched-pending",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 1,
      .arches = "x86,x86@2018,x86@6.12,x86_invlpgb,arm64,riscv",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.have_swap(2);
      lab.map(x, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 1) lab.wait_for(seen_);
      switch (role) {
        case 0: lab.reclaim(x); break;
        case 1:
          lab.write(x, 1);
          lab.tell(seen_);
          do {
            lab.write(x, 2);
          } while (!lab.explored() && lab.again());
          break;
        default:
          lab.stall();
          lab.mprotect(x, 1, VM_READ);
          lab.finish_round();
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
    static constexpr vaddr_t x = 0x4000;
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
