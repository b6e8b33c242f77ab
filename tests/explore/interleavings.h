// SPDX-License-Identifier: GPL-2.0-or-later
// What a small program can do on a machine, step by step: a second opinion on the reference's sc
// and tso, which are axioms. The machine has one memory; in tso each CPU has a store buffer.
#pragma once

#include "harness/world/explore/memory_model.h"
#include "tests/explore/small_program.h"

namespace tlblab {

// The final states of all interleavings. REQUIRES: a program as reference() wants it, and a model
// that is not weak.
[[nodiscard]] FinalStates interleavings(const SmallProgram& program, MemoryModel model);

}  // namespace tlblab
