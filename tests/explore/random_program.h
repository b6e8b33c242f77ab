// SPDX-License-Identifier: GPL-2.0-or-later
// Random small programs: few locations and small values, so that the threads see much of each
// other. Every program is well-formed: sections are closed, no lock is taken twice, nobody waits
// for a grace period with a section open or a lock held.
#pragma once

#include "bench/explore/small_program.h"

namespace tlblab {

struct ProgramShape {
  unsigned threads = 2;
  unsigned ops = 4;  // of each thread; those that open and close sections count
  unsigned locations = 2;
  unsigned locks = 1;
  bool rmws = true;  // exchange, add, cmpxchg
  bool void_adds = true;
  unsigned counters = 0;  // further locations, to which void_adds are made and nothing else
  bool fences = true;
  bool rcu = true;
  bool awaits = false;  // some executions, or all of them, may then wait for ever
  bool dependencies = false;
  bool lock_cycles = false;  // locks in any order, else in ascending order: may then deadlock
};

// The same program for the same seed and shape, on every machine. shape.locations is at least 1.
[[nodiscard]] SmallProgram random_program(std::uint64_t seed, const ProgramShape& shape);

}  // namespace tlblab
