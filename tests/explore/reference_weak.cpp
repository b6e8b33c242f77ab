// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's memory model (tools/memory-model, Linux 6.12) for programs of marked accesses,
// without load buffering: reads-from never goes against program order, and a load is performed
// before every later store of its thread. The kernel's names are kept (explanation.txt there says
// what they mean). The kernel's model as it is keeps a load before later stores only where something
// says so; a loop that waits for a value does.
#include "tests/explore/reference_axioms.h"

namespace tlblab {

namespace {

class Weak final : public Axioms {
 public:
  Weak(const EventGraph& graph, bool loads_stay) noexcept;
  [[nodiscard]] bool allow(const Communication& said) const noexcept override;

 private:
  [[nodiscard]] Relation unlock_lock(const Communication& said) const noexcept;
  [[nodiscard]] Relation propagation(const Communication& said) const noexcept;
  [[nodiscard]] Relation dependencies(const Communication& said) const noexcept;
  [[nodiscard]] Relation happens_before(const Communication& said,
                                        const Relation& prop) const noexcept;

  const EventGraph* graph_;
  Relation strong_fence_;  // smp_mb, grace periods
  Relation po_release_;
  Relation wmb_;
  Relation fences_;  // all of them
  Relation load_store_;
  bool loads_stay_;
  bool has_dependencies_;
};

Relation mb_and_grace_periods(const EventGraph& graph) noexcept {
  // A grace period orders the fences beside it as well: they may begin and end read sections.
  return between(graph.accesses(), po_across(graph, graph.mb), graph.accesses()) |
         between(graph.all(), graph.po, graph.grace_periods) * maybe(graph.po);
}

Weak::Weak(const EventGraph& graph, bool loads_stay) noexcept
    : graph_(&graph),
      strong_fence_(mb_and_grace_periods(graph)),
      po_release_(between(graph.accesses(), graph.po, graph.releases)),
      wmb_(between(graph.writes, po_across(graph, graph.wmb), graph.writes)),
      fences_(strong_fence_ | po_release_ | wmb_ |
              between(graph.acquires, graph.po, graph.accesses())),
      load_store_(between(loads_stay ? graph.reads : graph.awaits, graph.po, graph.writes)),
      loads_stay_(loads_stay),
      has_dependencies_(!(graph.address | graph.written | graph.control).empty()) {
  const EventSet reads = graph.reads & ~graph.noreturn;  // whose value somebody gets
  fences_ = fences_ | between(reads, po_across(graph, graph.rmb), reads);
}

// Two critical sections on end, of one lock in two threads or of any two locks in one.
Relation Weak::unlock_lock(const Communication& said) const noexcept {
  const Relation next = between(graph_->unlocks, graph_->po | said.rf, graph_->locks);
  return graph_->po * next * graph_->po;
}

// Stores that reach a thread before others do. Release and strong fences are cumulative: they order
// what the thread has read as well; wmb and lock hand-over order its own stores only.
Relation Weak::propagation(const Communication& said) const noexcept {
  const Relation seen = maybe(external(*graph_, said.rf));
  const Relation overwrites = said.co | from_reads(said);
  const Relation rmw_sequence = star(said.rf * graph_->rmw);
  const Relation cumul_fence =
      (seen * (strong_fence_ | po_release_) | wmb_ | unlock_lock(said)) * rmw_sequence;
  return maybe(external(*graph_, overwrites)) * star(cumul_fence) * seen;
}

// A value that goes through an own store is carried on.
Relation Weak::dependencies(const Communication& said) const noexcept {
  const Relation rfi = said.rf & graph_->same_thread;
  if (!has_dependencies_) return graph_->data * rfi;
  const Relation written = graph_->data | graph_->written;
  const Relation carried = star(written * rfi);
  const Relation values = carried * (graph_->address | written);
  return carried * graph_->address | values * rfi |
         between(graph_->all(), values | carried * graph_->control, graph_->writes);
}

Relation Weak::happens_before(const Communication& said, const Relation& prop) const noexcept {
  const Relation identity = Relation::identity(graph_->size());
  const Relation ppo =
      load_store_ | fences_ | dependencies(said) |
      ((said.co | from_reads(said) | unlock_lock(said) | (prop - identity)) & graph_->same_thread);
  return ppo | external(*graph_, said.rf);
}

bool Weak::allow(const Communication& said) const noexcept {
  if (!coherent(*graph_, said) || !atomic(*graph_, said)) return false;
  if (loads_stay_ && !acyclic(graph_->po | said.rf)) return false;
  const Relation prop = propagation(said);
  const Relation hb = plus(happens_before(said, prop));
  if (!hb.irreflexive()) return false;
  const Relation pb = plus(prop * strong_fence_ * maybe(hb));
  return pb.irreflexive() && rcu_allows(*graph_, maybe(hb) * maybe(pb), prop);
}

}  // namespace

std::unique_ptr<Axioms> weak_axioms(const EventGraph& graph) {
  return std::make_unique<Weak>(graph, true);
}

std::unique_ptr<Axioms> kernel_axioms(const EventGraph& graph) {
  return std::make_unique<Weak>(graph, false);
}

}  // namespace tlblab
