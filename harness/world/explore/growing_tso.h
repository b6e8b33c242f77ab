// SPDX-License-Identifier: GPL-2.0-or-later
// The relations of tso over a graph that grows (growing_order.h): what is before each event.
#pragma once

#include <vector>

#include "harness/world/explore/bit_rows.h"
#include "harness/world/explore/buffered_cpu.h"
#include "harness/world/explore/growing_order.h"

namespace tlblab {

template <unsigned Words>
class GrowingTso final : public GrowingRelations {
 public:
  explicit GrowingTso(unsigned threads) : cpus_(threads) {}
  [[nodiscard]] unsigned room() const noexcept override { return 64 * Words; }
  [[nodiscard]] unsigned size() const noexcept override {
    return static_cast<unsigned>(before_.size());
  }

  void clear() override {
    before_.clear();
    earlier_.clear();
    cpus_.assign(cpus_.size(), {});
  }

  void add(const ExecutionGraph& graph) override {
    const auto id = static_cast<EventId>(size());
    const GraphEvent& event = graph.event(id);
    Row before = before_next(event);
    if (event.is_read())
      read_from(graph, event, before);
    else if (event.is_write())
      overwrites(graph, event, id, before);
    before.set(id);
    if (event.is_access())
      comes_before(next_write(graph, event.location, event.is_read() ? event.source : id), before);
    before_.push_back(before);
    earlier_.push_back(cpus_[event.thread]);
    cpus_[event.thread].add(event, id, true);
  }

  void remove_read(const GraphEvent& event) override {
    cpus_[event.thread] = earlier_.back();
    earlier_.pop_back();
    before_.pop_back();
  }

  [[nodiscard]] bool may_add(const ExecutionGraph& graph,
                             const GraphEvent& event,
                             EventId behind) override {
    const EventId next = next_write(graph, event.location, event.is_read() ? event.source : behind);
    return next == initial_write || !before_next(event).test(next);
  }

 private:
  using Row = BitRow<Words>;

  [[nodiscard]] Row before_next(const GraphEvent& event) const {
    Row before;
    cpus_[event.thread].before(event, true, [&](EventId id) { before |= before_[id]; });
    return before;
  }
  // Of the writes that are there.
  [[nodiscard]] EventId next_write(const ExecutionGraph& graph,
                                   unsigned location,
                                   EventId behind) const {
    const std::vector<EventId>& writes = graph.location(location).writes;
    for (std::size_t n = graph.place_of(location, behind); n < writes.size(); ++n)
      if (writes[n] < size()) return writes[n];
    return initial_write;
  }
  void read_from(const ExecutionGraph& graph, const GraphEvent& event, Row& before) const {
    if (event.source != initial_write && graph.event(event.source).thread != event.thread)
      before |= before_[event.source];
  }
  void overwrites(const ExecutionGraph& graph,
                  const GraphEvent& event,
                  EventId id,
                  Row& before) const {
    const GraphLocation& location = graph.location(event.location);
    EventId last = initial_write;
    for (const EventId write : location.writes) {
      if (write == id) break;
      if (write < id) last = write;
    }
    if (last != initial_write) before |= before_[last];
    for (const EventId read : location.reads)
      if (read < id && graph.event(read).source == last) before |= before_[read];
  }
  void comes_before(EventId next, const Row& before) {
    if (next == initial_write) return;
    for (Row& row : before_)
      if (row.test(next)) row |= before;
  }

  std::vector<Row> before_;           // of each event, itself too
  std::vector<BufferedCpu> earlier_;  // its CPU without it
  std::vector<BufferedCpu> cpus_;
};

}  // namespace tlblab
