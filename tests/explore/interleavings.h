// SPDX-License-Identifier: GPL-2.0-or-later
// What a small program can do on a machine, step by step: a second opinion on the reference's sc
// and tso, which are axioms. The machine has one memory; in tso each CPU has a store buffer.
#pragma once

#include "bench/explore/small_program.h"
#include "harness/world/explore/memory_model.h"

namespace tlblab {

// The final states of all interleavings. REQUIRES: a program as reference() wants it, and a model
// that is not weak.
[[nodiscard]] FinalStates interleavings(const SmallProgram& program, MemoryModel model);

}  // namespace tlblab
