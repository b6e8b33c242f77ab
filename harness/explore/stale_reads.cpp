// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/stale_reads.h"

#include <algorithm>
#include <array>
#include <span>

#include "harness/explore/edited_graph.h"

namespace tlblab {

namespace {

constexpr EventId none = initial_write;

// Behind the write that was missed, and before the read; or none.
struct Pair {
  std::optional<GraphEventKind> behind, before;
};
constexpr auto mb = GraphEventKind::mb, rmb = GraphEventKind::rmb, wmb = GraphEventKind::wmb;
constexpr std::nullopt_t no = std::nullopt;
// The cheapest first. Under tso nothing but smp_mb is an instruction.
constexpr std::array<Pair, 8> weak_pairs{
    {{wmb, no}, {no, rmb}, {wmb, rmb}, {mb, no}, {no, mb}, {wmb, mb}, {mb, rmb}, {mb, mb}}};
constexpr std::array<Pair, 3> tso_pairs{{{mb, no}, {no, mb}, {mb, mb}}};

const char* name_of(std::optional<GraphEventKind> fence) {
  if (!fence) return nullptr;
  if (*fence == GraphEventKind::mb) return "smp_mb";
  return *fence == GraphEventKind::rmb ? "smp_rmb" : "smp_wmb";
}

bool forces(const PortSearch& walk, EventId read, EventId missed, const Pair& pair) {
  std::vector<PutFence> fences;
  if (pair.behind) fences.push_back({*pair.behind, missed, true});
  if (pair.before) fences.push_back({*pair.before, read, false});
  return !consistent(EditedGraph(walk.graph(), fences).graph(), walk.model());
}

// Of the writes behind what it read that had been made, the first in coherence; none: it was the last.
EventId missed_by(const ExecutionGraph& graph, EventId read) {
  const GraphEvent& event = graph.event(read);
  const std::vector<EventId>& writes = graph.location(event.location).writes;
  for (std::size_t place = graph.place_of(event.location, event.source); place < writes.size();
       ++place)
    if (writes[place] < read && graph.event(writes[place]).thread != event.thread)
      return writes[place];
  return none;
}

void find_fences(const PortSearch& walk, EventId read, EventId missed, StaleUse& use) {
  const std::span<const Pair> pairs = walk.model() == MemoryModel::tso
                                          ? std::span<const Pair>(tso_pairs)
                                          : std::span<const Pair>(weak_pairs);
  const auto first = std::ranges::find_if(
      pairs, [&](const Pair& pair) { return forces(walk, read, missed, pair); });
  if (first == pairs.end()) return;
  use.after_missed = name_of(first->behind);
  use.before_read = name_of(first->before);
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
