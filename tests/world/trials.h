// SPDX-License-Identifier: GPL-2.0-or-later
// How a behaviour is tried: in real on a few machines with many rounds each, in explore under many
// random schedules with few rounds.
#pragma once

#include <functional>

#include <gtest/gtest.h>

#include "mm/world.h"

namespace tlblab::inline TLBLAB_WORLD {

extern const unsigned rounds;  // of a loop in a body that nothing slow is in

// trial(machine) makes its objects, runs bodies on the machine, and looks at what came out.
void each_trial(unsigned cpus, const std::function<void(Machine&)>& trial);

// All CPUs of the machine wait for one another, as often as they like.
class Meeting {
 public:
  void meet() noexcept {
    const unsigned number = arrived_.fetch_add(1, order::full);
    const unsigned all = (number / nr_cpu_ids() + 1) * nr_cpu_ids();
    while (arrived_.load(order::acquire) < all) cpu_relax();
  }

 private:
  Atomic<unsigned> arrived_{0};
};

inline void wait_for(const Atomic<unsigned>& word, unsigned value) noexcept {
  while (word.load(order::acquire) != value) cpu_relax();
}

}  // namespace tlblab::inline TLBLAB_WORLD
