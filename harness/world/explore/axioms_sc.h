// SPDX-License-Identifier: GPL-2.0-or-later
// Sequential consistency: there is one order of all events, program order within it, in which each
// read reads the last write before it and the writes of a location come as in coherence. It is looked
// for by a machine that carries the events out: a thread makes its next event as soon as it can. A
// read can when the write that it reads is the last one made; a write when it is the next of its
// location and everybody has read what it overwrites. Neither takes from others what they could do,
// so what the machine cannot finish has no order at all. One pass over the events: every other model
// allows what this one does (but for grace periods), so they ask here first.
#pragma once

#include <vector>

#include "harness/world/explore/execution_graph.h"

namespace tlblab {

class SequentialOrder {
 public:
  // Nothing comes between the two parts of a read-modify-write either. Grace periods are not looked at.
  [[nodiscard]] bool exists(const ExecutionGraph& graph);

 private:
  // What a location holds now.
  struct Held {
    EventId write = initial_write;
    std::size_t next = 0;  // in coherence
    unsigned unread = 0;   // reads of it that have not been made
  };
  void begin(const ExecutionGraph& graph);
  [[nodiscard]] unsigned run(const ExecutionGraph& graph, unsigned thread);
  [[nodiscard]] bool go(const ExecutionGraph& graph, const GraphEvent& event, EventId id);
  [[nodiscard]] bool write(const ExecutionGraph& graph, const GraphEvent& event, EventId id);

  std::vector<Held> held_;       // of each location
  std::vector<unsigned> reads_;  // of each event
  std::vector<std::size_t> at_;  // of each thread
};

}  // namespace tlblab
