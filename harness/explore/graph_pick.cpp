// SPDX-License-Identifier: GPL-2.0-or-later
// Graph search: one execution, in which somebody else says what is read. Operations come in
// the order in which they are made, so each graph is one that the model allows, and each that it allows
// can come of it. Under sc that order is the one that everybody sees: there is nothing to be said.
#include "harness/explore/graph_search.h"

namespace tlblab {

void GraphSearch::begin_empty() {
  depth_ = 0;
  Level& only = level();
  only.nodes.clear();
  only.alternatives.clear();
  only.graph.clear(threads_);
  initial_.clear();
  again();
}

void GraphSearch::chose(unsigned thread, unsigned value) {
  GraphEvent event = event_of({.thread = thread}, GraphEventKind::choice);
  event.value = value;
  level().graph.add(event);
  ++counts_.steps;
  ++at_[thread];
}

EventId GraphSearch::picked() const { return choices_[choices_.size() == 1 ? 0 : pick_(choices_)]; }

// It can, and what it writes could follow. Between the parts of another nothing comes.
bool GraphSearch::can_be_read(const GraphEvent& event) {
  ExecutionGraph& graph = level().graph;
  const std::vector<EventId>& writes = graph.location(event.location).writes;
  const EventId next = writes[graph.place_of(event.location, event.source)];
  if (event.modifies && graph.event(next).modifies) return false;
  graph.add(event);
  const bool can = allowed() && (!event.modifies || allowed_with(write_of(event), event.source));
  graph.remove_last();
  return can;
}

bool GraphSearch::pick_source(GraphEvent event) {
  add_locations();
  const ExecutionGraph& graph = level().graph;
  const GraphLocation& location = graph.location(event.location);
  const std::size_t last = location.writes.size();
  const std::size_t known = model_ == MemoryModel::sc ? last : known_place(event);
  choices_.clear();
  for (std::size_t place = last + 1; place-- > known;) {
    const EventId source = place == 0 ? initial_write : location.writes[place - 1];
    event.read_value(source, graph.value_of(event.location, source));
    if (!event.waits() && (place == last || can_be_read(event))) choices_.push_back(source);
  }
  if (choices_.empty()) return false;
  const EventId source = picked();
  event.read_value(source, graph.value_of(event.location, source));
  level().graph.add(event);
  return !event.modifies || add_modify_write();
}

void GraphSearch::collect_places(const GraphEvent& event) {
  const ExecutionGraph& graph = level().graph;
  const std::vector<EventId>& writes = graph.location(event.location).writes;
  choices_.assign({writes.empty() ? initial_write : writes.back()});
  if (model_ == MemoryModel::sc) return;
  for (std::size_t place = writes.size(); place-- > known_place(event);) {
    if (graph.event(writes[place]).modifies) continue;  // belongs to what is before it
    const EventId after = place == 0 ? initial_write : writes[place - 1];
    if (allowed_with(event, after)) choices_.push_back(after);
  }
}

bool GraphSearch::pick_place(const GraphEvent& event, std::optional<EventId> behind) {
  add_locations();
  if (!behind) collect_places(event);
  level().graph.add(event, behind ? *behind : picked());
  return true;
}

}  // namespace tlblab
