// SPDX-License-Identifier: GPL-2.0-or-later
// Graph search, second part: what happened is taken back for what could have happened instead. Locks
// that are handed on, and reads that read a later write.
#include <algorithm>

#include "harness/explore/graph_search.h"

namespace tlblab {

namespace {

constexpr EventId none = initial_write;

}  // namespace

template <class Keeps>
void GraphSearch::keep(Keeps keeps) const {
  kept_.clear();
  for (unsigned e = 0; e < graph().size(); ++e)
    if (keeps(static_cast<EventId>(e))) kept_.push_back(static_cast<EventId>(e));
}

// ---- locks ----------------------------------------------------------------------------------------

// They did not wait for the lock: spin_trylock, spin_is_locked.
void GraphSearch::offer_to_those_who_look(const GraphEvent& event, EventId after) {
  Level& top = level();
  const EventId unlock = top.graph.add(event, after);
  for (const EventId read : top.graph.location(event.location).reads)
    if (!top.graph.event(read).awaits && !top.graph.in_prefix(read, top.graph.event(unlock)) &&
        maximally_added(read, unlock))
      top.alternatives.push_back({after, read});
  top.graph.remove_last();
}

// Who has waited longest takes the lock, and that anybody else might have taken it is an alternative.
bool GraphSearch::add_unlock(const GraphEvent& event) {
  begin_node(event);
  Level& top = level();
  const GraphLocation& location = top.graph.location(event.location);
  EventId first = none;
  for (const EventId read : location.reads) {
    if (!top.graph.event(read).waits()) continue;
    if (first == none || top.graph.event(read).stamp < top.graph.event(first).stamp) first = read;
  }
  const EventId after = location.writes.back();
  offer_to_those_who_look(event, after);
  if (first == none) {
    const bool can = last_is_allowed() || allowed_with(event, after);
    if (can) top.graph.add(event, after);
    end_node();
    return can;
  }
  for (const EventId read : location.reads)
    if (top.graph.event(read).waits() && read != first) top.alternatives.push_back({none, read});
  const Node node = top.nodes.back();
  end_node();
  return hand_over(node, first);
}

// The read, which waits, takes the lock now. Nothing else changes.
bool GraphSearch::hand_over(const Node& node, EventId read) {
  GraphEvent taker = graph().event(read);
  keep([&](EventId id) { return id != read; });
  ExecutionGraph& next = copy_kept(read);
  const EventId unlock = next.add(node.event, next.location(node.event.location).writes.back());
  taker.waited_for = next.renumbered(taker.waited_for);
  taker.cause = next.renumbered(taker.cause);
  taker.read_value(unlock, node.event.value);
  next.add_again(taker);
  return enter_level(!strict_) && add_modify_write();
}

// The read was handed its lock, and nobody who had waited longer was passed over.
bool GraphSearch::was_next(EventId read) const {
  const GraphEvent& taker = graph().event(read);
  if (!taker.lock || taker.waited_for == none) return false;
  const GraphLocation& location = graph().location(taker.location);
  const std::uint16_t handed = graph().event(taker.source).stamp;
  const unsigned place = graph().place_of(taker.location, taker.source);
  return std::ranges::none_of(location.reads, [&](EventId other) {
    const GraphEvent& event = graph().event(other);
    const bool waited_longer = event.lock && event.waited_for != none &&
                               event.stamp < taker.stamp &&
                               graph().event(event.waited_for).stamp < handed;
    return waited_longer &&
           (event.waits() || graph().place_of(event.location, event.source) > place);
  });
}

// ---- revisits -------------------------------------------------------------------------------------

// The thread was stuck before this write when the read was there already, and others have moved since:
// the graph that would come of it has been made. With another source it would be another.
bool GraphSearch::was_offered(EventId read, EventId write) const {
  const GraphEvent& event = graph().event(write);
  const auto thread = graph().thread(event.thread);
  const unsigned own = event.po - (event.modifies ? 1U : 0U);  // its first event
  int there = graph().event(read).stamp;
  if (own != 0) there = std::max<int>(there, graph().event(thread[own - 1]).stamp);
  if (const EventId source = graph().event(thread[own]).source; event.modifies && source != none)
    there = std::max<int>(there, graph().event(source).stamp);
  return std::ranges::any_of(graph().events(), [&](const GraphEvent& later) {
    return (later.stuck >> event.thread & 1U) != 0 && later.stamp > there;
  });
}

// It came after the read and did not lead to the write.
bool GraphSearch::taken_away(EventId event, EventId read, EventId write) const noexcept {
  return event != write && graph().event(event).stamp > graph().event(read).stamp &&
         !graph().in_prefix(event, graph().event(write));
}

bool GraphSearch::maximally_added(EventId read, EventId write) const {
  if (!added_last(read, write)) return false;
  for (unsigned e = 0; e < graph().size(); ++e)
    if (taken_away(static_cast<EventId>(e), read, write) &&
        !added_last(static_cast<EventId>(e), write))
      return false;
  return true;
}

// Of what was there before the event, or led to the write: nothing that the event could have read, or
// been behind of, lies behind it in coherence; and nothing reads from it.
bool GraphSearch::added_last(EventId id, EventId write) const {
  const GraphEvent& event = graph().event(id);
  if (event.kind == GraphEventKind::choice) return event.value == 0;
  if (!event.is_access()) return true;
  const GraphLocation& location = graph().location(event.location);
  const EventId own = event.is_write() ? id : event.source;
  for (std::size_t n = graph().place_of(event.location, own); n < location.writes.size(); ++n) {
    const EventId behind = location.writes[n];
    if (was_there(behind, id, write) && (!strict_ || could_be(id, behind, write))) return false;
  }
  if (event.is_read()) return true;
  return std::ranges::none_of(location.reads, [&](EventId read) {
    const GraphEvent& reader = graph().event(read);
    if (!was_there(read, id, write)) return false;
    if (reader.waited_for == id) return true;
    return reader.source == id && !was_next(read);  // else it simply waits again
  });
}

// The event was there when `than` was added, or led to the write.
bool GraphSearch::was_there(EventId event, EventId than, EventId write) const noexcept {
  return event != write && (graph().event(event).stamp <= graph().event(than).stamp ||
                            graph().in_prefix(event, graph().event(write)));
}

// With what was there, the event could have read from this, or been behind it.
bool GraphSearch::could_be(EventId id, EventId behind, EventId write) const {
  keep([&](EventId e) { return e != id && was_there(e, id, write); });
  scratch_.copy(graph(), kept_, id);
  GraphEvent event = graph().event(id);
  event.cause = scratch_.renumbered(event.cause);
  const EventId where = scratch_.renumbered(behind);
  if (event.is_read()) event.read_value(where, graph().event(behind).value);
  scratch_.add(event, where);
  return is_allowed(scratch_);
}

// The graph of a level above this one: what is kept, with room for the read.
ExecutionGraph& GraphSearch::copy_kept(EventId read) {
  if (levels_.size() == depth_ + 1) levels_.push_back(std::make_unique<Level>());
  Level& fresh = *levels_[depth_ + 1];
  fresh.nodes.clear();
  fresh.alternatives.clear();
  fresh.graph.copy(graph(), kept_, read);
  return fresh.graph;
}

// Goes on with that graph. False: the model forbids it.
bool GraphSearch::enter_level(bool surely_allowed) {
  ++depth_;
  counts_.deepest = std::max(counts_.deepest, depth_);
  if (surely_allowed || allowed()) return true;
  --depth_;
  return false;
}

// Who was handed a lock and keeps it may have lost the write that takes it; nobody else can have it.
bool GraphSearch::take_locks_again() {
  ExecutionGraph& graph = level().graph;
  for (unsigned t = 0; t < threads_; ++t) {
    const auto thread = graph.thread(t);
    if (thread.empty()) continue;
    const GraphEvent last = graph.event(thread.back());
    if (!last.is_read() || !last.lock || !last.modifies) continue;
    const GraphEvent event = write_of(last);
    if (!allowed_with(event, last.source)) return false;
    graph.add(event, last.source);
  }
  return true;
}

bool GraphSearch::take_revisit(const Node& node, const Alternative& alternative) {
  ExecutionGraph& old = level().graph;
  GraphEvent read = old.event(alternative.read);
  const EventId added = old.add(node.event, alternative.write);
  keep([&](EventId id) {
    return id != alternative.read && id != added && !taken_away(id, alternative.read, added);
  });
  old.remove_last();
  ExecutionGraph& next = copy_kept(alternative.read);
  const EventId write = next.add(node.event, next.renumbered(alternative.write));
  read.cause = next.renumbered(read.cause);
  read.read_value(write, node.event.value);
  if (read.lock && read.waits()) read.waited_for = write;
  read.window_over = false;
  next.add_again(read);
  if (!enter_level(false)) return false;
  return (!read.modifies || add_modify_write()) && take_locks_again();
}

}  // namespace tlblab
