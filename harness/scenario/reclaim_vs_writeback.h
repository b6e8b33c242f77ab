// SPDX-License-Identifier: GPL-2.0-or-later
// Reclaim unmaps a dirty page of a file and puts the flush off; it leaves the page to write-back, and
// unlocks it before that flush. Write-back finds no entry to clean, and what CPU1 stores after that through
// its TLB is on no disk although the page is clean. This is what Linux 6.12 does (shrink_folio_list,
// activate_locked), read there and found here by the oracles, not seen on a real kernel. The switch flushes
// before the page is unlocked.
//
//   CPU0 reclaim               CPU1 user                     CPU2 write-back
//                              store x: TLB{x, W, D}
//   lock the page
//   clear pte[x], owe a flush
//   dirty: leave it, unlock
//                                                            lock the page
//                                                            not mapped: nothing to clean
//                                                            page clean, write it
//                              store x via TLB{x, W, D}
//   flush
//
// Real threads: yes+delay.
#pragma once

#include "harness/scenario/write_back_race.h"

namespace tlblab::inline TLBLAB_WORLD {

struct reclaim_vs_writeback {
  static constexpr Expectation expected[]{
      {},
      {.set = "reclaim-flush-dirty", .kind = "dirty_translation_after_clean"},
  };
  static constexpr ScenarioInfo info{
      .name = "reclaim-vs-writeback",
      .line = "write-back makes a page clean that reclaim has unmapped and not flushed",
      .fixes = "reclaim-flush-dirty",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 1,
      .arches = "x86,x86@2018,x86@6.12,x86_invlpgb,arm64,riscv",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body : public WriteBackRace<A> {
   public:
    void act(Lab<A>& lab, unsigned role) noexcept {
      this->act_as(lab, role, [&] { lab.reclaim(this->x); });
    }
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
