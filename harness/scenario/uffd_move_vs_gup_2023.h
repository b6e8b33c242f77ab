// SPDX-License-Identifier: GPL-2.0-or-later
// UFFDIO_MOVE takes a page to another address while a device's driver pins it at the old one: what the device
// stores is not where the program waits for it. The move clears the old entry and leaves a pinned page
// where it is; GUP-fast pins and looks at the entry again. UFFDIO_MOVE is of 2023 (adef440691ba). At first it
// flushed each page before it looked, which orders on most machines; the port flushes once for all pages,
// and has the barrier.
//
//   CPU0 UFFDIO_MOVE x to y              CPU1 GUP-fast for a device
//                                        read pte[x]
//   clear pte[x]                         pin the page
//   (uffd-move-mb)                       (gup-pin-mb)
//   not pinned?                          pte[x] as before?
//   write pte[y]                         the device stores: x is empty,
//                                        y has it
//
// On s390 IPTE is a barrier, and too early: the entry that it has marked is present to GUP-fast until the
// store that comes after it.
//
// Real threads: explorer only, where clearing an entry is a full barrier.
#pragma once

#include "harness/scenario/pin_race.h"

namespace tlblab::inline TLBLAB_WORLD {

struct uffd_move_vs_gup_2023 {
  static constexpr Expectation expected[]{
      {},
      {.set = "uffd-move-mb", .kind = "lost_store"},
      {.set = "uffd-move-mb",
       .arches = "x86,x86@2018,x86@6.12,x86_invlpgb,riscv",
       .masked_by = "clearing the entry is a full barrier"},
      {.set = "gup-pin-mb", .kind = "lost_store"},
      {.set = "gup-pin-mb",
       .arches = "x86,x86@2018,x86@6.12,x86_invlpgb,s390,sparc64,sparc64@2007,um,um@2017-posted,"
                 "um@2017-merged",
       .masked_by = "taking the reference is a full barrier"},
  };
  static constexpr ScenarioInfo info{
      .name = "uffd-move-vs-gup-2023",
      .line = "a page is pinned and moved at once, as neither side has seen the other",
      .fixes = "uffd-move-mb,gup-pin-mb",
      .real_threads = "explorer only",
      .cpus = 2,
      .crowd_role = 1,
      .expected = expected,
  };

  template <ArchBackend A>
  struct Race {
    static constexpr bool unpins_at_once = false;
    static constexpr vaddr_t y = 0x6000;
    static void prepare(Lab<A>& lab, vaddr_t) {
      lab.map(y, 1);
      Lab<A>::must(lab.uffd_register(y, 1, VM_UFFD_MISSING));
    }
    static void take_away(Lab<A>& lab, vaddr_t x) noexcept { lab.uffd_move(y, x, 1); }
  };
  template <ArchBackend A>
  class Body : public PinRace<A, Race<A>> {};
};

}  // namespace tlblab::inline TLBLAB_WORLD
