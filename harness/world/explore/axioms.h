// SPDX-License-Identifier: GPL-2.0-or-later
// Which execution graphs a memory model allows. Each model asks that coherence agrees with program
// order at each location, that nothing comes between the two parts of a read-modify-write, and that
// certain relations have no cycle; the files beside this one have them:
//
//   sc    program order, reads-from, coherence, and from a read to what overwrites what it read
//   tso   the same, but a read does not wait for its own CPU's earlier writes (x86)
//   weak  the Linux kernel's model, with each read before its CPU's later writes (axioms_weak.cpp)
//
// and that no grace period lies within a read-side section (axioms_rcu.h). Numbers of events respect
// program order and reads-from, so those two cannot make a cycle. Adding a read that reads the last
// write, or a write behind all others, keeps a graph allowed in every model.
#pragma once

#include "harness/world/explore/axioms_sc.h"
#include "harness/world/explore/memory_model.h"

namespace tlblab {

// Keeps memory from graph to graph.
class Axioms {
 public:
  explicit Axioms(MemoryModel model) noexcept : model_(model) {}
  [[nodiscard]] bool allow(const ExecutionGraph& graph);

 private:
  MemoryModel model_;
  SequentialOrder order_;
};

[[nodiscard]] inline bool consistent(const ExecutionGraph& graph, MemoryModel model) {
  return Axioms(model).allow(graph);
}

}  // namespace tlblab
