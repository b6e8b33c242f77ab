// SPDX-License-Identifier: GPL-2.0-or-later
// Made-up programs that use what only the machine has: interrupts, sections without them, access windows,
// locks of readers and writers, grace periods, waiting loops, choices of the hardware, and what it does
// unasked: each CPU has a cache of one word, as simple as a TLB can be. Explore world only.
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
  // Only in programs for machines whose hardware acts.
  translate,  // a window: the word as the cache has it, which is filled if it is empty
  flush,      // empties the caches of all, by an interrupt
  last_with_hardware = flush,
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
  int cache[3] = {};            // of each CPU; 0: empty. No word: what orders it is its CPU's lock
  Atomic<int> accessed[2];      // whether a word has been in a cache
};

using Outcome = std::vector<std::vector<int>>;

// What the CPU does.
void run(Machinery& m, const Program& program, unsigned cpu);
// All that was seen, and the words; after a violation nothing.
[[nodiscard]] Outcome outcome_of(Machinery& m, const std::string& violation);

[[nodiscard]] std::string text_of(const Program& program);
[[nodiscard]] Program random_machine_program(unsigned seed,
                                             unsigned cpus,
                                             unsigned steps,
                                             Act last = Act::last);
// The hardware walks to a word, or drops what the cache has: so many times.
[[nodiscard]] HardwareActs acts_on_words(unsigned walks, unsigned evictions);

}  // namespace tlblab::inline TLBLAB_WORLD
