// SPDX-License-Identifier: GPL-2.0-or-later
// What the races of two madvise calls over one page have in common: CPU0 advises over two page tables
// and x is in the first, so it lets go of x's lock long before it flushes; CPU1 advises over x alone,
// finds nothing to do there and returns; CPU2 uses x through its TLB as long as either call lasts.
//
// A Race says what is advised and how x is used:
//
//   static void advise(Lab<A>& lab, vaddr_t start, std::uint64_t pages);
//   static void use_first(Lab<A>& lab, vaddr_t x, std::uint64_t value);   a TLB entry of CPU2
//   static void use(Lab<A>& lab, vaddr_t x, std::uint64_t value, bool second_returned);
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A, class Race>
class ParallelAdvice {
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
      case 0: advise_all(lab); break;
      case 1: advise_x(lab); break;
      default: use_x(lab); break;
    }
  }

  [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }

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

  void advise_all(Lab<A>& lab) noexcept {
    wait_until_seen(lab);
    Race::advise(lab, start, pages_of(lab));
    one_more_is_back(lab);
  }
  void advise_x(Lab<A>& lab) noexcept {
    wait_until_seen(lab);
    lab.stall();  // CPU0 is to be first at x
    Race::advise(lab, x, 1);
    // Release: pairs with the acquire in use_x; whoever sees it runs after the call returned.
    second_returned_.store(true, order::release);
    one_more_is_back(lab);
  }
  // CPU2 goes on as long as either call lasts.
  void one_more_is_back(Lab<A>& lab) noexcept {
    if (back_.fetch_add(1, order::relaxed) == 1) lab.finish_round();
  }
  void use_x(Lab<A>& lab) noexcept {
    Race::use_first(lab, x, value_of(lab));
    seen_.store(lab.round() + 1, order::release);
    do {
      const bool returned = second_returned_.load(order::acquire);
      Race::use(lab, x, value_of(lab), returned);
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

}  // namespace tlblab::inline TLBLAB_WORLD
