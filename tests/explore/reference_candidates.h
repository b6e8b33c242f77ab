// SPDX-License-Identifier: GPL-2.0-or-later
// Candidate executions: who reads from whom, and in which order each location is written. Values
// flow through one location only, so the share of each is enumerated by itself.
#pragma once

#include "tests/explore/reference_events.h"

namespace tlblab {

// A location's share of a candidate.
struct LocationChoice {
  struct Write {
    unsigned event;
    std::int64_t value;
  };
  struct Read {
    unsigned event, from;
    std::int64_t value;
  };
  std::vector<Write> order;  // all writes, the initial one first
  std::vector<Read> reads;   // all reads, in no order
};

// All that events say to each other.
struct Communication {
  explicit Communication(const EventGraph& graph) noexcept : rf(graph.size()), co(graph.size()) {}
  void add(const LocationChoice& share) noexcept;

  Relation rf;  // reads-from: from the write to the read
  Relation co;  // coherence order of each location's writes
};

// Every choice that is coherent by itself and whose values are as the events want them.
[[nodiscard]] std::vector<LocationChoice> location_choices(const EventGraph& graph,
                                                           unsigned location);

}  // namespace tlblab
