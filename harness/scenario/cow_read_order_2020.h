// SPDX-License-Identifier: GPL-2.0-or-later
// CPU0 write-protects a page for userfaultfd, flushes, and counts its flush as done. CPU1's write fault sees
// the page read-only and no flush due, so it copies the page at once. Is what CPU2 stored before it
// acknowledged the flush in the copy? Andrea Arcangeli in thread 003: "smp_rmb() seems needed before
// cow_user_page", and smp_mb__before_atomic before the count goes down "to really make this work".
//
//   CPU0 UFFDIO_WRITEPROTECT   CPU1 user                     CPU2 user
//   pte[x] loses W
//   flush: interrupts CPU2
//                                                            store x via TLB{x, W}
//                                                            acknowledges
//   count goes down
//                              store x: faults
//                              count is 0: no flush
//                              copy: reads x of before
//                              map the copy
//                                                            reads x: its store is gone
//
// A chain of three. CPU1 has the lock of the entry, but CPU0 lets the count go down without it, so nothing
// orders CPU1 after CPU0 but the count itself. Its load has to come before the copy: cow-read-rmb. Linux 6.18
// has no such barrier; what stands between, an allocation and the locks of other things, is none by contract.
// And what CPU2 stored has to come before the count that CPU1 reads. The decrement is relaxed; but CPU2 takes
// its requests by an exchange (take-requests-mb), or CPU0 ends its flush by a DSB, a ptesync, a call of the
// firmware: a full barrier between, which is cumulative. Only without it the decrement has to be a release
// (dec-release), or to have Andrea's barrier before it.
//
// A page is copied only if it may be shared: as in uffd-wp-cow-2020 the rule of 2020 is needed besides.
// ppc64_hash@2007 is left out: there the copy takes stores with every fix on, and it is chance who says so.
//
// Real threads: explorer only, where loads are in order.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct cow_read_order_2020 {
  static constexpr std::string_view weak =
      "arm64,riscv,ppc64_radix,mips,sh,sh@2017-posted,sh@2017-merged,arm,arm@2017-posted,"
      "arm@2017-merged,ia64@2017-posted,ia64@2017-merged";
  static constexpr Expectation expected[]{
      {.set = "anon-exclusive"},
      {.set = "anon-exclusive", .arches = "riscv+ipi,arm+ipi"},
      {.set = "anon-exclusive,cow-read-rmb", .masked_by = "loads are in order"},
      {.set = "anon-exclusive,cow-read-rmb", .arches = weak, .kind = "lost_store"},
      {.set = "anon-exclusive,cow-read-rmb",
       .arches = "ppc64_hash",
       .masked_by = "flushed before the page-table lock is dropped"},
      {.set = "anon-exclusive,take-requests-mb",
       .masked_by = "the flush ends with a full barrier, or loads are in order"},
      {.set = "anon-exclusive,take-requests-mb",
       .arches = "riscv+ipi,mips,sh,sh@2017-posted,sh@2017-merged",
       .kind = "lost_store"},
      {.set = "anon-exclusive,take-requests-mb,dec-release=on"},
      {.set = "anon-exclusive,take-requests-mb,dec-release=on", .arches = "riscv+ipi"},
  };
  static constexpr ScenarioInfo info{
      .name = "cow-read-order-2020",
      .thread = "003",
      .line = "a copy is older than what another CPU stored before it acknowledged the flush",
      .fixes = "cow-read-rmb,take-requests-mb,dec-release,anon-exclusive",
      .real_threads = "explorer only",
      .cpus = 3,
      .crowd_role = 2,
      .not_on = "ppc64_hash@2007",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      teardown(lab);
      lab.map(x, 1);
      Lab<A>::must(lab.uffd_register(x, 1, VM_UFFD_WP));
      lab.write(x, 1);
      looked_at_ = lab.get_page_at(x, FOLL_WRITE);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      switch (role) {
        case 0:
          lab.wait_for(seen_);
          lab.uffd_writeprotect(x, 1, true);
          break;
        case 1:
          lab.wait_for(seen_);
          lab.write(x + 8, 1);
          lab.tell(copied_);
          break;
        default: store_and_look(lab); break;
      }
    }
    void teardown(Lab<A>& lab) {
      if (looked_at_ != nullptr) put_page(looked_at_);
      looked_at_ = nullptr;
      lab.clear();
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
      name(copied_, "copied");
    }

   private:
    static constexpr vaddr_t x = 0x4000;

    void store_and_look(Lab<A>& lab) noexcept {
      lab.write(x, 2);
      lab.tell(seen_);
      lab.write(x, 3);
      lab.wait_for(copied_);
      lab.forbid(lab.read(x) != 3, "lost_store", "a CPU's own store was not there any more");
    }

    page* looked_at_ = nullptr;
    Signal seen_, copied_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
