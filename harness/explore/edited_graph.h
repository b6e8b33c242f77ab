// SPDX-License-Identifier: GPL-2.0-or-later
// A graph like another one, in which events are missing or which has fences more: for asking a memory
// model what would have been.
#pragma once

#include <span>
#include <vector>

#include "harness/world/explore/execution_graph.h"

namespace tlblab {

struct PutFence {
  GraphEventKind kind{};
  EventId at = 0;  // an event of its thread
  bool behind = false;
};

class EditedGraph {
 public:
  // left_out has a place for each event, or none. Parts of a read-modify-write stay together. A write
  // that a read needs may be missing if it is of a lock: then the read reads the one before.
  EditedGraph(const ExecutionGraph& from,
              std::span<const PutFence> fences,
              const std::vector<bool>& left_out = {});
  [[nodiscard]] const ExecutionGraph& graph() const noexcept { return graph_; }

 private:
  void put(std::span<const PutFence> fences, EventId at, bool behind);
  void add(EventId id);
  [[nodiscard]] EventId last_there(unsigned location, EventId write) const;
  [[nodiscard]] std::uint16_t place_there(const GraphEvent& event) const;

  const ExecutionGraph& from_;
  std::vector<EventId> numbers_;  // in the new graph
  ExecutionGraph graph_;
};

}  // namespace tlblab
