// SPDX-License-Identifier: GPL-2.0-or-later
// fork takes the right to write from the parent's pages and flushes once, at its end. mmap_lock kept faults
// out until then. Per-VMA locks (6.4) let them in again: CPU1's fault finds the page read-only and copies it
// while CPU2 still stores to it. fb49c455323f: fork locks each area too.
//
//   CPU0 fork                  CPU1 user                     CPU2 user
//                                                            store x: TLB{x, W}
//   mmap_lock for writing
//   lock, pte[x] loses W,
//   the child has x too
//   unlock
//                              store x: faults, under the
//                              lock of the area
//                              copy the page
//                                                            store x via TLB{x, W}: lost
//                              lock, map the copy
//   flush
//
// That the page is known to be one mm's own (anon-exclusive) is no help: here it is shared.
//
// Real threads: yes+delay; CPU0 has many pages after x.
#pragma once

#include "harness/scenario/copy_race.h"

namespace tlblab::inline TLBLAB_WORLD {

struct fork_vs_faults_2023 {
  static constexpr Expectation expected[]{
      {},
      {.set = "fork-lock-vmas", .kind = "store_during_copy"},
      {.set = "fork-lock-vmas",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "fork-lock-vmas",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
  };
  static constexpr ScenarioInfo info{
      .name = "fork-vs-faults-2023",
      .line = "a page is copied while a TLB entry that fork has not flushed takes stores to it",
      .fixes = "fork-lock-vmas",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 2,
      .kinds = "store_during_copy",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  struct Race {
    static void prepare(Lab<A>&, vaddr_t, std::uint64_t) {}
    static void take_right(Lab<A>& lab, vaddr_t, std::uint64_t) noexcept {
      if (mm_struct* child = lab.fork(); child != nullptr) lab.end(*child);
    }
  };
  template <ArchBackend A>
  class Body : public CopyRace<A, Race<A>> {};
};

}  // namespace tlblab::inline TLBLAB_WORLD
