// SPDX-License-Identifier: GPL-2.0-or-later
// What the races of a copy with a call that takes away the right to write have in common: CPU2 has a writable
// TLB entry for x and goes on storing, CPU0 makes the call over x and more, CPU1's store faults and copies x.
// Somebody looks at x (a reference, not a pin), so that it is copied where an exclusive page is not known.
//
// A Race says what the call is:
//
//   static void prepare(Lab<A>& lab, vaddr_t start, std::uint64_t pages);  before the pages are written
//   static void take_right(Lab<A>& lab, vaddr_t start, std::uint64_t pages);
//   static void before_store(Lab<A>& lab);                                     what CPU1 does first, if anything
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A, class Race>
class CopyRace {
 public:
  void setup(Lab<A>& lab) {
    lab.clear();
    lab.map(x, pages(lab));
    Race::prepare(lab, x, pages(lab));
    for (std::uint64_t page = 0; page < pages(lab); ++page) lab.write(x + page * page_size, 1);
    looked_at_ = lab.get_page_at(x, FOLL_WRITE);
  }
  void act(Lab<A>& lab, unsigned role) noexcept {
    if (role != 2) lab.wait_for(seen_);
    switch (role) {
      case 0: Race::take_right(lab, x, pages(lab)); break;
      case 1:
        lab.stall();
        if constexpr (requires { Race::before_store(lab); }) Race::before_store(lab);
        lab.write(x, 2);
        lab.finish_round();
        break;
      default: use(lab); break;
    }
    if (gone_.fetch_add(1, order::full) == cpus - 1) let_go();
  }
  void teardown(Lab<A>& lab) {
    let_go();  // of a round that was cut short
    lab.clear();
  }
  [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
  template <class Name>
  void name_words(Name name) const {
    name(seen_, "seen");
    name(gone_, "gone");
  }

 private:
  static constexpr unsigned cpus = 3;
  static constexpr vaddr_t x = 0x4000;
  static std::uint64_t pages(Lab<A>& lab) noexcept { return lab.explored() ? 1 : 400; }

  void use(Lab<A>& lab) noexcept {
    lab.write(x, 3);
    lab.tell(seen_);
    do {
      lab.write(x, 4);
    } while (!lab.explored() && lab.again());
  }
  void let_go() noexcept {
    if (looked_at_ != nullptr) put_page(looked_at_);
    looked_at_ = nullptr;
    gone_.store(0, order::relaxed);
  }

  page* looked_at_ = nullptr;
  Signal seen_;
  Atomic<unsigned> gone_{0};
};

}  // namespace tlblab::inline TLBLAB_WORLD
