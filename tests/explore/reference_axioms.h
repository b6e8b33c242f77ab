// SPDX-License-Identifier: GPL-2.0-or-later
// The memory models as axioms over the events of an execution. Each forbids only cycles that more
// communication would not undo, so a candidate may be judged while some locations are still silent.
#pragma once

#include <memory>

#include "harness/world/explore/memory_model.h"
#include "tests/explore/reference_candidates.h"

namespace tlblab {

// A model's axioms for the executions that have the same events.
class Axioms {
 public:
  virtual ~Axioms() = default;
  [[nodiscard]] virtual bool allow(const Communication& said) const noexcept = 0;
};

// graph outlives the result.
[[nodiscard]] std::unique_ptr<Axioms> axioms_of(MemoryModel model, const EventGraph& graph);
[[nodiscard]] std::unique_ptr<Axioms> weak_axioms(const EventGraph& graph);
// The kernel's model as it is.
[[nodiscard]] std::unique_ptr<Axioms> kernel_axioms(const EventGraph& graph);

// What the models have in common.

// Each location by itself is one memory.
[[nodiscard]] bool coherent(const EventGraph& graph, const Communication& said) noexcept;

// Nobody writes between the two halves of an RMW.
[[nodiscard]] bool atomic(const EventGraph& graph, const Communication& said) noexcept;

// No read section goes on both before and after a grace period. `before`: the first event happens
// no later than the second; `prop`: and what it has overwritten is no longer seen.
[[nodiscard]] bool rcu_allows(const EventGraph& graph,
                              const Relation& before,
                              const Relation& prop) noexcept;

// From a read to the writes after the one that it read.
[[nodiscard]] inline Relation from_reads(const Communication& said) noexcept {
  return inverse(said.rf) * said.co;
}

// Between threads; the initial writes are of no thread.
[[nodiscard]] inline Relation external(const EventGraph& graph, const Relation& r) noexcept {
  return r - graph.same_thread;
}

// Between accesses, or any events, of one thread on both sides of one of these.
[[nodiscard]] inline Relation po_across(const EventGraph& graph, EventSet fences) noexcept {
  return between(graph.all(), graph.po, fences) * graph.po;
}

}  // namespace tlblab
