// SPDX-License-Identifier: GPL-2.0-or-later
// Made-up programs that use what only the machine has: interrupts, sections without them, access windows,
// locks of readers and writers, grace periods, waiting loops, choices of the hardware. Explore world only.
#pragma once

#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mm/world.h"

namespace tlblab::inline TLBLAB_WORLD {

enum class Act : unsigned {
  load,
  store,
  add,
  irq_off,  // a load and a store, in a section
  window,
  locked,
  try_locked,
  reading,
  writing,
  section,  // of RCU
  interrupt,
  post,  // an interrupt that is not waited for at once
  callback,
  synchronize,
  wait,
  choice,
  last = choice,
};

struct Step {
  Act act{};
  unsigned word = 0;
  int value = 0;
};
using Program = std::vector<std::vector<Step>>;

struct Machinery {
  Atomic<int> words[2];
  Spinlock lock;
  RwSem sem;
  rcu_head heads[3];
  std::vector<int> seen[3];     // by each CPU
  std::vector<int> handled[3];  // by its handlers
  std::vector<int> called[3];   // by its callbacks
};

using Outcome = std::vector<std::vector<int>>;

// What the CPU does.
void run(Machinery& m, const Program& program, unsigned cpu);
// All that was seen, and the words; after a violation nothing.
[[nodiscard]] Outcome outcome_of(Machinery& m, const std::string& violation);

[[nodiscard]] std::string text_of(const Program& program);
[[nodiscard]] Program random_machine_program(unsigned seed, unsigned cpus, unsigned steps);

}  // namespace tlblab::inline TLBLAB_WORLD
