// SPDX-License-Identifier: GPL-2.0-or-later
// A model's relations over a graph that grows, as in a random walk (port_walk.cpp): they are kept from
// event to event, closed, so that a question about the next one is a matter of some bits, where
// axioms.h would build all of them anew.
//
// The graph is allowed, and the next event e is to be older than it could be: a read that does not read
// the last write, a write that is not the last. Let C be the writes of other CPUs that are then behind
// it in coherence. Nothing follows e yet, so each new cycle goes through e, and leaves it by what C
// overwrites of it:
//
//   tso   to the first of C. So e may be added if that one is not before what is before e.
//   weak  prop leads from e to whatever is behind one of C by cumul-fences and then perhaps another
//         CPU's read; from there on it is hb if that is of e's CPU, and pb if a strong fence follows. A
//         cycle of either is one of their union, since pb ends with hb. So it is asked whether one of
//         these ends is before e in the closed union.
//
// Each event keeps what is before it in that union, and what leads to it by prop; its CPU keeps what
// led to its last strong fence. If e is added though it is old, the rows of all that its edges lead to
// take in what is before e. That changes no cumul-fence of what was there.
//
// Sequential consistency needs none of this: a walk reads the last write. Grace periods are for
// axioms.h.
#pragma once

#include <memory>
#include <optional>

#include "harness/world/explore/execution_graph.h"
#include "harness/world/explore/memory_model.h"

namespace tlblab {

// Of a graph of up to so many events.
class GrowingRelations {
 public:
  virtual ~GrowingRelations() = default;
  [[nodiscard]] virtual unsigned room() const noexcept = 0;
  // The first n events of the graph have been added.
  [[nodiscard]] virtual unsigned size() const noexcept = 0;
  virtual void clear() = 0;
  virtual void add(const ExecutionGraph& graph) = 0;  // the next
  virtual void remove_read(const GraphEvent& event) = 0;
  [[nodiscard]] virtual bool may_add(const ExecutionGraph& graph,
                                     const GraphEvent& event,
                                     EventId behind) = 0;
};

class GrowingOrder {
 public:
  explicit GrowingOrder(MemoryModel model) noexcept : model_(model) {}
  // It is another graph now.
  void forget() {
    if (relations_ != nullptr) relations_->clear();
  }
  // The last event of the graph, a read of the last write that nothing has been added behind, goes.
  void remove_read(const ExecutionGraph& graph);
  // The model allows the event as the next of the graph, which it allows: a read that has its source, or
  // a write behind this one. The CPU has seen nothing newer. Nothing: ask axioms.h.
  [[nodiscard]] std::optional<bool> may_add(const ExecutionGraph& graph,
                                            const GraphEvent& event,
                                            EventId behind);

 private:
  MemoryModel model_;
  std::unique_ptr<GrowingRelations> relations_;
};

}  // namespace tlblab
