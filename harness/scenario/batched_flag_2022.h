// SPDX-License-Identifier: GPL-2.0-or-later
// Two reclaimers, two page tables, one flag that says "not flushed yet". Who clears the flag after a flush
// clears it for what was unmapped during that flush too. Fixed by 5ee2fa2f0636 (Huang Ying): a count, of
// which only what was there before the flush is taken away.
//
//   CPU0 reclaim a             CPU1 reclaim b      CPU2 mprotect a, b        CPU3 user
//   clear pte[a], flag = 1
//                                                  lock a: flag is 1
//                                                  flush the mm
//                                                                            load b: TLB{b}
//                              clear pte[b]
//                              flag = 1
//                                                  flag = 0, unlock a
//                                                  lock b: flag is 0,
//                                                  pte[b] is no entry
//                                                  returns
//                                                                            store b via TLB{b}
//                              flush
//
// The page-table lock does not help: a and b have different ones. Without the load between the flush and
// the clear nothing is left of b to be stale.
//
// Real threads: yes+delay, after up to half a minute; three windows have to meet.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct batched_flag_2022 {
  static constexpr Expectation expected[]{
      {.executions = 4000},
      {.set = "batched-pending=flag",
       .kind = "stale_translation_after_return",
       .executions = 20'000},
  };
  static constexpr ScenarioInfo info{
      .name = "batched-flag-2022",
      .line = "a flag for several flushes that are due: whoever is done with one hides the other",
      .fixes = "batched-pending=flag",
      .real_threads = "yes+delay",
      .cpus = 4,
      .crowd_role = 3,
      .arches = "x86,x86@2018,x86@6.12,x86_invlpgb,arm64,riscv",
      .kinds = "stale_translation_after_return,stale_translation_use",
      .stalls = "anywhere",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.have_swap(2);
      lab.map(a, 2);
      lab.write(a, 1);
      lab.write(b, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      switch (role) {
        case 0: lab.reclaim(a); break;
        case 1: lab.reclaim(b); break;
        case 2: lab.mprotect(a, 2, VM_READ); break;
        default: lab.write(b, 2); break;
      }
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {a, b}; }

   private:
    static constexpr vaddr_t b = 0x400000,
                             a = b - page_size;  // the last of its table, and the next
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
