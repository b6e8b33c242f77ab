// SPDX-License-Identifier: GPL-2.0-or-later
// A process with one thread takes a page away and tells its own CPU alone, while a second thread starts on
// another CPU. Andrea Arcangeli's proposal of February 2020 for arm64, named at the end of mail 003 of the
// threads; not merged (arm64+skip-broadcast, arch/arm64/context.cpp; A14 in races.md).
//
//   CPU0 madvise(DONTNEED)        CPU1 switches to the mm
//                                 (ran in it before: TLB{x})
//   clear pte[x]
//   CPU1: what it has of the      count: one more has it loaded
//   mm is out of date             (skip-broadcast-count-mb)
//   (skip-broadcast-mark-mb)
//   count: only I have it         is what I have out of date? no
//   invalidate here alone
//   returns                       load x via TLB{x}: the page that
//                                 was given back
//
// Store buffering: each side writes what the other one reads. With both barriers either CPU0 sees that it
// is not alone, or CPU1 sees that its entries are old, and drops them.
//
// Real threads: explorer only on x86, where the count and the marks are locked operations.
#pragma once

#include "harness/scenario/switch_race.h"

namespace tlblab::inline TLBLAB_WORLD {

struct skip_broadcast_2020 {
  static constexpr Expectation expected[]{
      {},
      {.arches = "arm64+skip-broadcast"},
      {.set = "skip-broadcast-mark-mb", .masked_by = "every invalidate is broadcast"},
      {.set = "skip-broadcast-mark-mb",
       .arches = "arm64+skip-broadcast",
       .kind = "frame_freed_while_cached"},
      {.set = "skip-broadcast-count-mb", .masked_by = "every invalidate is broadcast"},
      {.set = "skip-broadcast-count-mb",
       .arches = "arm64+skip-broadcast",
       .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "skip-broadcast-2020",
      .thread = "003",
      .line = "an invalidate stays on its CPU while another one takes up the address space",
      .fixes = "skip-broadcast-mark-mb,skip-broadcast-count-mb",
      .real_threads = "explorer only",
      .cpus = 2,
      .crowd_role = 1,
      .arches = "arm64",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body : public SwitchRace<A> {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, 1);
      lab.write(x, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      this->act_as(lab, role, [&] { lab.madvise_dontneed(x, 1); });
    }

   private:
    using SwitchRace<A>::x;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
