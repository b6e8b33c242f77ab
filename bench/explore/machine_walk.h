// SPDX-License-Identifier: GPL-2.0-or-later
// Random executions of a small program on the explored machine: each operation is one of Atomic or
// Spinlock, each CPU a fiber. Under sc nobody is asked what is read; under tso and weak PortSearch is.
#pragma once

#include "bench/explore/small_program.h"
#include "harness/world/explore/memory_model.h"

namespace tlblab {

struct MachineWalks {
  std::uint64_t executions = 0, steps = 0;
};

[[nodiscard]] MachineWalks walk_machine(const SmallProgram& program,
                                        MemoryModel model,
                                        std::uint64_t executions);

}  // namespace tlblab
