// SPDX-License-Identifier: GPL-2.0-or-later
// An invalidate for a number that the address space does not have any more. CPU0 reclaims a page of an mm that
// it does not run; it read the mm's number before the barrier that lets the cleared entry be seen. Meanwhile
// CPU1 gives the mm a new number and walks, to the old entry. 5e10f9887ed8 (Will Deacon) reads the number
// behind the barrier: whoever has a newer one walks after it was stored, and so after the entry was
// cleared (★9a in races.md; store buffering).
//
//   CPU0 (runs B) reclaims T's page x    CPU1
//   clear T's pte[x]
//   T's number: 2
//                                        switch to F: a new generation, F gets 2
//                                        switch to T: another one, T gets 1
//                                        load x: pte[x] as it was, TLB{1, x}
//   DSB: the cleared entry is seen
//   TLBI of number 2
//   write the page out                   may store x via TLB{1, x}
//
// The machine has three numbers. 32-bit Arm still reads it first (arch/arm/README.md).
//
// Real threads: explorer only.
#pragma once

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct asid_read_2021 {
  static constexpr unsigned explored_asids = 3;
  static constexpr Expectation expected[]{
      {},
      {.set = "asid-read-late", .kind = "dirty_translation_after_clean"},
      {.set = "asid-read-late",
       .arches = "riscv",
       .masked_by = "clearing the entry is a full barrier"},
  };
  static constexpr ScenarioInfo info{
      .name = "asid-read-2021",
      .line = "an invalidate goes by a number that the address space has given up meanwhile",
      .fixes = "asid-read-late",
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
      lab.have_swap(2);
      lab.map(x, 1);
      lab.write(x, 1);
      for (mm_struct** mm : {&t_, &b_, &f_}) {
        *mm = lab.fork();
        Lab<A>::must(*mm != nullptr ? 0 : -1);
      }
      lab.run_in(*t_);
      lab.write(x, 2);  // a page of its own
      lab.run_in(*b_);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        lab.reclaim_of(*t_, x);
        lab.tell(reclaimed_);
      } else {
        lab.run_in(*f_);
        lab.run_in(*t_);
        static_cast<void>(lab.read(x));
        lab.wait_for(reclaimed_);
      }
      lab.run_in(lab.mm());
    }
    void teardown(Lab<A>& lab) {
      lab.run_in(lab.mm());
      for (mm_struct** mm : {&t_, &b_, &f_}) {
        if (*mm != nullptr) lab.end(**mm);
        *mm = nullptr;
      }
      lab.clear();
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(reclaimed_, "reclaimed");
    }

   private:
    static constexpr vaddr_t x = 0x4000;
    mm_struct *t_ = nullptr, *b_ = nullptr, *f_ = nullptr;
    Signal reclaimed_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
