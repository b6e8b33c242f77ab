// SPDX-License-Identifier: GPL-2.0-or-later
// What the models share, sequential consistency, and x86's model.
#include "tests/explore/reference_axioms.h"

namespace tlblab {

bool coherent(const EventGraph& graph, const Communication& said) noexcept {
  const Relation po_loc = graph.po & graph.same_location;
  return acyclic(po_loc | said.rf | said.co | from_reads(said));
}

bool atomic(const EventGraph& graph, const Communication& said) noexcept {
  const Relation between_them = external(graph, from_reads(said)) * external(graph, said.co);
  return (graph.rmw & between_them).empty();
}

namespace {

// Chains of grace periods and read sections with at least as many of the former: each of them ends
// after it began, a section that outlives one of the grace periods cannot have begun before it, and
// so on along the chain.
Relation rcu_chains(const EventGraph& graph, const Relation& link) noexcept {
  const Relation gp =
      between(graph.grace_periods, Relation::identity(graph.size()), graph.grace_periods);
  const Relation& section = graph.sections;
  Relation chains = gp | gp * link * section | section * link * gp;
  for (;;) {
    const Relation linked = link * chains * link;
    const Relation more =
        chains | gp * linked * section | section * linked * gp | chains * link * chains;
    if (more == chains) return chains;
    chains = more;
  }
}

}  // namespace

bool rcu_allows(const EventGraph& graph, const Relation& before, const Relation& prop) noexcept {
  if (graph.grace_periods == 0) return true;  // every chain needs one
  const Relation some_po = maybe(graph.po);
  const Relation fence = graph.po * rcu_chains(graph, some_po * before * prop * graph.po) * some_po;
  return (prop * fence * before).irreflexive();
}

namespace {

// Models in which all accesses are ordered by one memory: program order is kept whole, or all but
// what the store buffer lets pass.
class OneMemory final : public Axioms {
 public:
  OneMemory(const EventGraph& graph, const Relation& kept) noexcept
      : graph_(&graph), kept_(between(graph.accesses(), kept, graph.accesses())) {}

  [[nodiscard]] bool allow(const Communication& said) const noexcept override {
    const Relation order = plus(kept_ | external(*graph_, said.rf) | said.co | from_reads(said));
    return coherent(*graph_, said) && atomic(*graph_, said) && order.irreflexive() &&
           rcu_allows(*graph_, maybe(order), Relation::identity(graph_->size()));
  }

 private:
  const EventGraph* graph_;
  Relation kept_;
};

// A store may be overtaken by later loads of its CPU, unless there is a fence or a locked
// instruction between them or either is one.
Relation tso_order(const EventGraph& graph) noexcept {
  const Relation overtaken = Relation::product(graph.size(), graph.writes, graph.reads);
  return (graph.po - overtaken) | po_across(graph, graph.mb | graph.grace_periods) |
         between(graph.all(), graph.po, graph.locked) |
         between(graph.locked, graph.po, graph.all()) | po_across(graph, graph.locked);
}

}  // namespace

std::unique_ptr<Axioms> axioms_of(MemoryModel model, const EventGraph& graph) {
  switch (model) {
    case MemoryModel::sc: return std::make_unique<OneMemory>(graph, graph.po);
    case MemoryModel::tso: return std::make_unique<OneMemory>(graph, tso_order(graph));
    case MemoryModel::weak: return weak_axioms(graph);
  }
  return nullptr;
}

}  // namespace tlblab
