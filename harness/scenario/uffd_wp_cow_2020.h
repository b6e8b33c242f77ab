// SPDX-License-Identifier: GPL-2.0-or-later
// CPU0 write-protects a page for userfaultfd and has not flushed yet. CPU1's write fault takes the page for
// read-only and copies it while CPU2 still stores to it: the copy lacks what CPU2 stored. Discussed in
// thread 003 (Nadav Amit, Andrea Arcangeli, Yu Zhao); fixed by 6ce64428d620: a fault on a page of such an
// area flushes first if any flush is due in the mm.
//
//   CPU0 UFFDIO_WRITEPROTECT   CPU1 user                     CPU2 user
//                                                            store x: TLB{x, W}
//   lock, pte[x] loses W
//   unlock
//                              store x: faults
//                              copy the page
//                                                            store x via TLB{x, W}
//                              lock, map the copy
//   flush
//
// A page is copied only if it may be shared. Since 6c287605fd56 (2022) what is writable is known to be
// this mm's own and is not copied, so the race needs the rule of 2020 too, by which a page with one more
// reference was. Somebody looks at the page here (a reference, not a pin).
//
// flush-pending-order-2020 is the same with another question: might CPU1 see CPU0's flush counted as done
// before it is (thread 003, Andrea Arcangeli: before CPU2 has acknowledged the interrupt)? Not if it is
// counted after the wait for the acknowledgement, or for the broadcast; counted before (dec-after-flush
// taken away) CPU1 copies without a flush of its own.
//
// Real threads: yes+delay.
#pragma once

#include "harness/scenario/copy_race.h"

namespace tlblab::inline TLBLAB_WORLD {

template <bool about_order>
struct uffd_wp_cow {
  static constexpr Expectation of_order[]{
      {.set = "anon-exclusive"},
      {.set = "anon-exclusive", .arches = "riscv+ipi,arm+ipi"},
      {.set = "anon-exclusive,dec-after-flush", .kind = "debt_without_pending"},
      {.set = "anon-exclusive,dec-after-flush",
       .arches = "riscv+ipi,arm+ipi",
       .kind = "debt_without_pending"},
  };
  static constexpr Expectation of_copy[]{
      {},
      {.set = "anon-exclusive"},
      // Its flush of a page does nothing while a batch of another CPU holds the hash entry.
      {.set = "anon-exclusive", .arches = "ppc64_hash@2007", .kind = "store_during_copy"},
      {.set = "uffd-wp-flush", .masked_by = "a writable page is known to be exclusive: not copied"},
      {.set = "anon-exclusive,uffd-wp-flush", .kind = "store_during_copy"},
      {.set = "anon-exclusive,uffd-wp-flush",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "anon-exclusive,uffd-wp-flush",
       .arches = "ppc64_hash@2007",
       .kind = "store_during_copy",
       .executions = 200'000},
      {.set = "anon-exclusive,uffd-wp-flush",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
  };
  static constexpr ScenarioInfo info{
      .name = about_order ? "flush-pending-order-2020" : "uffd-wp-cow-2020",
      .thread = "003",
      .line = about_order
                  ? "a page is copied because a flush that is under way is counted as done"
                  : "a page is copied while a TLB entry that is not flushed yet takes stores to it",
      .fixes = about_order ? "dec-after-flush,anon-exclusive" : "uffd-wp-flush,anon-exclusive",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 2,
      .arches = about_order
                    ? "x86,x86@2018,x86@6.12,x86_invlpgb,arm64,ppc64_radix,riscv,mips,arm,sh,um"
                    : "",
      .stalls = "flush",
      .expected = about_order ? std::span<const Expectation>(of_order) : of_copy,
  };

  template <ArchBackend A>
  struct Race {
    static void prepare(Lab<A>& lab, vaddr_t start, std::uint64_t pages) {
      Lab<A>::must(lab.uffd_register(start, pages, VM_UFFD_WP));
    }
    static void take_right(Lab<A>& lab, vaddr_t start, std::uint64_t pages) noexcept {
      lab.uffd_writeprotect(start, pages, true);
    }
  };
  template <ArchBackend A>
  class Body : public CopyRace<A, Race<A>> {};
};
using uffd_wp_cow_2020 = uffd_wp_cow<false>;
using flush_pending_order_2020 = uffd_wp_cow<true>;

}  // namespace tlblab::inline TLBLAB_WORLD
