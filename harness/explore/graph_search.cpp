// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/graph_search.h"

#include <algorithm>

namespace tlblab {

namespace {

constexpr EventId none = initial_write;

constexpr Modify take_lock{.op = Modify::compare_exchange, .o = order::acquire, .operand = 1};

bool waits(const GraphEvent& event) noexcept { return event.awaits && event.value != event.wanted; }

}  // namespace

template <class Keeps>
void GraphSearch::keep(Keeps keeps) const {
  kept_.clear();
  for (unsigned e = 0; e < graph().size(); ++e)
    if (keeps(static_cast<EventId>(e))) kept_.push_back(static_cast<EventId>(e));
}

GraphSearch::GraphSearch(MemoryModel model, unsigned threads) : model_(model), threads_(threads) {
  levels_.push_back(std::make_unique<Level>());
  level().graph.clear(threads);
}

unsigned GraphSearch::add_location(std::uint64_t initial) {
  initial_.push_back(initial);
  return static_cast<unsigned>(initial_.size() - 1);
}

// ---- one execution after the other ----------------------------------------------------------------

bool GraphSearch::next() {
  at_.assign(threads_, 0);
  waiting_locks_.assign(threads_, std::nullopt);
  cut_ = false;
  if (!started_) return started_ = true;
  for (;;) {
    Level& top = level();
    if (top.nodes.empty()) {
      if (depth_ == 0) return false;
      --depth_;
      continue;
    }
    Node& node = top.nodes.back();
    while (top.graph.size() > node.size) top.graph.remove_last();
    if (node.next == top.alternatives.size()) {
      top.alternatives.resize(node.first);
      top.nodes.pop_back();
    } else if (take(node)) {
      return true;
    }
  }
}

void GraphSearch::end(std::uint32_t waiting) {
  if (overtaken()) {
    ++counts_.blocked;
  } else {
    ++counts_.executions;
    if (waiting != 0) ++counts_.deadlocks;
  }
  for (const auto& lock : waiting_locks_)
    if (lock) add_read(*lock);
}

// A thread that waits has read what was overwritten since: not a deadlock; that it reads the later
// write is a revisit of its own.
bool GraphSearch::overtaken() const {
  return std::ranges::any_of(graph().locations(), [&](const GraphLocation& location) {
    return std::ranges::any_of(location.reads, [&](EventId read) {
      const GraphEvent& event = graph().event(read);
      return waits(event) && !event.lock && !location.writes.empty() &&
             event.source != location.writes.back();
    });
  });
}

void GraphSearch::cut() noexcept {
  cut_ = true;
  ++counts_.blocked;
}

// True: there is an execution with it; the graph is the one to begin with.
bool GraphSearch::take(Node& node) {
  const Alternative alternative = level().alternatives[node.next++];
  const Node taken = node;  // which a revisit moves
  if (alternative.read != none && taken.event.lock && taken.event.release)
    return hand_over(taken, alternative.read);
  if (alternative.read != none) return take_revisit(taken, alternative);
  GraphEvent event = taken.event;
  ExecutionGraph& graph = level().graph;
  if (event.is_write()) {
    graph.add(event, alternative.write);
    return true;
  }
  event.read_value(alternative.write, graph.value_of(event.location, alternative.write));
  graph.add(event);
  return !event.modifies || add_modify_write();
}

// ---- the operations of a thread -------------------------------------------------------------------

std::optional<EventId> GraphSearch::repeated(unsigned thread) {
  ++counts_.steps;
  const auto events = graph().thread(thread);
  if (at_[thread] >= events.size()) {
    ++at_[thread];
    return std::nullopt;
  }
  ++counts_.repeated;
  const EventId id = events[at_[thread]];
  const GraphEvent& event = graph().event(id);
  at_[thread] =
      static_cast<std::uint16_t>(at_[thread] + (event.is_read() && event.modifies ? 2 : 1));
  return id;
}

std::uint64_t GraphSearch::read_was(EventId id) noexcept {
  last_read_ = id;
  return graph().event(id).value;
}

GraphEvent GraphSearch::event_of(const Access& access, GraphEventKind kind) {
  GraphEvent event;
  event.kind = kind;
  event.thread = static_cast<std::uint8_t>(access.thread);
  event.location = static_cast<std::uint16_t>(access.location);
  event.address_from = access.address_from;
  event.data_from = access.data_from;
  return event;
}

// A new read, and the write that belongs to it if it modifies. Returns what was read.
std::uint64_t GraphSearch::make_read(const GraphEvent& event) {
  if (!add_read(event)) cut();
  const bool wrote = graph().event(graph().size() - 1).is_write();
  if (wrote) ++at_[event.thread];
  return read_was(static_cast<EventId>(graph().size() - (wrote ? 2 : 1)));
}

std::uint64_t GraphSearch::load(const Access& access) {
  if (const auto id = repeated(access.thread)) return read_was(*id);
  GraphEvent event = event_of(access, GraphEventKind::read);
  event.acquire = access.o == order::acquire;
  return make_read(event);
}

void GraphSearch::store(const Access& access, std::uint64_t value) {
  if (repeated(access.thread)) return;
  GraphEvent event = event_of(access, GraphEventKind::write);
  event.release = access.o == order::release;
  event.value = value;
  if (!add_write(event, std::nullopt)) cut();
}

std::uint64_t GraphSearch::modify(const Access& access, const Modify& modify, bool noreturn) {
  if (const auto id = repeated(access.thread)) return read_was(*id);
  GraphEvent event = event_of(access, GraphEventKind::read);
  event.modify = modify;
  event.noreturn = noreturn;
  return make_read(event);
}

void GraphSearch::fence(unsigned thread, GraphEventKind kind) {
  strict_ |= kind == GraphEventKind::grace_period;
  if (repeated(thread)) return;
  level().graph.add(event_of({.thread = thread}, kind));
}

std::optional<std::uint64_t> GraphSearch::await(const Access& access, std::uint64_t wanted) {
  const auto id = repeated(access.thread);
  GraphEvent event = event_of(access, GraphEventKind::read);
  event.acquire = access.o == order::acquire;
  event.awaits = true;
  event.wanted = wanted;
  if ((id ? read_was(*id) : make_read(event)) == wanted) return wanted;
  static_cast<void>(wait(access.thread, id.has_value()));
  return std::nullopt;
}

// The operation was not made, whether it is new or was repeated; it will be asked for again.
bool GraphSearch::wait(unsigned thread, bool was_repeated) {
  --at_[thread];
  --counts_.steps;
  if (was_repeated) --counts_.repeated;
  return false;
}

GraphEvent GraphSearch::read_of_lock(unsigned thread, unsigned location) {
  GraphEvent event = event_of({.thread = thread, .location = location}, GraphEventKind::read);
  event.lock = true;
  return event;
}

bool GraphSearch::lock(unsigned thread, unsigned location) {
  if (const auto id = repeated(thread)) return graph().event(*id).modifies || wait(thread, true);
  GraphEvent event = read_of_lock(thread, location);
  event.awaits = true;
  event.modify = take_lock;
  add_locations();
  if (graph().last_value(location) != 0) {
    waiting_locks_[thread] = event;
    return wait(thread, false);
  }
  waiting_locks_[thread].reset();
  make_read(event);
  return true;
}

bool GraphSearch::trylock(unsigned thread, unsigned location) {
  if (const auto id = repeated(thread)) return graph().event(*id).modifies;
  GraphEvent event = read_of_lock(thread, location);
  event.modify = take_lock;
  return make_read(event) == 0;
}

bool GraphSearch::is_locked(unsigned thread, unsigned location) {
  const auto id = repeated(thread);
  return (id ? read_was(*id) : make_read(read_of_lock(thread, location))) != 0;
}

void GraphSearch::unlock(unsigned thread, unsigned location) {
  if (repeated(thread)) return;
  GraphEvent event = event_of({.thread = thread, .location = location}, GraphEventKind::write);
  event.lock = true;
  event.release = true;
  if (!add_unlock(event)) cut();
}

// ---- what is added, and what else it could have been ----------------------------------------------

bool GraphSearch::allowed() {
  ++counts_.checked;
  return consistent(graph(), model_);
}

bool GraphSearch::allowed_with(const GraphEvent& event, EventId after) {
  level().graph.add(event, after);
  const bool is_allowed = allowed();
  level().graph.remove_last();
  return is_allowed;
}

void GraphSearch::add_locations() {
  ExecutionGraph& graph = level().graph;
  while (graph.locations().size() < initial_.size())
    graph.add_location(initial_[graph.locations().size()]);
}

void GraphSearch::begin_node(const GraphEvent& event) {
  add_locations();
  Level& top = level();
  top.nodes.push_back({event, top.graph.size(), top.alternatives.size(), top.alternatives.size()});
}

void GraphSearch::end_node() {
  Level& top = level();
  if (top.nodes.back().first == top.alternatives.size()) top.nodes.pop_back();
}

// The oldest place in coherence that the thread can still see.
unsigned GraphSearch::known_place(const GraphEvent& event) const {
  const auto thread = graph().thread(event.thread);
  for (std::size_t po = thread.size(); po-- > 0;) {
    const GraphEvent& earlier = graph().event(thread[po]);
    if (!earlier.is_access() || earlier.location != event.location) continue;
    return graph().place_of(event.location, earlier.is_write() ? thread[po] : earlier.source);
  }
  return 0;
}

// False: it cannot read anything, or not so that its own write could follow; then only what it might
// have read is left to be tried.
bool GraphSearch::add_read(GraphEvent event) {
  begin_node(event);
  Level& top = level();
  const GraphLocation& location = top.graph.location(event.location);
  const std::size_t last = location.writes.size(), known = known_place(event);
  std::optional<EventId> chosen;
  for (std::size_t place = last + 1; place-- > known;) {
    const EventId source = place == 0 ? initial_write : location.writes[place - 1];
    event.read_value(source, top.graph.value_of(event.location, source));
    if (waits(event) && place != last) continue;  // nothing can come of it
    if ((place != last || strict_) && !allowed_with(event, none)) continue;
    if (!chosen && (!event.awaits || !event.lock || place == last))
      chosen = source;
    else
      top.alternatives.push_back({source, none});
  }
  end_node();
  if (!chosen) return false;
  event.read_value(*chosen, top.graph.value_of(event.location, *chosen));
  top.graph.add(event);
  return !event.modifies || add_modify_write();
}

GraphEvent GraphSearch::write_of(const GraphEvent& read) {
  GraphEvent event =
      event_of({.thread = read.thread, .location = read.location}, GraphEventKind::write);
  event.modifies = true;
  event.lock = read.lock;
  event.value = read.modify.result(read.value);
  event.full = read.full;
  event.release = read.modify.o == order::release;
  return event;
}

// The write part of the read that was added last. False: it cannot be, something else lies there.
bool GraphSearch::add_modify_write() {
  const GraphEvent& read = graph().event(graph().size() - 1);
  return add_write(write_of(read), read.source);
}

// Behind this write in coherence; without one it may be anywhere, and is behind all others if it can
// be. False: it cannot be there; then only revisits are left to be tried.
bool GraphSearch::add_write(const GraphEvent& event, std::optional<EventId> behind) {
  begin_node(event);
  Level& top = level();
  const std::vector<EventId>& writes = top.graph.location(event.location).writes;
  const EventId last = writes.empty() ? initial_write : writes.back();
  EventId after = behind.value_or(last);
  bool can = (after == last && !strict_) || allowed_with(event, after);
  if (!behind) offer_older_places(event);
  if (!can && !behind && top.alternatives.size() != top.nodes.back().first) {
    after = top.alternatives.back().write;
    top.alternatives.pop_back();
    can = true;
  }
  offer_revisits(top.graph.add(event, after), behind);
  if (!can) top.graph.remove_last();
  end_node();
  return can;
}

void GraphSearch::offer_older_places(const GraphEvent& event) {
  Level& top = level();
  const std::vector<EventId>& writes = top.graph.location(event.location).writes;
  const std::size_t count = writes.size();
  for (std::size_t place = known_place(event); place < count; ++place) {
    if (top.graph.event(writes[place]).modifies) continue;  // belongs to what is before it
    const EventId after = place == 0 ? initial_write : writes[place - 1];
    if (allowed_with(event, after)) top.alternatives.push_back({after, none});
  }
}

void GraphSearch::offer_revisits(EventId write, std::optional<EventId> behind) {
  Level& top = level();
  const GraphEvent& event = top.graph.event(write);
  const GraphLocation& location = top.graph.location(event.location);
  for (const EventId read : location.reads) {
    if (top.graph.in_prefix(read, event)) continue;
    if (!maximally_added(read, write)) continue;
    top.alternatives.push_back({behind.value_or(initial_write), read});
    if (behind) continue;
    for (const EventId after : location.writes)
      if (after != write && !taken_away(after, read, write))
        top.alternatives.push_back({after, read});
  }
}

// Who has waited longest takes the lock, and that anybody else might have taken it is an alternative.
bool GraphSearch::add_unlock(const GraphEvent& event) {
  begin_node(event);
  Level& top = level();
  const GraphLocation& location = top.graph.location(event.location);
  EventId first = none;
  for (const EventId read : location.reads) {
    if (!waits(top.graph.event(read))) continue;
    if (first == none || top.graph.event(read).stamp < top.graph.event(first).stamp) first = read;
  }
  if (first == none) {
    const EventId after = location.writes.back();
    const bool can = !strict_ || allowed_with(event, after);
    if (can) top.graph.add(event, after);
    end_node();
    return can;
  }
  for (const EventId read : location.reads)
    if (waits(top.graph.event(read)) && read != first) top.alternatives.push_back({none, read});
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
           (waits(event) || graph().place_of(event.location, event.source) > place);
  });
}

// ---- revisits -------------------------------------------------------------------------------------

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
  const EventId where = scratch_.renumbered(behind);
  if (event.is_read()) event.read_value(where, graph().event(behind).value);
  scratch_.add(event, where);
  ++counts_.checked;
  return consistent(scratch_, model_);
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
  read.read_value(write, node.event.value);
  if (read.lock && waits(read)) read.waited_for = write;
  next.add_again(read);
  if (!enter_level(false)) return false;
  return (!read.modifies || add_modify_write()) && take_locks_again();
}

}  // namespace tlblab
