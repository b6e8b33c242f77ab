// SPDX-License-Identifier: GPL-2.0-or-later
// Two address spaces come to have one number. A CPU that switches without the lock exchanged its active id;
// where a rollover had just put 0 there it went on to wait for the lock, with the id of the old generation
// in its place. A second rollover reserved that, although the number was another mm's by now. Found by
// Catalin Marinas with TLA+; a8ffaaa060b8 compares, and leaves a 0 where it is (★9b in races.md).
//
//   CPU0 (runs B, number 2)              CPU1 (runs M, number 1)
//                                        switch to A, number 3:
//                                        its generation is the current one
//   switch to D: none is left, a new
//   generation; 1 and 2 are reserved,
//   active[CPU1] = 0; D gets 3
//                                        exchange active: it was 0, now A's id
//                                        wait for the lock
//   switch to F: a new generation;
//   D's 3 is reserved, and so is A's 3
//                                        A keeps its reserved number: 3
//                                        load x: A's page
//                                        switch to D: it keeps 3
//                                        load x via A's entry
//
// The machine has three numbers.
//
// Real threads: explorer only.
#pragma once

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct asid_rollover_2017 {
  static constexpr unsigned explored_asids = 3;
  static constexpr Expectation expected[]{
      {},
      {.set = "asid-keep-reserved", .kind = "wrong_value"},
  };
  static constexpr ScenarioInfo info{
      .name = "asid-rollover-2017",
      .line = "two address spaces get one number, and one uses what the TLB has of the other",
      .fixes = "asid-keep-reserved",
      .real_threads = "explorer only",
      .cpus = 2,
      .crowd_role = 1,
      .arches = "arm64,riscv,arm",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      teardown(lab);
      lab.map(x, 1);
      lab.write(x, of_d);
      d_ = lab.fork();
      f_ = lab.fork();
      lab.write(x, of_d + 1);
      a_ = lab.fork();
      b_ = lab.fork();
      for (mm_struct* mm : {d_, f_, a_, b_}) Lab<A>::must(mm != nullptr ? 0 : -1);
      lab.run_in(*b_);
      lab.run_in(*a_);
      lab.run_in(*b_);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        lab.run_in(*d_);
        lab.run_in(*f_);
      } else {
        lab.run_in(*a_);
        static_cast<void>(lab.read(x));
        lab.run_in(*d_);
        lab.forbid(lab.read(x) != of_d, "wrong_value",
                   "a program reads at x what another address space has there");
      }
      lab.run_in(lab.mm());
    }
    void teardown(Lab<A>& lab) {
      lab.run_in(lab.mm());
      for (mm_struct** mm : {&d_, &f_, &a_, &b_}) {
        if (*mm != nullptr) lab.end(**mm);
        *mm = nullptr;
      }
      lab.clear();
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }

   private:
    static constexpr vaddr_t x = 0x4000;
    static constexpr std::uint64_t of_d = 1;
    mm_struct *d_ = nullptr, *f_ = nullptr, *a_ = nullptr, *b_ = nullptr;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
