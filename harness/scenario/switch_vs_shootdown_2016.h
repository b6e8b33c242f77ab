// SPDX-License-Identifier: GPL-2.0-or-later
// CPU1 comes back to an mm of which its TLB still has entries, while CPU0 takes a page away there. CPU0
// raises the count of flushes and then looks who is in the mm's set; CPU1 joins the set and then looks at
// the count: one of them sees the other. Two ways to break that:
//
//   71b3c126e611 (2016)   CPU1 looks at the count first
//   fea4e317f9e7 (2025)   CPU0 asks which mm CPU1 has loaded; CPU1, on its way, says neither
//
//   CPU0 madvise(DONTNEED) x             CPU1 switch to the mm
//                                        count is 1: nothing to flush
//   clear pte[x], count = 2
//   CPU1 is not in the set: skip it
//                                        join the set, load the tables
//   returns
//                                        load x via TLB{x}
//
// CPU1 leaves its bit in the set when it goes to another mm, and the first flush that finds it wrong clears
// it; so CPU0 takes two pages away, one after the other.
//
// Real threads: yes+delay.
#pragma once

#include "harness/scenario/switch_race.h"

namespace tlblab::inline TLBLAB_WORLD {

struct switch_vs_shootdown_2016 {
  static constexpr Expectation expected[]{
      {},
      {.set = "switch-mask-first", .kind = "frame_freed_while_cached"},
      {.set = "switching-counts", .kind = "frame_freed_while_cached"},
      {.set = "switching-counts",
       .arches = "x86@2018",
       .masked_by = "every CPU of the set is interrupted, whatever it has loaded"},
  };
  static constexpr ScenarioInfo info{
      .name = "switch-vs-shootdown-2016",
      .line = "a CPU that loads an mm is passed over by a flush and does not know of it",
      .fixes = "switch-mask-first,switching-counts",
      .real_threads = "yes+delay",
      .cpus = 2,
      .crowd_role = 1,
      .arches = "x86,x86@6.12,x86@2018",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body : public SwitchRace<A> {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, 2);
      lab.write(x, 1);
      lab.write(x + page_size, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      this->act_as(lab, role, [&] {
        lab.madvise_dontneed(x + page_size, 1);
        lab.madvise_dontneed(x, 1);
      });
    }

   private:
    using SwitchRace<A>::x;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
