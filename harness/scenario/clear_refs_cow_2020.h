// SPDX-License-Identifier: GPL-2.0-or-later
// clear_refs flushes at its end, but holds mmap_lock for reading only. CPU1's write fault finds the page
// read-only and copies it while CPU2 still stores to it: the copy lacks what CPU2 stored. That is
// uffd-wp-cow-2020 by another caller, and the flush in the fault (6ce64428d620) is for userfaultfd's areas
// only. Found in the same thread 003; 29a951dfb3c3 takes mmap_lock for writing, so that no fault decides
// anything before the flush.
//
//   CPU0 clear_refs            CPU1 user                     CPU2 user
//                                                            store x: TLB{x, W}
//   count as pending
//   lock, pte[x] loses W
//   unlock
//                              store x: faults
//                              copy the page
//                                                            store x via TLB{x, W}
//                              lock, map the copy
//   flush
//
// As there, the race needs the rule of 2020 by which a page with one more reference is copied: since
// 6c287605fd56 (2022) it is known to be this mm's own. Somebody looks at the page (a reference, not a pin).
// It is the second checkpoint: with the first the area lost its own mark.
//
// ppc64_hash@2007 is left out: its copies take stores in uffd-wp-cow-2020, so rarely that no search here has
// to find one.
//
// Real threads: yes+delay.
#pragma once

#include "harness/scenario/copy_race.h"

namespace tlblab::inline TLBLAB_WORLD {

struct clear_refs_cow_2020 {
  static constexpr Expectation expected[]{
      {},
      {.set = "anon-exclusive"},
      {.set = "clear-refs=read-flush",
       .masked_by = "a writable page is known to be exclusive: not copied"},
      {.set = "anon-exclusive,clear-refs=read-flush", .kind = "store_during_copy"},
      {.set = "anon-exclusive,clear-refs=read-flush",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "anon-exclusive,clear-refs=read-flush",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
  };
  static constexpr ScenarioInfo info{
      .name = "clear-refs-cow-2020",
      .thread = "003",
      .line =
          "a page is copied while a TLB entry that clear_refs has not flushed takes stores to it",
      .fixes = "clear-refs=read-flush,anon-exclusive",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 2,
      .not_on = "ppc64_hash@2007",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  struct Race {
    static void prepare(Lab<A>& lab, vaddr_t, std::uint64_t) { Lab<A>::must(lab.clear_refs()); }
    static void take_right(Lab<A>& lab, vaddr_t, std::uint64_t) noexcept {
      Lab<A>::must(lab.clear_refs());
    }
  };
  template <ArchBackend A>
  class Body : public CopyRace<A, Race<A>> {};
};

}  // namespace tlblab::inline TLBLAB_WORLD
