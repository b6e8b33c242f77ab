// SPDX-License-Identifier: GPL-2.0-or-later
// Small programs on which explorers are compared, with the executions that others count of them.
#pragma once

#include "bench/explore/small_program.h"

namespace tlblab {

// Three threads, `rounds` times: two stores and a load of its own, then an add to a word of the round
// that all share. 6 to the power of `rounds` executions in every model; one if the adds return nothing
// and commute.
[[nodiscard]] SmallProgram private_rounds(unsigned rounds, bool adds_return = true);

// Three threads, `rounds` times: three accesses of its own, a release store to its slot, an acquire
// load of the next thread's. Two rounds: 151 executions under sc, 215 under tso and weak; three: 4,411
// and 7,784; four: 146,455 and 321,048 (GenMC 0.10.3).
[[nodiscard]] SmallProgram slots_in_a_ring(unsigned rounds);

// Three threads, each of which takes the lock `rounds` times and changes a word in the section.
[[nodiscard]] SmallProgram sections_of_one_lock(unsigned rounds);

}  // namespace tlblab
