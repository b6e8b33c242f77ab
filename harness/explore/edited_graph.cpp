// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/edited_graph.h"

namespace tlblab {

namespace {

constexpr EventId none = initial_write;

}  // namespace

EditedGraph::EditedGraph(const ExecutionGraph& from,
                         std::span<const PutFence> fences,
                         const std::vector<bool>& left_out)
    : from_(from), numbers_(from.size(), none) {
  graph_.clear(from.threads());
  for (const GraphLocation& location : from.locations()) graph_.add_location(location.initial);
  for (unsigned n = 0; n < from.size(); ++n) {
    const auto id = static_cast<EventId>(n);
    put(fences, id, false);
    if (left_out.empty() || !left_out[id]) add(id);
    put(fences, id, true);
  }
}

void EditedGraph::put(std::span<const PutFence> fences, EventId at, bool behind) {
  for (const PutFence& fence : fences) {
    if (fence.at != at || fence.behind != behind) continue;
    GraphEvent event;
    event.kind = fence.kind;
    event.thread = from_.event(at).thread;
    graph_.add(event);
  }
}

// Of this write and those before it in coherence; the new number.
EventId EditedGraph::last_there(unsigned location, EventId write) const {
  const std::vector<EventId>& writes = from_.location(location).writes;
  for (std::size_t place = from_.place_of(location, write); place > 0; --place)
    if (numbers_[writes[place - 1]] != none) return numbers_[writes[place - 1]];
  return none;
}

// What the event follows. A read that is missing orders nothing, of what an unlock has before it the
// last that is there does.
std::uint16_t EditedGraph::place_there(const GraphEvent& event) const {
  const auto thread = from_.thread(event.thread);
  for (unsigned place = event.follows; place > 0; --place) {
    if (const EventId number = numbers_[thread[place - 1]]; number != none)
      return static_cast<std::uint16_t>(graph_.event(number).po + 1);
    if (event.kind != GraphEventKind::unlock_lock) return 0;
  }
  return 0;
}

void EditedGraph::add(EventId id) {
  GraphEvent event = from_.event(id);
  event.cause = event.cause == none ? none : numbers_[event.cause];
  event.waited_for = event.waited_for == none ? none : numbers_[event.waited_for];
  event.source = event.is_read() ? last_there(event.location, event.source) : none;
  event.follows = place_there(event);
  numbers_[id] = graph_.add(event, event.is_write() ? last_there(event.location, id) : none);
}

}  // namespace tlblab
