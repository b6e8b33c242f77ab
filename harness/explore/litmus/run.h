// SPDX-License-Identifier: GPL-2.0-or-later
// A litmus test on the explorer: every execution that the memory model allows.
#pragma once

#include <atomic>

#include "harness/explore/litmus/outcome.h"
#include "harness/world/explore/memory_model.h"

namespace tlblab {

// Executions that cannot end (a lock that is never let go) have no final state and are not counted,
// as in herd7. Once `stop` is set it returns soon, with what it has. Throws nothing of its own.
[[nodiscard]] LitmusOutcome run_litmus(const LitmusProgram& program,
                                       MemoryModel model,
                                       const std::atomic<bool>& stop);

}  // namespace tlblab
