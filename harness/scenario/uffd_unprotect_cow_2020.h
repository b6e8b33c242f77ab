// SPDX-License-Identifier: GPL-2.0-or-later
// UFFDIO_WRITEPROTECT ends the protection of a page that was never protected, and makes it read-only: the
// entry got the rights of its area anew, which for private memory are those of a page that may be shared.
// Before the flush CPU1's write fault copies the page while CPU2 still stores to it. That is what the
// kernel's own userfaultfd test met in 2020; in thread 003 Nadav Amit proposed to leave the right to write
// where it is (A8b in races.md).
//
//   CPU0 UFFDIO_WRITEPROTECT   CPU1 user                     CPU2 user
//        (ends protection)
//                                                            store x: TLB{x, W}
//   lock, pte[x] loses W
//   unlock
//                              store x: faults
//                              copy the page
//                                                            store x via TLB{x, W}
//                              lock, map the copy
//   flush
//
// What was merged instead cures it as it cures uffd-wp-cow-2020: the flush in the fault (6ce64428d620), and
// pages that are known to be this mm's own (6c287605fd56). Somebody looks at the page here (a reference,
// not a pin).
//
// Real threads: yes+delay.
#pragma once

#include "harness/scenario/copy_race.h"

namespace tlblab::inline TLBLAB_WORLD {

struct uffd_unprotect_cow_2020 {
  static constexpr std::string_view without_all =
      "anon-exclusive,uffd-wp-flush,uffd-unprotect-keeps-write";
  static constexpr Expectation expected[]{
      {},
      {.set = "anon-exclusive,uffd-wp-flush"},
      {.set = "uffd-unprotect-keeps-write",
       .masked_by = "the fault flushes before it copies, and an exclusive page is not copied"},
      {.set = "anon-exclusive,uffd-unprotect-keeps-write",
       .masked_by = "the fault flushes before it copies"},
      {.set = without_all, .kind = "store_during_copy"},
      {.set = without_all, .arches = "s390", .masked_by = "the entry is invalidated as it changes"},
      {.set = without_all,
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
  };
  static constexpr ScenarioInfo info{
      .name = "uffd-unprotect-cow-2020",
      .thread = "003",
      .line = "the end of a write protection makes a page read-only that a TLB lets a CPU store to",
      .fixes = "uffd-unprotect-keeps-write,uffd-wp-flush,anon-exclusive",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 2,
      .arches =
          "x86,x86@2018,x86@6.12,x86_invlpgb,arm64,s390,ppc64_hash,ppc64_radix,riscv,sparc64,"
          "mips,arm,sh,um",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  struct Race {
    static void prepare(Lab<A>& lab, vaddr_t start, std::uint64_t pages) {
      Lab<A>::must(lab.uffd_register(start, pages, VM_UFFD_WP));
    }
    static void take_right(Lab<A>& lab, vaddr_t start, std::uint64_t pages) noexcept {
      lab.uffd_writeprotect(start, pages, false);
    }
  };
  template <ArchBackend A>
  class Body : public CopyRace<A, Race<A>> {};
};

}  // namespace tlblab::inline TLBLAB_WORLD
