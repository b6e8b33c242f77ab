// SPDX-License-Identifier: GPL-2.0-or-later
// What races of a device's pin with a call that takes the page away have in common: CPU1 pins x without a
// lock, the device stores through the pin and the driver marks the page dirty; CPU0 makes the call. Whoever
// comes last looks whether the program finds at x what the device stored there.
//
// A Race says what the call is, and whether the pin is given back before or after it:
//
//   static constexpr bool unpins_at_once;
//   static void prepare(Lab<A>& lab, vaddr_t x);  // x is mapped and written
//   static void take_away(Lab<A>& lab, vaddr_t x);
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A, class Race>
class PinRace {
 public:
  void setup(Lab<A>& lab) {
    teardown(lab);
    lab.map(x, 1);
    lab.write(x, 1);
    Race::prepare(lab, x);
  }
  void act(Lab<A>& lab, unsigned role) noexcept {
    lab.stall();
    if (role == 0)
      Race::take_away(lab, x);
    else
      use_device(lab);
    // Full: what both did is seen by the last.
    if (gone_.fetch_add(1, order::full) == cpus - 1 && stored_)
      lab.forbid(lab.read(x) != by_device, "lost_store",
                 "the program does not find at x what the device stored there");
  }
  void teardown(Lab<A>& lab) {
    unpin();
    stored_ = false;
    gone_.store(0, order::relaxed);
    lab.clear();
  }
  [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
  template <class Name>
  void name_words(Name name) const {
    name(gone_, "gone");
  }

 private:
  static constexpr unsigned cpus = 2;
  static constexpr vaddr_t x = 0x4000;
  static constexpr std::uint64_t by_device = 7;

  void use_device(Lab<A>& lab) noexcept {
    pinned_ = lab.get_page_fast(x, FOLL_WRITE | FOLL_PIN);
    if (pinned_ == nullptr) return;
    lab.dma_write(pinned_, by_device);
    if (Race::unpins_at_once) unpin();
    stored_ = true;
  }
  void unpin() noexcept {
    if (pinned_ != nullptr) unpin_user_page(pinned_);
    pinned_ = nullptr;
  }

  page* pinned_ = nullptr;
  bool stored_ = false;  // CPU1's until it counts itself gone
  Atomic<unsigned> gone_{0};
};

}  // namespace tlblab::inline TLBLAB_WORLD
