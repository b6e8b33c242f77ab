// SPDX-License-Identifier: GPL-2.0-or-later
// Reclaim takes an exclusive page away while a device's driver pins it without a lock. Reclaim clears the
// entry, sees whether the page is pinned, takes PG_anon_exclusive away and leaves a swap entry; GUP-fast
// reads the entry, pins, reads the entry again and looks at PG_anon_exclusive. David Hildenbrand, 2022,
// mail 002 of the threads, fixed by 088b8aa537c2; here with reclaim for the caller (KSM and others do the
// same by the same function).
//
//   CPU0 reclaim                         CPU1 GUP-fast
//                                        read pte[x]
//   clear pte[x]                         pin the page
//   (ksm-clear-mb)                       (gup-pin-mb)
//   not pinned?                          pte[x] as before?
//   not exclusive any more               exclusive?
//   (ksm-exclusive-wmb)                  (gup-exclusive-rmb)
//   write the swap entry                 both: a pin of a page that
//                                        the program does not have
//
// Either sees the other if both barriers between a store and a load stand, or if clearing the entry is
// one itself. The other pair matters where the old entry comes back: not to reclaim, which leaves another
// one.
//
// Real threads: explorer only, where clearing an entry is a full barrier.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct gup_fast_vs_reclaim_2022 {
  static constexpr Expectation expected[]{
      {},
      {.set = "gup-pin-mb", .masked_by = "the flush waits for walkers, or the pin orders"},
      {.set = "gup-pin-mb",
       .arches = "arm64,ppc64_hash,ppc64_hash@2007,ppc64_radix,riscv,arm,arm@2017-posted,"
                 "arm@2017-merged,ia64@2017-posted,ia64@2017-merged",
       .kind = "unreliable_pin"},
      {.set = "ksm-clear-mb", .masked_by = "the flush, or clearing the entry, is a full barrier"},
      {.set = "ksm-exclusive-wmb", .masked_by = "a swap entry is not the old entry"},
      {.set = "gup-exclusive-rmb", .masked_by = "a swap entry is not the old entry"},
  };
  static constexpr ScenarioInfo info{
      .name = "gup-fast-vs-reclaim-2022",
      .thread = "002",
      .line = "a page is pinned and taken away at once, as neither side has seen the other",
      .fixes = "gup-pin-mb,ksm-clear-mb,ksm-exclusive-wmb,gup-exclusive-rmb",
      .real_threads = "explorer only",
      .cpus = 2,
      .crowd_role = 1,
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      teardown(lab);
      lab.have_swap(2);
      lab.map(x, 1);
      lab.write(x, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0)
        lab.reclaim(x);
      else
        pinned_ = lab.get_page_fast(x, FOLL_PIN);
    }
    void teardown(Lab<A>& lab) {
      if (pinned_ != nullptr) unpin_user_page(pinned_);
      pinned_ = nullptr;
      lab.clear();
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }

   private:
    static constexpr vaddr_t x = 0x4000;
    page* pinned_ = nullptr;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
