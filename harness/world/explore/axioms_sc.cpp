// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/axioms_sc.h"

namespace tlblab {

bool SequentialOrder::exists(const ExecutionGraph& graph) {
  begin(graph);
  unsigned left = graph.size();
  for (unsigned made = 1; made != 0 && left != 0; left -= made) {
    made = 0;
    for (unsigned t = 0; t < graph.threads(); ++t) made += run(graph, t);
  }
  return left == 0;
}

void SequentialOrder::begin(const ExecutionGraph& graph) {
  at_.assign(graph.threads(), 0);
  held_.assign(graph.locations().size(), {});
  reads_.assign(graph.size(), 0);
  for (std::size_t location = 0; location < held_.size(); ++location)
    for (const EventId read : graph.location(static_cast<unsigned>(location)).reads) {
      const EventId source = graph.event(read).source;
      ++(source == initial_write ? held_[location].unread : reads_[source]);
    }
}

// The thread goes on as far as it can.
unsigned SequentialOrder::run(const ExecutionGraph& graph, unsigned thread) {
  const auto events = graph.thread(thread);
  std::size_t& at = at_[thread];
  const std::size_t before = at;
  while (at < events.size() && go(graph, graph.event(events[at]), events[at])) ++at;
  return static_cast<unsigned>(at - before);
}

bool SequentialOrder::go(const ExecutionGraph& graph, const GraphEvent& event, EventId id) {
  if (!event.is_access()) return true;
  if (event.is_write()) return write(graph, event, id);
  Held& held = held_[event.location];
  if (held.write != event.source) return false;
  --held.unread;
  return true;
}

bool SequentialOrder::write(const ExecutionGraph& graph, const GraphEvent& event, EventId id) {
  Held& held = held_[event.location];
  if (held.unread != 0 || graph.location(event.location).writes[held.next] != id) return false;
  const bool follows = !event.modifies ||
                       graph.event(graph.thread(event.thread)[event.po - 1U]).source == held.write;
  if (!follows) return false;
  held = {id, held.next + 1, reads_[id]};
  return true;
}

}  // namespace tlblab
