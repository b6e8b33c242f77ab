// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/axioms.h"

#include <algorithm>

#include "harness/world/explore/axioms_rcu.h"
#include "harness/world/explore/axioms_weak.h"
#include "harness/world/explore/buffered_cpu.h"

namespace tlblab {

namespace {

// Places of all writes in their coherence order, from 1; by event.
class Places {
 public:
  explicit Places(const ExecutionGraph& graph) : places_(graph.size()) {
    for (const GraphLocation& location : graph.locations())
      for (std::size_t n = 0; n < location.writes.size(); ++n)
        places_[location.writes[n]] = static_cast<std::uint16_t>(n + 1);
  }
  // Of a write, or of the one that a read reads from.
  [[nodiscard]] unsigned of(const GraphEvent& event, EventId id) const noexcept {
    if (event.is_write()) return places_[id];
    return event.source == initial_write ? 0 : places_[event.source];
  }

 private:
  std::vector<std::uint16_t> places_;
};

// A CPU never goes back in the coherence order of a location, and writes behind what it knows.
// Nothing lies between what a read-modify-write read and what it wrote.
bool coherent(const ExecutionGraph& graph) {
  const Places places(graph);
  std::vector<std::uint16_t> known(graph.locations().size());
  for (unsigned t = 0; t < graph.threads(); ++t) {
    std::ranges::fill(known, 0);
    for (const EventId id : graph.thread(t)) {
      const GraphEvent& event = graph.event(id);
      if (!event.is_access()) continue;
      const unsigned place = places.of(event, id);
      const unsigned least = known[event.location] + (event.is_write() ? 1U : 0U);
      if (place < least || (event.is_write() && event.modifies && place != least)) return false;
      known[event.location] = static_cast<std::uint16_t>(place);
    }
  }
  return true;
}

// What all models but the weak one share: reads-from, coherence, and what a read comes before.
template <unsigned Words>
void add_communication(const ExecutionGraph& graph, bool own, BitRows<Words>& before) {
  const auto other = [&](EventId a, EventId b) {
    return own || graph.event(a).thread != graph.event(b).thread;
  };
  for (const GraphLocation& location : graph.locations()) {
    for (std::size_t n = 1; n < location.writes.size(); ++n)
      before[location.writes[n]].set(location.writes[n - 1]);
    for (const EventId read : location.reads) {
      const EventId source = graph.event(read).source;
      std::size_t next = 0;
      if (source != initial_write) {
        if (other(source, read)) before[read].set(source);
        next = graph.place_of(graph.event(read).location, source);
      }
      if (next == location.writes.size()) continue;
      // The write part of a read-modify-write follows its read anyway.
      before[location.writes[next]].set(read);
    }
  }
}

template <unsigned Words>
void add_program_order(const ExecutionGraph& graph, bool buffers, BitRows<Words>& before) {
  for (unsigned t = 0; t < graph.threads(); ++t) {
    BufferedCpu cpu;
    for (const EventId id : graph.thread(t)) {
      cpu.before(graph.event(id), buffers, [&](EventId earlier) { before[id].set(earlier); });
      cpu.add(graph.event(id), id, buffers);
    }
  }
}

template <unsigned Words>
bool consistent_strong(const ExecutionGraph& graph, bool buffers) {
  BitRows<Words> before(graph.size());
  add_program_order(graph, buffers, before);
  add_communication(graph, !buffers, before);
  if (!graph.has_grace_period()) return acyclic(before);
  return close(before) && RcuEvents(graph).allowed(graph, before);
}

template <unsigned Words>
bool consistent_as(const ExecutionGraph& graph, MemoryModel model) {
  if (model == MemoryModel::weak) return consistent_weak<Words>(graph);
  return consistent_strong<Words>(graph, model == MemoryModel::tso);
}

}  // namespace

bool Axioms::allow(const ExecutionGraph& graph) {
  const bool is_sequential = order_.exists(graph);
  if (!graph.has_grace_period() && (is_sequential || model_ == MemoryModel::sc))
    return is_sequential;
  if (!is_sequential && (model_ == MemoryModel::sc || !coherent(graph))) return false;
  const unsigned n = graph.size();
  if (n <= 64) return consistent_as<1>(graph, model_);
  if (n <= 128) return consistent_as<2>(graph, model_);
  if (n <= 256) return consistent_as<4>(graph, model_);
  if (n <= 1024) return consistent_as<16>(graph, model_);
  return consistent_as<64>(graph, model_);
}

}  // namespace tlblab
