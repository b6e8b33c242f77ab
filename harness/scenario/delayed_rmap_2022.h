// SPDX-License-Identifier: GPL-2.0-or-later
// A dirty page of a file is zapped; its last mapping is gone from rmap, but not from CPU1's TLB. Write-back
// finds no entry to clean, writes the page and takes it for clean, and what CPU1 stores after that is on
// no disk. Linus Torvalds 2014 (1cf35d47712d: flush under the page-table lock) and 2022 (5df397dec7c4:
// the page leaves rmap after the flush).
//
//   CPU0 madvise(DONTNEED)     CPU1 user                     CPU2 write-back
//                              store x: TLB{x, W, D}
//   lock, clear pte[x]
//   page dirty, mapcount 0
//                                                            not mapped: nothing to clean
//                                                            page clean, write it
//                              store x via TLB{x, W, D}
//   flush, unlock
//
// To flush under the lock does not help: who sees that the page is not mapped does not take it.
//
// Real threads: yes+delay.
#pragma once

#include "harness/scenario/write_back_race.h"

namespace tlblab::inline TLBLAB_WORLD {

struct delayed_rmap_2022 {
  static constexpr Expectation expected[]{
      {},
      {.set = "delayed-rmap=in-lock", .kind = "dirty_translation_after_clean"},
      {.set = "delayed-rmap", .kind = "dirty_translation_after_clean"},
      {.set = "delayed-rmap=in-lock",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "delayed-rmap",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      // These free pages, and say so to rmap, before they flush; nothing was delayed then.
      {.arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "dirty_translation_after_clean"},
  };
  static constexpr ScenarioInfo info{
      .name = "delayed-rmap-2022",
      .line = "write-back makes a page clean while a dirty TLB entry takes stores unseen",
      .fixes = "delayed-rmap",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 1,
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body : public WriteBackRace<A> {
   public:
    void act(Lab<A>& lab, unsigned role) noexcept {
      this->act_as(lab, role, [&] { lab.madvise_dontneed(this->x, 1); });
    }
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
