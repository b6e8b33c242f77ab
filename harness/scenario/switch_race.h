// SPDX-License-Identifier: GPL-2.0-or-later
// What the races of a flush with a switch of address spaces have in common: CPU1 reads x, goes to another
// address space, or idle, and comes back, while CPU0 takes pages away.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

enum class GoneTo : std::uint8_t { child, idle };

template <ArchBackend A, GoneTo where = GoneTo::child>
class SwitchRace {
 public:
  void teardown(Lab<A>& lab) {
    end_child(lab);  // of a round that was cut short
    lab.clear();
  }
  [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
  template <class Name>
  void name_words(Name name) const {
    name(away_, "away");
  }

 protected:
  static constexpr vaddr_t x = 0x4000;

  template <class TakeAway>
  void act_as(Lab<A>& lab, unsigned role, TakeAway take_away) noexcept {
    if (role != 0) return go_and_come_back(lab);
    lab.wait_for(away_);
    take_away();
  }

 private:
  void go_and_come_back(Lab<A>& lab) noexcept {
    if (where == GoneTo::child) child_ = lab.fork();
    static_cast<void>(lab.read(x));
    if (where == GoneTo::idle) lab.idle();
    if (child_ != nullptr) lab.run_in(*child_);
    lab.tell(away_);
    lab.stall();
    lab.run_in(lab.mm());
    static_cast<void>(lab.read(x));
    end_child(lab);
  }
  void end_child(Lab<A>& lab) noexcept {
    if (child_ != nullptr) lab.end(*child_);
    child_ = nullptr;
  }

  mm_struct* child_ = nullptr;
  Signal away_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
