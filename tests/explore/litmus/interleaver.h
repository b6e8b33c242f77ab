// SPDX-License-Identifier: GPL-2.0-or-later
// Litmus tests under sequential consistency by brute force: every interleaving of the steps of the
// processes, each state of the whole visited once. Shows that programs mean what they say; counts
// of executions mean nothing here.
#pragma once

#include "harness/explore/litmus/outcome.h"

namespace tlblab {

[[nodiscard]] LitmusOutcome interleave(const LitmusProgram& program);

}  // namespace tlblab
