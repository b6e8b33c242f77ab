// SPDX-License-Identifier: GPL-2.0-or-later
// x86 counts the flushes of an mm, and each CPU knows how many it has made. CPU2 takes two requests in the
// wrong order: the second says nothing of the first one's page, but after it CPU2 is "up to date", and
// leaves the first alone. The rule of 94b1b03b519b (Andy Lutomirski): page by page only if the request is
// the very next one and there is none after it; else everything.
//
//   CPU0 madvise(DONTNEED) a   CPU1 madvise(DONTNEED) b   CPU2 user
//                                                         load a: TLB{a}
//   clear pte[a], count = 2
//                              clear pte[b], count = 3
//                              interrupt CPU2
//                                                         invalidate b; at 3 now
//   interrupt CPU2
//                                                         2 < 3: done already
//   returns
//                                                         load a via TLB{a}
//
// Real threads: yes.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct tlb_gen_order_2017 {
  static constexpr Expectation expected[]{
      {},
      {.set = "tlb-gen-in-order", .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "tlb-gen-order-2017",
      .line = "two flushes are taken in the wrong order, and the first is taken for done",
      .fixes = "tlb-gen-in-order",
      .real_threads = "yes",
      .cpus = 3,
      .crowd_role = 2,
      .arches = "x86,x86@6.12",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(a, 2);
      lab.write(a, 1);
      lab.write(b, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 2) lab.wait_for(seen_);
      switch (role) {
        case 0: lab.madvise_dontneed(a, 1); break;
        case 1: lab.madvise_dontneed(b, 1); break;
        default:
          static_cast<void>(lab.read(a));
          lab.tell(seen_);
          static_cast<void>(lab.read(a));
          break;
      }
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {a, b}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
    }

   private:
    static constexpr vaddr_t a = 0x4000, b = a + page_size;
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
