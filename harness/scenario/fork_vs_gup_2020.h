// SPDX-License-Identifier: GPL-2.0-or-later
// fork shares a page with the child while a device's driver pins it: the parent's next write makes a copy, and
// the device goes on with the page that it no longer has. fork makes its sequence number odd, and copies
// what is pinned for the child at once; GUP-fast gives its pin back if the number was odd or has changed.
// Linus Torvalds and Jason Gunthorpe, 2020, 57efa1fe5957.
//
//   CPU0 fork                            CPU1 GUP-fast
//                                        the number is even
//                                        read pte[x], writable
//   the number is odd                    pin the page
//   (fork-pin-mb)                        (gup-pin-mb)
//   not pinned?                          pte[x] as before?
//   not exclusive any more               the number as before?
//   pte[x] loses the right to write      both: a pin of a page that
//                                        the parent shares
//
// Real threads: explorer only, where a lock that is taken is a full barrier.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct fork_vs_gup_2020 {
  static constexpr Expectation expected[]{
      {},
      {.set = "fork-pin-mb", .kind = "unreliable_pin"},
      {.set = "fork-pin-mb",
       .arches = "x86,x86@2018,x86@6.12,x86_invlpgb,s390,sparc64,sparc64@2007,um,um@2017-posted,"
                 "um@2017-merged",
       .masked_by = "taking a page-table lock is a full barrier"},
      {.set = "gup-pin-mb", .kind = "unreliable_pin"},
      {.set = "gup-pin-mb",
       .arches = "x86,x86@2018,x86@6.12,x86_invlpgb,s390,sparc64,sparc64@2007,um,um@2017-posted,"
                 "um@2017-merged",
       .masked_by = "taking the reference is a full barrier"},
  };
  static constexpr ScenarioInfo info{
      .name = "fork-vs-gup-2020",
      .line =
          "a page is pinned and shared with a child at once, as neither side has seen the other",
      .fixes = "fork-pin-mb,gup-pin-mb",
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
      lab.map(x, 1);
      lab.write(x, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      lab.stall();
      if (role == 0)
        child_ = lab.fork();
      else
        pinned_ = lab.get_page_fast(x, FOLL_WRITE | FOLL_PIN);
    }
    void teardown(Lab<A>& lab) {
      if (pinned_ != nullptr) unpin_user_page(pinned_);
      if (child_ != nullptr) lab.end(*child_);
      pinned_ = nullptr;
      child_ = nullptr;
      lab.clear();
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }

   private:
    static constexpr vaddr_t x = 0x4000;
    page* pinned_ = nullptr;
    mm_struct* child_ = nullptr;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
