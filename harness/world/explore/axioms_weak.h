// SPDX-License-Identifier: GPL-2.0-or-later
// The Linux kernel's memory model (tools/memory-model in 6.12) for marked accesses, with two rules
// more: reads-from and program order have no cycle, which the numbers of the events say, and each
// read of a CPU comes before its later writes. The names in the code are the model's own.
//
//   ppo          what a CPU does in program order whatever others see: through fences, acquire and
//                release, from a read to later writes, through an address
//   cumul_fence  what propagates in order to every CPU: release and strong fences also with what the
//                CPU had read from others, smp_wmb only with its own writes
//   prop         an overwrite by another CPU, then such steps, then perhaps another CPU's read
//   hb           ppo, reads-from another CPU, and what prop says within one CPU: no cycle
//   pb           prop, then a strong fence, then hb: no cycle
//   rcu          axioms_rcu.h
#pragma once

#include "harness/world/explore/bit_rows.h"
#include "harness/world/explore/execution_graph.h"

namespace tlblab {

// Coherence and the atomicity of read-modify-writes are looked at elsewhere. For 1, 2, 4, 16, 64 words.
template <unsigned Words>
[[nodiscard]] bool consistent_weak(const ExecutionGraph& graph);

}  // namespace tlblab
