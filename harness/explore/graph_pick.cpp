// SPDX-License-Identifier: GPL-2.0-or-later
// Graph search: one execution, in which somebody else says what is read. Operations come in
// the order in which they are made, so each graph is one that the model allows, and each that it allows
// can come of it. Under sc that order is the one that everybody sees: there is nothing to be said.
#include <algorithm>

#include "harness/explore/graph_search.h"

namespace tlblab {

void GraphSearch::begin_empty() {
  forget_graphs();
  growing_.forget();
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
  if (event.modifies && parts_modify(event.location, event.source)) return false;
  if (const auto may = growing_.may_add(graph(), event, initial_write)) return *may;
  return allowed_with(event, initial_write) && (!event.modifies || can_follow(event));
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

// Without `behind` the place is picked.
void GraphSearch::pick_place(const GraphEvent& event, std::optional<EventId> behind) {
  add_locations();
  if (!behind) {
    const std::vector<EventId>& writes = graph().location(event.location).writes;
    choices_.clear();
    if (model_ != MemoryModel::sc) collect_older_places(event);
    choices_.push_back(writes.empty() ? initial_write : writes.back());
    std::ranges::reverse(choices_);
    behind = picked();
  }
  level().graph.add(event, *behind);
}

}  // namespace tlblab
