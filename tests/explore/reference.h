// SPDX-License-Identifier: GPL-2.0-or-later
// What a small program can do, by the axioms of a memory model: every candidate execution is made
// and judged, as herd7 does. Slow and plain: it is what the explorer is compared with, and shares
// nothing with it.
//
//   reference_events      an execution's events; which cmpxchg succeed is guessed
//   reference_candidates  each read's write and each location's order of writes
//   reference_axioms      the models; reference_weak: the kernel's
#pragma once

#include "bench/explore/small_program.h"
#include "harness/world/explore/memory_model.h"

namespace tlblab {

struct ReferenceResult {
  FinalStates states;
  std::uint64_t executions = 0;  // one for each reads-from (of locks too) and coherence order
  // The same, but where a location has additions only, and none returns anything, their order is none.
  std::uint64_t classes = 0;
};

// The executions that run to their end. REQUIRES: sections are closed, locks given back, by the
// thread that opened them, with no second lock of one that is held.
// Throws std::length_error above 64 events: a location or lock, and each operation, has one; an
// RMW and a lock have two, a full RMW four.
[[nodiscard]] ReferenceResult reference(const SmallProgram& program, MemoryModel model);
// By the kernel's model with load buffering, which no search here has.
[[nodiscard]] ReferenceResult kernel_reference(const SmallProgram& program);

}  // namespace tlblab
