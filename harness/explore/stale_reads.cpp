// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/stale_reads.h"

#include <array>

namespace tlblab {

namespace {

constexpr EventId none = initial_write;

// A fence that is put in, and where; or none.
struct Fence {
  GraphEventKind kind = GraphEventKind::read;
  [[nodiscard]] bool is_there() const noexcept { return kind != GraphEventKind::read; }
  [[nodiscard]] const char* name() const noexcept {
    if (kind == GraphEventKind::mb) return "smp_mb";
    if (kind == GraphEventKind::rmb) return "smp_rmb";
    return kind == GraphEventKind::wmb ? "smp_wmb" : nullptr;
  }
};
struct Pair {
  Fence after, before;
};
constexpr Fence no{}, mb{GraphEventKind::mb}, rmb{GraphEventKind::rmb}, wmb{GraphEventKind::wmb};
// The cheapest first. Under tso nothing but smp_mb is an instruction.
constexpr std::array<Pair, 8> weak_pairs{
    {{wmb, no}, {no, rmb}, {wmb, rmb}, {mb, no}, {no, mb}, {wmb, mb}, {mb, rmb}, {mb, mb}}};
constexpr std::array<Pair, 3> tso_pairs{{{mb, no}, {no, mb}, {mb, mb}}};

// The same graph with a fence behind one event and one before another.
class WithFences {
 public:
  WithFences(const ExecutionGraph& from, EventId missed, EventId read, const Pair& fences)
      : from_(from), numbers_(from.size(), none) {
    graph_.clear(from.threads());
    for (const GraphLocation& location : from.locations()) graph_.add_location(location.initial);
    for (unsigned id = 0; id < from.size(); ++id) {
      if (id == read) put(fences.before, from.event(read).thread);
      add(static_cast<EventId>(id));
      if (id == missed) put(fences.after, from.event(missed).thread);
    }
  }
  [[nodiscard]] const ExecutionGraph& graph() const noexcept { return graph_; }

 private:
  void put(const Fence& fence, unsigned thread) {
    if (!fence.is_there()) return;
    GraphEvent event;
    event.kind = fence.kind;
    event.thread = static_cast<std::uint8_t>(thread);
    graph_.add(event);
  }
  [[nodiscard]] EventId number(EventId id) const noexcept {
    return id == none ? none : numbers_[id];
  }
  // The last that is there of those that the write follows in coherence.
  [[nodiscard]] EventId before(EventId write) const {
    const GraphEvent& event = from_.event(write);
    const std::vector<EventId>& writes = from_.location(event.location).writes;
    for (std::size_t place = from_.place_of(event.location, write) - 1; place > 0; --place)
      if (numbers_[writes[place - 1]] != none) return numbers_[writes[place - 1]];
    return none;
  }
  void add(EventId id) {
    GraphEvent event = from_.event(id);
    event.source = number(event.source);
    event.cause = number(event.cause);
    event.waited_for = number(event.waited_for);
    numbers_[id] = graph_.add(event, event.is_write() ? before(id) : none);
  }

  const ExecutionGraph& from_;
  std::vector<EventId> numbers_;  // in the new graph
  ExecutionGraph graph_;
};

// Of the writes behind what it read that had been made, the first in coherence; none: it was the last.
EventId missed_by(const ExecutionGraph& graph, EventId read) {
  const GraphEvent& event = graph.event(read);
  const std::vector<EventId>& writes = graph.location(event.location).writes;
  const unsigned seen = event.source == none ? 0 : graph.place_of(event.location, event.source);
  for (std::size_t place = seen; place < writes.size(); ++place)
    if (writes[place] < read && graph.event(writes[place]).thread != event.thread)
      return writes[place];
  return none;
}

void find_fences(const PortSearch& walk, EventId read, EventId missed, StaleUse& use) {
  const auto try_all = [&](const auto& pairs) {
    for (const Pair& pair : pairs) {
      const WithFences forced(walk.graph(), missed, read, pair);
      if (consistent(forced.graph(), walk.model())) continue;
      use.after_missed = pair.after.name();
      use.before_read = pair.before.name();
      return;
    }
  };
  if (walk.model() == MemoryModel::tso)
    try_all(tso_pairs);
  else
    try_all(weak_pairs);
}

}  // namespace

std::vector<StaleUse> stale_reads(const PortSearch& walk) {
  const ExecutionGraph& graph = walk.graph();
  std::vector<StaleUse> found;
  for (unsigned id = 0; id < graph.size(); ++id) {
    const auto read = static_cast<EventId>(id);
    const GraphEvent& event = graph.event(read);
    if (!event.is_read()) continue;
    const EventId missed = missed_by(graph, read);
    if (missed == none) continue;
    const auto made = [&](EventId which) {
      const GraphEvent& what = graph.event(which);
      return StaleUse::Made{walk.cpu_of(what.thread), walk.step_of(what), what.value};
    };
    StaleUse& use = found.emplace_back();
    use.word = walk.word_at(event.location);
    use.read = made(read);
    use.missed = made(missed);
    if (event.source != none) use.source = made(event.source);
    find_fences(walk, read, missed, use);
  }
  return found;
}

}  // namespace tlblab
