// SPDX-License-Identifier: GPL-2.0-or-later
// A process with one thread takes a page away and tells its own CPU alone, while a second thread starts on
// another CPU. Andrea Arcangeli's proposal of February 2020 for arm64, named at the end of mail 003 of the
// threads; not merged (arm64+skip-broadcast, arch/arm64/context.cpp; A14 in races.md).
//
//   CPU0 madvise(DONTNEED)        CPU1 switches to the mm
//                                 (ran in it before: TLB{x})
//   clear pte[x]
//   CPU1: what it has of the      count: one more has it loaded
//   mm is out of date             (skip-broadcast-count-mb)
//   (skip-broadcast-mark-mb)
//   count: only I have it         is what I have out of date? no
//   invalidate here alone
//   returns                       load x via TLB{x}: the page that
//                                 was given back
//
// Store buffering: each side writes what the other one reads. With both barriers either CPU0 sees that it
// is not alone, or CPU1 sees that its entries are old, and drops them.
//
// Real threads: explorer only on x86, where the count and the marks are locked operations.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct skip_broadcast_2020 {
  static constexpr Expectation expected[]{
      {},
      {.arches = "arm64+skip-broadcast"},
      {.set = "skip-broadcast-mark-mb", .masked_by = "every invalidate is broadcast"},
      {.set = "skip-broadcast-mark-mb",
       .arches = "arm64+skip-broadcast",
       .kind = "frame_freed_while_cached"},
      {.set = "skip-broadcast-count-mb", .masked_by = "every invalidate is broadcast"},
      {.set = "skip-broadcast-count-mb",
       .arches = "arm64+skip-broadcast",
       .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "skip-broadcast-2020",
      .thread = "003",
      .line = "an invalidate stays on its CPU while another one takes up the address space",
      .fixes = "skip-broadcast-mark-mb,skip-broadcast-count-mb",
      .real_threads = "explorer only",
      .cpus = 2,
      .crowd_role = 1,
      .arches = "arm64",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, 1);
      lab.write(x, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        lab.wait_for(away_);
        lab.madvise_dontneed(x, 1);
        return;
      }
      child_ = lab.fork();
      static_cast<void>(lab.read(x));
      if (child_ != nullptr) lab.run_in(*child_);
      lab.tell(away_);
      lab.run_in(lab.mm());
      static_cast<void>(lab.read(x));
      end_child(lab);
    }
    void teardown(Lab<A>& lab) {
      end_child(lab);  // of a round that was cut short
      lab.clear();
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(away_, "away");
    }

   private:
    static constexpr vaddr_t x = 0x4000;

    void end_child(Lab<A>& lab) noexcept {
      if (child_ != nullptr) lab.end(*child_);
      child_ = nullptr;
    }

    mm_struct* child_ = nullptr;
    Signal away_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
