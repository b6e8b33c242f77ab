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

#include <vector>

#include "harness/lab.h"

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
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, pages(lab));
      for (std::uint64_t page = 0; page < pages(lab); ++page) lab.write(x + page * page_size, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 2) lab.wait_for(seen_);
      switch (role) {
        case 0:
          child_ = lab.fork();
          end_child(lab);
          break;
        case 1:
          lab.stall();
          lab.write(x, 2);
          lab.finish_round();
          break;
        default: use(lab); break;
      }
    }
    void teardown(Lab<A>& lab) {
      end_child(lab);  // of a round that was cut short
      lab.clear();
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
    }

   private:
    static constexpr vaddr_t x = 0x4000;
    static std::uint64_t pages(Lab<A>& lab) noexcept { return lab.explored() ? 1 : 400; }

    void use(Lab<A>& lab) noexcept {
      lab.write(x, 3);
      lab.tell(seen_);
      do {
        lab.write(x, 4);
      } while (!lab.explored() && lab.again());
    }
    void end_child(Lab<A>& lab) noexcept {
      if (child_ != nullptr) lab.end(*child_);
      child_ = nullptr;
    }

    mm_struct* child_ = nullptr;
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
