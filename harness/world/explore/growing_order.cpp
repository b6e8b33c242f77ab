// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/growing_order.h"

#include "harness/world/explore/growing_tso.h"
#include "harness/world/explore/growing_weak.h"

namespace tlblab {

namespace {

template <template <unsigned> class Relations>
std::unique_ptr<GrowingRelations> with_room_for(unsigned events, unsigned threads) {
  if (events <= 64) return std::make_unique<Relations<1>>(threads);
  if (events <= 128) return std::make_unique<Relations<2>>(threads);
  if (events <= 256) return std::make_unique<Relations<4>>(threads);
  if (events <= 1024) return std::make_unique<Relations<16>>(threads);
  return std::make_unique<Relations<64>>(threads);
}

}  // namespace

void GrowingOrder::remove_read(const ExecutionGraph& graph) {
  if (relations_ != nullptr && relations_->size() == graph.size())
    relations_->remove_read(graph.event(graph.size() - 1));
}

std::optional<bool> GrowingOrder::may_add(const ExecutionGraph& graph,
                                          const GraphEvent& event,
                                          EventId behind) {
  // The second part of a read-modify-write is a question of its own, unless both have the same before
  // them.
  const bool is_two = event.modifies && (model_ == MemoryModel::weak || event.implied);
  if (graph.has_grace_period() || is_two) return std::nullopt;
  if (relations_ == nullptr || relations_->room() < graph.size())
    relations_ = model_ == MemoryModel::weak
                     ? with_room_for<GrowingWeak>(graph.size(), graph.threads())
                     : with_room_for<GrowingTso>(graph.size(), graph.threads());
  while (relations_->size() < graph.size()) relations_->add(graph);
  return relations_->may_add(graph, event, behind);
}

}  // namespace tlblab
