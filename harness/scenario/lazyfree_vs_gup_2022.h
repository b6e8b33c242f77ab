// SPDX-License-Identifier: GPL-2.0-or-later
// A page that MADV_FREE has given up is discarded although a device has just stored into it. Reclaim drops it
// if nobody else has a reference and it is not dirty; GUP-fast takes a reference to a page whose entry it
// has read, and its owner marks the page dirty before he drops it. Mauricio Faria de Oliveira, 2022,
// 6c8e2a256915, with programs that read files by direct I/O into memory that they had given up (★12 in
// races.md).
//
//   CPU0 reclaim                         CPU1 GUP-fast for a device
//                                        read pte[x]
//   clear pte[x]                         pin the page
//   (lazyfree-clear-mb)                  (gup-pin-mb)
//   references: mine and the mapping's?  pte[x] as before?
//   (lazyfree-dirty-rmb)                 the device stores
//   clean?                               mark it dirty
//   discard it                           unpin
//
// Without one of the first two neither side sees the other: the page is discarded while it is pinned.
// Without the third CPU0 may look at the dirty bit first, before the device has stored, and count the
// references when the pin has gone.
//
// The page is old since MADV_FREE. Where an old entry is nothing to the hardware (s390, sparc64, mips, arm) or
// is in no hash group (ppc64), reclaim has nothing to flush, and nothing but lazyfree-clear-mb orders: not
// so in gup-fast-vs-reclaim-2022, whose page is young.
//
// Real threads: explorer only, where clearing an entry is a full barrier and loads stay in order.
#pragma once

#include "harness/scenario/pin_race.h"

namespace tlblab::inline TLBLAB_WORLD {

struct lazyfree_vs_gup_2022 {
  static constexpr Expectation expected[]{
      {},
      {.set = "lazyfree-clear-mb",
       .masked_by = "the flush, or clearing the entry, is a full barrier"},
      {.set = "lazyfree-clear-mb",
       .arches = "s390,ppc64_hash,ppc64_hash@2007,sparc64,sparc64@2007,mips,arm,arm@2017-posted,"
                 "arm@2017-merged",
       .kind = "lost_store"},
      {.set = "lazyfree-dirty-rmb", .kind = "lost_store"},
      {.set = "lazyfree-dirty-rmb",
       .arches = "x86,x86@2018,x86@6.12,x86_invlpgb,s390,sparc64,sparc64@2007,um,um@2017-posted,"
                 "um@2017-merged",
       .masked_by = "loads stay in order"},
      {.set = "gup-pin-mb", .masked_by = "the flush waits for walkers, or the pin orders"},
      {.set = "gup-pin-mb",
       .arches = "arm64,ppc64_hash,ppc64_hash@2007,ppc64_radix,riscv,mips,arm,arm@2017-posted,"
                 "arm@2017-merged,ia64@2017-posted,ia64@2017-merged",
       .kind = "lost_store"},
  };
  static constexpr ScenarioInfo info{
      .name = "lazyfree-vs-gup-2022",
      .line = "a page that was given up is discarded with what a device has just stored into it",
      .fixes = "lazyfree-clear-mb,lazyfree-dirty-rmb,gup-pin-mb",
      .real_threads = "explorer only",
      .cpus = 2,
      .crowd_role = 1,
      .expected = expected,
  };

  template <ArchBackend A>
  struct Race {
    static constexpr bool unpins_at_once = true;
    static void prepare(Lab<A>& lab, vaddr_t x) { Lab<A>::must(lab.madvise_free(x, 1)); }
    static void take_away(Lab<A>& lab, vaddr_t x) noexcept { lab.reclaim(x); }
  };
  template <ArchBackend A>
  class Body : public PinRace<A, Race<A>> {};
};

}  // namespace tlblab::inline TLBLAB_WORLD
