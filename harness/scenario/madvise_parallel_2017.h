// SPDX-License-Identifier: GPL-2.0-or-later
// Two threads give back the same page with MADV_DONTNEED; the second returns although a third one
// can still use the page. Reported by Nadav Amit in 2017, mail 000 of the threads; fixed by
// 56236a59556c and 99baac21e458: tlb_finish_mmu flushes if another gather is open on the mm.
//
//   CPU0 madvise(DONTNEED)    CPU1 madvise(DONTNEED)    CPU2 user
//                                                       load x: TLB{x}
//   clear pte[x], queue
//   unlock PTL
//                             lock PTL, pte[x] none:
//                             records nothing, unlock
//                             finish: nothing to flush
//                             returns: x reads as 0?
//                                                       load x via TLB{x}:
//                                                       the old value
//   flush
//
// The page is not free yet (CPU0 frees after its flush), so no memory is corrupted: what breaks is
// the promise of CPU1's call. CPU0's range spans two page tables and x is in the first one, so CPU0
// lets go of x's lock long before it flushes.
//
// Real threads: yes; the second table is the delay, and CPU1 starts a little later.
#pragma once

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct madvise_parallel_2017 {
  static constexpr ScenarioInfo info{
      .name = "madvise-parallel-2017",
      .thread = "000",
      .line = "a second MADV_DONTNEED returns while a stale TLB entry still shows the old page",
      .fix = "nested-flush",
      .real_threads = "yes",
      .cpus = 3,
      .crowd_role = 2,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) noexcept {
      if (lab.round() == 0) lab.map(start, pages_of(lab));
      second_returned_.store(false, order::relaxed);
      back_.store(0, order::relaxed);
      for (std::uint64_t page = 0; page < pages_of(lab); ++page)
        lab.write(start + page * page_size, value_of(lab));
    }

    void act(Lab<A>& lab, unsigned role) noexcept {
      switch (role) {
        case 0: give_back_all(lab); break;
        case 1: give_back_x(lab); break;
        default: use_x(lab); break;
      }
    }

    // For a counterexample.
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
      name(second_returned_, "second_returned");
      name(back_, "back");
    }

   private:
    static constexpr vaddr_t x = (1ULL << 32) - page_size;  // last page of its page table
    static constexpr vaddr_t start = x;
    // The pages after x keep CPU0 busy between the two locks and its flush.
    static std::uint64_t pages_of(Lab<A>& lab) noexcept { return lab.explored() ? 2 : 400; }
    static std::uint64_t value_of(Lab<A>& lab) noexcept { return lab.round() + 1; }

    void give_back_all(Lab<A>& lab) noexcept {
      wait_until_seen(lab);
      lab.madvise_dontneed(start, pages_of(lab));
      one_more_is_back(lab);
    }
    void give_back_x(Lab<A>& lab) noexcept {
      wait_until_seen(lab);
      lab.stall();  // CPU0 is to be first at x
      lab.madvise_dontneed(x, 1);
      // Release: pairs with the acquire in use_x; whoever sees it runs after the call returned.
      second_returned_.store(true, order::release);
      one_more_is_back(lab);
    }
    // CPU2 goes on as long as either call lasts.
    void one_more_is_back(Lab<A>& lab) noexcept {
      if (back_.fetch_add(1, order::relaxed) == 1) lab.finish_round();
    }
    void use_x(Lab<A>& lab) noexcept {
      static_cast<void>(lab.read(x));
      seen_.store(lab.round() + 1, order::release);
      do {
        const bool returned = second_returned_.load(order::acquire);
        const std::uint64_t value = lab.read(x);
        lab.forbid(returned && value == value_of(lab), "stale_translation_use",
                   "a page given back by a madvise that has returned was read");
      } while (lab.again());
    }
    // Without an entry in the TLB of CPU2 there is nothing to lose.
    void wait_until_seen(Lab<A>& lab) noexcept {
      while (seen_.load(order::acquire) != lab.round() + 1) cpu_relax();
    }

    Atomic<unsigned> seen_{0};
    Atomic<bool> second_returned_{false};
    Atomic<unsigned> back_{0};
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
