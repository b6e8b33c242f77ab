// SPDX-License-Identifier: GPL-2.0-or-later
// Graph search: threads that run the same program. Graphs in which they have only changed places make
// one orbit. Of two threads that one is first which, where they differ for the first time, has written
// earlier in coherence or read from an earlier write. Only graphs are visited in which each thread of
// the first half is before each of the second: some of each orbit, one of two, of three, of six for two,
// three, four threads.
//
// It can be asked for like an axiom: what is in order is so in each part of a graph. And no more can:
// who has to stand between two others may find no place when it comes after them, and then graphs are
// missed (three threads that each read and then add twice). That a bound on one side does not do that is
// tested (graph_symmetry_test.cpp), not proved.
#include <algorithm>

#include "harness/explore/graph_search.h"

namespace tlblab {

namespace {

unsigned rank(const ExecutionGraph& graph, EventId id) noexcept {
  const GraphEvent& event = graph.event(id);
  if (event.kind == GraphEventKind::choice) return static_cast<unsigned>(event.value);
  if (!event.is_access()) return 0;
  return graph.place_of(event.location, event.is_write() ? id : event.source);
}

bool not_behind(const ExecutionGraph& graph, unsigned first, unsigned second) noexcept {
  const auto a = graph.thread(first), b = graph.thread(second);
  for (std::size_t n = 0; n < std::min(a.size(), b.size()); ++n) {
    const unsigned one = rank(graph, a[n]), other = rank(graph, b[n]);
    if (one != other) return one < other;
  }
  return true;
}

}  // namespace

void GraphSearch::same_program(unsigned first, unsigned threads) {
  for (unsigned early = 0; early < threads / 2; ++early)
    for (unsigned late = threads / 2; late < threads; ++late)
      twins_.emplace_back(first + early, first + late);
  strict_ |= !twins_.empty();
}

bool GraphSearch::twins_in_order(const ExecutionGraph& graph) const noexcept {
  return std::ranges::all_of(
      twins_, [&](const auto& twins) { return not_behind(graph, twins.first, twins.second); });
}

}  // namespace tlblab
