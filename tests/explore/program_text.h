// SPDX-License-Identifier: GPL-2.0-or-later
// Small programs and their final states as herd7 writes them, for messages and comparisons.
#pragma once

#include "tests/explore/small_program.h"

namespace tlblab {

// As a litmus test in C, without its final condition. Locations are x, y, z, then v3, v4 ...; locks
// are s, t, then s2, s3 ...; an await is smp_cond_load_...(x, VAL == value), which herd7 lacks.
[[nodiscard]] std::string to_text(const SmallProgram& program);

// One line: 0:r0=1; 1:r0=0; [x]=1;
[[nodiscard]] std::string to_text(const SmallProgram& program, const FinalState& state);

// A state a line.
[[nodiscard]] std::string to_text(const SmallProgram& program, const FinalStates& states);

}  // namespace tlblab
