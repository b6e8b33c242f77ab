// SPDX-License-Identifier: GPL-2.0-or-later
// What the races of write-back with whoever unmaps a dirty page have in common: CPU1 has a dirty TLB entry
// for x and goes on storing, CPU0 takes the page away, CPU2 writes the file back.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A>
class WriteBackRace {
 public:
  void setup(Lab<A>& lab) {
    lab.clear();
    lab.have_swap(1);  // reclaim asks for it; no page goes there
    file_ = &lab.new_file(FileKind::disk, 1);
    lab.map_shared(x, 1, *file_);
  }
  void teardown(Lab<A>& lab) { lab.clear(); }
  [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
  template <class Name>
  void name_words(Name name) const {
    name(seen_, "seen");
  }

 protected:
  static constexpr vaddr_t x = 0x4000;

  template <class TakeAway>
  void act_as(Lab<A>& lab, unsigned role, TakeAway take_away) noexcept {
    if (role != 1) lab.wait_for(seen_);
    switch (role) {
      case 0: take_away(); break;
      case 1: use(lab); break;
      default:
        lab.stall();
        lab.write_back(*file_);
        lab.finish_round();
        break;
    }
  }

 private:
  void use(Lab<A>& lab) noexcept {
    lab.write(x, 1);
    lab.tell(seen_);
    do {
      lab.write(x, 2);
    } while (!lab.explored() && lab.again());
  }

  address_space* file_ = nullptr;
  Signal seen_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
