// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/graph_search.h"

#include <algorithm>

namespace tlblab {

namespace {

constexpr EventId none = initial_write;

constexpr Modify take_lock{.op = Modify::compare_exchange, .o = order::acquire, .operand = 1};

bool waits(const GraphEvent& event) noexcept { return event.waits(); }

}  // namespace

GraphSearch::GraphSearch(MemoryModel model, unsigned threads)
    : model_(model), threads_(threads), growing_(model), axioms_(model) {
  levels_.push_back(std::make_unique<Level>());
  level().graph.clear(threads);
}

unsigned GraphSearch::add_location(std::uint64_t initial) {
  initial_.push_back(initial);
  return static_cast<unsigned>(initial_.size() - 1);
}

// ---- one execution after the other ----------------------------------------------------------------

void GraphSearch::forget_graphs() {
  depth_ = 0;
  level().graph.clear(threads_);
  level().nodes.clear();
  level().alternatives.clear();
}

void GraphSearch::again() {
  at_.assign(threads_, 0);
  blocks_.assign(threads_, {});
  waiting_locks_.assign(threads_, std::nullopt);
  for (Additions& additions : additions_) additions.made.assign(additions.made.size(), 0);
  cut_ = ended_ = false;
  stuck_ = 0;
  size_if_stuck_.assign(threads_, 0);
}

bool GraphSearch::next() {
  again();
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
    if (node.next == node.end) {
      top.alternatives.resize(node.first);
      top.nodes.pop_back();
    } else if (take(node)) {
      return true;
    }
  }
}

void GraphSearch::end(std::uint32_t waiting) {
  if (stuck_ != 0 || overtaken()) {
    ++counts_.blocked;
  } else {
    ++counts_.executions;
    if (waiting != 0) ++counts_.deadlocks;
  }
  ended_ = true;
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

// The next event of the thread. What others do may change that, or take away what is in its way.
void GraphSearch::cannot_be(unsigned thread) {
  if (!may_stick()) return cut();
  stuck_ = static_cast<std::uint16_t>(stuck_ | 1U << thread);
  size_if_stuck_[thread] = graph().size();
  static_cast<void>(wait(thread, false));
}

// Nothing has been added since.
bool GraphSearch::is_stuck_still(unsigned thread) {
  if (size_if_stuck_[thread] != graph().size() || graph().size() == 0) return false;
  cannot_be(thread);
  return true;
}

// True: there is an execution with it; the graph is the one to begin with.
bool GraphSearch::take(Node& node) {
  const Alternative alternative = level().alternatives[node.next++];
  const Node taken = node;  // which a revisit moves
  if (alternative.read != none && taken.event.lock && taken.event.release &&
      graph().event(alternative.read).awaits)
    return hand_over(taken, alternative.read);
  if (alternative.read != none) return take_revisit(taken, alternative);
  GraphEvent event = taken.event;
  ExecutionGraph& graph = level().graph;
  if (event.kind == GraphEventKind::choice) {
    event.value = alternative.write;
    graph.add(event);
    return true;
  }
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
  stuck_ = static_cast<std::uint16_t>(stuck_ & ~(1U << thread));
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

// The value is that of the write now: a program that runs again may write another address.
std::uint64_t GraphSearch::read_was(EventId id) noexcept {
  last_read_ = id;
  const GraphEvent& event = graph().event(id);
  level().graph.set_value(id, graph().value_of(event.location, event.source));
  return event.value;
}

std::uint64_t GraphSearch::modify_was(EventId id, const Modify& modify) noexcept {
  const std::uint64_t value = read_was(id);
  const GraphEvent& event = graph().event(id);
  level().graph.set_modify(id, modify);
  if (event.modifies)
    level().graph.set_value(graph().thread(event.thread)[event.po + 1U], modify.result(value));
  return value;
}

GraphEvent GraphSearch::event_of(const Access& access, GraphEventKind kind) const {
  GraphEvent event;
  event.kind = kind;
  event.thread = static_cast<std::uint8_t>(access.thread);
  event.location = static_cast<std::uint16_t>(access.location);
  event.address_from = access.address_from;
  event.data_from = access.data_from;
  event.implied = access.implied;
  event.window = blocks_[access.thread].window;
  event.run = blocks_[access.thread].run;
  event.no_callbacks = blocks_[access.thread].no_callbacks;
  event.cause = blocks_[access.thread].cause;
  event.follows = blocks_[access.thread].follows;
  event.stuck = stuck_;
  return event;
}

// A new read, and the write that belongs to it if it modifies. Returns what was read.
std::uint64_t GraphSearch::make_read(const GraphEvent& event) {
  if (is_stuck_still(event.thread)) return 0;
  if (!add_read(event)) cannot_be(event.thread);
  if (is_stuck(event.thread)) return 0;
  const bool wrote = graph().event(graph().size() - 1).is_write();
  if (wrote) ++at_[event.thread];
  return read_was(static_cast<EventId>(graph().size() - (wrote ? 2 : 1)));
}

std::uint64_t GraphSearch::load(const Access& access) {
  if (order_additions(access.location)) return 0;
  if (const auto id = repeated(access.thread)) return read_was(*id);
  GraphEvent event = event_of(access, GraphEventKind::read);
  event.acquire = access.o == order::acquire;
  return make_read(event);
}

void GraphSearch::store(const Access& access, std::uint64_t value) {
  if (order_additions(access.location)) return;
  if (const auto id = repeated(access.thread)) return level().graph.set_value(*id, value);
  GraphEvent event = event_of(access, GraphEventKind::write);
  event.release = access.o == order::release;
  event.value = value;
  if (is_stuck_still(access.thread)) return;
  if (!add_write(event, std::nullopt)) cannot_be(access.thread);
}

std::uint64_t GraphSearch::modify(const Access& access, const Modify& modify, bool noreturn) {
  const auto place = place_of_addition(access, modify, noreturn);
  if (!place && order_additions(access.location)) return 0;
  if (const auto id = repeated(access.thread)) return modify_was(*id, modify);
  GraphEvent event = event_of(access, GraphEventKind::read);
  if (place) event.location = static_cast<std::uint16_t>(*place);
  event.modify = modify;
  event.noreturn = noreturn;
  return make_read(event);
}

void GraphSearch::fence(unsigned thread, GraphEventKind kind) {
  strict_ |= kind == GraphEventKind::grace_period;
  if (repeated(thread)) return;
  level().graph.add(event_of({.thread = thread}, kind));
}

std::optional<std::uint64_t> GraphSearch::await(const Access& access,
                                                std::uint64_t least,
                                                std::uint64_t most) {
  if (order_additions(access.location)) return std::nullopt;
  const auto id = repeated(access.thread);
  const std::uint64_t value = id ? read_was(*id) : make_await(access, least, most);
  if (value >= least && value <= most) return value;
  static_cast<void>(wait(access.thread, id.has_value()));
  return std::nullopt;
}

std::uint64_t GraphSearch::make_await(const Access& access,
                                      std::uint64_t least,
                                      std::uint64_t most) {
  GraphEvent event = event_of(access, GraphEventKind::read);
  event.acquire = access.o == order::acquire;
  event.await(least, most);
  return make_read(event);
}

std::uint64_t GraphSearch::await_modify(const Access& access,
                                        const Modify& modify,
                                        std::uint64_t least,
                                        std::uint64_t largest) {
  if (order_additions(access.location)) return 0;
  if (const auto id = repeated(access.thread)) return modify_was(*id, modify);
  GraphEvent event = event_of(access, GraphEventKind::read);
  event.modify = modify;
  event.await(least, largest);
  return make_read(event);
}

void GraphSearch::waits_for(const Access& access,
                            const Modify& modify,
                            std::uint64_t least,
                            std::uint64_t most) {
  if (order_additions(access.location)) return;
  GraphEvent event = event_of(access, GraphEventKind::read);
  event.modify = modify;
  event.await(least, most);
  add_locations();
  waiting_locks_[access.thread] = event;
}

// 0, and the others are alternatives.
unsigned GraphSearch::choose(unsigned thread, unsigned n) {
  if (const auto id = repeated(thread)) return static_cast<unsigned>(graph().event(*id).value);
  const GraphEvent event = event_of({.thread = thread}, GraphEventKind::choice);
  begin_node(event);
  for (unsigned value = 1; value < n; ++value)
    level().alternatives.push_back({static_cast<EventId>(value), none});
  end_node();
  level().graph.add(event);
  return 0;
}

const GraphEvent* GraphSearch::last_event(unsigned thread) const noexcept {
  return at_[thread] == 0 ? nullptr : &graph().event(graph().thread(thread)[at_[thread] - 1U]);
}

bool GraphSearch::stands(unsigned thread) const noexcept {
  const auto events = graph().thread(thread);
  if (at_[thread] >= events.size()) return false;
  const GraphEvent& last = graph().event(events.back());
  const GraphEvent& next = graph().event(events[at_[thread]]);
  return last.waits() && &next == &last;
}

void GraphSearch::forget_reads(unsigned thread, unsigned n) {
  Level& top = level();
  for (; n > 0; --n) {
    if (pick_) growing_.remove_read(top.graph);
    top.graph.remove_last();
    if (!top.nodes.empty() && top.nodes.back().size == top.graph.size()) {
      top.alternatives.resize(top.nodes.back().first);
      top.nodes.pop_back();
    }
    --at_[thread];
  }
}

void GraphSearch::took_lock(unsigned thread, std::uint16_t no_callbacks) noexcept {
  for (const EventId id : graph().thread(thread).subspan(at_[thread] - 2U, 2))
    level().graph.set_no_callbacks(id, no_callbacks);
}

void GraphSearch::end_window(unsigned thread) noexcept {
  level().graph.end_window(graph().thread(thread)[at_[thread] - 1U]);
}

bool GraphSearch::reads_last(unsigned thread, unsigned first) const noexcept {
  const auto events = graph().thread(thread);
  return std::ranges::all_of(events.subspan(first, at_[thread] - first), [&](EventId id) {
    const GraphEvent& event = graph().event(id);
    if (!event.is_read()) return true;
    const std::vector<EventId>& writes = graph().location(event.location).writes;
    return event.source == (writes.empty() ? none : writes.back());
  });
}

void GraphSearch::set_initial(unsigned location, std::uint64_t value) {
  initial_[location] = value;
  if (location < graph().locations().size()) level().graph.set_initial(location, value);
}

// The operation was not made, whether it is new or was repeated; it will be asked for again.
bool GraphSearch::wait(unsigned thread, bool was_repeated) {
  --at_[thread];
  --counts_.steps;
  if (was_repeated) --counts_.repeated;
  return false;
}

GraphEvent GraphSearch::read_of_lock(unsigned thread, unsigned location) const {
  GraphEvent event = event_of({.thread = thread, .location = location}, GraphEventKind::read);
  event.lock = true;
  return event;
}

bool GraphSearch::lock(unsigned thread, unsigned location, bool implied) {
  if (const auto id = repeated(thread)) return graph().event(*id).modifies || wait(thread, true);
  GraphEvent event = read_of_lock(thread, location);
  event.implied = implied;
  event.awaits = true;
  event.modify = take_lock;
  add_locations();
  if (graph().last_value(location) != 0) {
    waiting_locks_[thread] = event;
    return wait(thread, false);
  }
  waiting_locks_[thread].reset();
  make_read(event);
  return !is_stuck(thread);
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

void GraphSearch::unlock(unsigned thread, unsigned location, bool implied) {
  if (repeated(thread)) return;
  GraphEvent event = event_of({.thread = thread, .location = location}, GraphEventKind::write);
  event.lock = true;
  event.implied = implied;
  event.release = true;
  if (pick_)
    pick_place(event, graph().location(event.location).writes.back());
  else if (!is_stuck_still(thread) && !add_unlock(event))
    cannot_be(thread);
}

// ---- what is added, and what else it could have been ----------------------------------------------

bool GraphSearch::is_allowed(const ExecutionGraph& graph) const {
  ++counts_.checked;
  return twins_in_order(graph) && axioms_.allow(graph) && (!feasible_ || feasible_(graph));
}

bool GraphSearch::allowed() { return is_allowed(graph()); }

// What would come between the parts of a read-modify-write needs no model to forbid it.
bool GraphSearch::allowed_with(const GraphEvent& event, EventId after) {
  if (event.is_write() && parts_modify(event.location, after)) return false;
  if (pick_)
    if (const auto may = growing_.may_add(graph(), event, after)) return *may;
  level().graph.add(event, after);
  const bool is_allowed = allowed();
  level().graph.remove_last();
  return is_allowed;
}

// The next write in coherence belongs to this one.
bool GraphSearch::parts_modify(unsigned location, EventId write) const {
  const std::vector<EventId>& writes = graph().location(location).writes;
  const unsigned next = graph().place_of(location, write);
  return next < writes.size() && graph().event(writes[next]).modifies;
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
  top.nodes.back().end = top.alternatives.size();
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
  if (pick_) return pick_source(event);
  begin_node(event);
  Level& top = level();
  const GraphLocation& location = top.graph.location(event.location);
  const std::size_t last = location.writes.size(), known = known_place(event);
  std::optional<EventId> chosen;
  for (std::size_t place = last + 1; place-- > known;) {
    const EventId source = place == 0 ? initial_write : location.writes[place - 1];
    event.read_value(source, top.graph.value_of(event.location, source));
    if (waits(event) && place != last) continue;  // nothing can come of it
    if ((place != last || !last_is_allowed()) && !allowed_with(event, none)) continue;
    const bool can = !may_stick() || !event.modifies || can_follow(event);
    if (!chosen && can && ((!ended_ && (!event.awaits || !event.lock)) || place == last))
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

// The write part of a read that is allowed.
bool GraphSearch::can_follow(const GraphEvent& read) {
  level().graph.add(read);
  const bool can = allowed_with(write_of(read), read.source);
  level().graph.remove_last();
  return can;
}

GraphEvent GraphSearch::write_of(const GraphEvent& read) const {
  GraphEvent event =
      event_of({.thread = read.thread, .location = read.location}, GraphEventKind::write);
  event.window = read.window;
  event.run = read.run;
  event.no_callbacks = read.no_callbacks;
  event.cause = none;
  event.follows = read.follows;
  event.implied = read.implied;
  event.address_from = read.address_from;
  event.data_from = read.data_from;
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
  if (pick_) {
    pick_place(event, behind);
    return true;
  }
  begin_node(event);
  Level& top = level();
  const std::vector<EventId>& writes = top.graph.location(event.location).writes;
  const EventId last = writes.empty() ? initial_write : writes.back();
  EventId after = behind.value_or(last);
  bool can = (after == last && last_is_allowed()) || allowed_with(event, after);
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

// Not behind all others: the writes that it could lie behind, the oldest first.
void GraphSearch::collect_older_places(const GraphEvent& event) {
  const std::vector<EventId>& writes = graph().location(event.location).writes;
  const std::size_t count = writes.size();
  choices_.clear();
  for (std::size_t place = known_place(event); place < count; ++place) {
    const EventId after = place == 0 ? initial_write : writes[place - 1];
    if (allowed_with(event, after)) choices_.push_back(after);
  }
}

void GraphSearch::offer_older_places(const GraphEvent& event) {
  collect_older_places(event);
  for (const EventId after : choices_) level().alternatives.push_back({after, none});
}

void GraphSearch::offer_revisits(EventId write, std::optional<EventId> behind) {
  Level& top = level();
  const GraphEvent& event = top.graph.event(write);
  const GraphLocation& location = top.graph.location(event.location);
  for (const EventId read : location.reads) {
    if (top.graph.in_prefix(read, event)) continue;
    if (may_stick() && was_offered(read, write)) continue;
    if (!maximally_added(read, write)) continue;
    top.alternatives.push_back({behind.value_or(initial_write), read});
    if (behind) continue;
    for (const EventId after : location.writes)
      if (after != write && !taken_away(after, read, write))
        top.alternatives.push_back({after, read});
  }
}

}  // namespace tlblab
