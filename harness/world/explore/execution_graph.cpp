// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/execution_graph.h"

#include <algorithm>

namespace tlblab {

void GraphEvent::read_value(EventId from, std::uint64_t got) noexcept {
  source = from;
  value = got;
  if (modify.op == Modify::none) return;
  modifies = modify.succeeds(got) && !waits();
  acquire = modifies && modify.o == order::acquire;
  full = modifies && modify.o == order::full;
}

void ExecutionGraph::clear(unsigned threads) {
  clear_events(threads);
  for (GraphLocation& location : locations_) spare_.push_back(std::move(location));
  locations_.clear();
}

void ExecutionGraph::clear_events(unsigned threads) {
  events_.clear();
  po_.resize(threads);
  for (auto& thread : po_) thread.clear();
  next_stamp_ = 0;
  grace_periods_ = 0;
}

unsigned ExecutionGraph::add_location(std::uint64_t initial) {
  if (spare_.empty()) {
    locations_.push_back({initial, {}, {}});
  } else {
    GraphLocation& location = locations_.emplace_back(std::move(spare_.back()));
    spare_.pop_back();
    location.initial = initial;
    location.writes.clear();
    location.reads.clear();
  }
  return static_cast<unsigned>(locations_.size() - 1);
}

std::uint64_t ExecutionGraph::last_value(unsigned location) const noexcept {
  const std::vector<EventId>& writes = locations_[location].writes;
  return value_of(location, writes.empty() ? initial_write : writes.back());
}

unsigned ExecutionGraph::place_of(unsigned location, EventId write) const noexcept {
  if (write == initial_write) return 0;
  const std::vector<EventId>& writes = locations_[location].writes;
  return static_cast<unsigned>(std::ranges::find(writes, write) - writes.begin()) + 1;
}

void ExecutionGraph::set_prefix(GraphEvent& event) const noexcept {
  event.prefix = {};
  if (event.po != 0) event.prefix = events_[po_[event.thread].back()].prefix;
  event.prefix[event.thread] = static_cast<std::uint16_t>(event.po + 1);
  const auto add = [&](EventId earlier) {
    if (earlier == initial_write) return;
    const PrefixClock& seen = events_[earlier].prefix;
    for (unsigned t = 0; t < max_graph_threads; ++t)
      event.prefix[t] = std::max(event.prefix[t], seen[t]);
  };
  add(event.cause);
  if (event.is_read()) add(event.source);
}

EventId ExecutionGraph::add(const GraphEvent& given, EventId after) {
  const auto id = static_cast<EventId>(events_.size());
  GraphEvent& event = events_.emplace_back(given);
  event.po = static_cast<std::uint16_t>(po_[event.thread].size());
  event.stamp = next_stamp_++;
  set_prefix(event);
  po_[event.thread].push_back(id);
  if (event.kind == GraphEventKind::grace_period) ++grace_periods_;
  if (!event.is_access()) return id;
  GraphLocation& location = locations_[event.location];
  if (event.is_read()) {
    location.reads.push_back(id);
  } else {
    const unsigned place = place_of(event.location, after);
    location.writes.insert(location.writes.begin() + place, id);
  }
  return id;
}

void ExecutionGraph::remove_last() {
  const GraphEvent& event = events_.back();
  po_[event.thread].pop_back();
  if (event.kind == GraphEventKind::grace_period) --grace_periods_;
  if (event.is_read())
    locations_[event.location].reads.pop_back();
  else if (event.is_write())
    std::erase(locations_[event.location].writes, static_cast<EventId>(events_.size() - 1));
  events_.pop_back();
  --next_stamp_;
}

// If the unlock by which it was handed a lock is gone, it waits again.
void ExecutionGraph::copy_read(const GraphEvent& old, GraphEvent& read) const noexcept {
  read.waited_for = renumbered(old.waited_for);
  read.source = renumbered(old.source);
  const bool lost = read.source == initial_write && old.source != initial_write;
  if (!lost || read.waited_for == initial_write) return;
  read.read_value(read.waited_for, events_[read.waited_for].value);
  set_prefix(read);
}

void ExecutionGraph::copy(const ExecutionGraph& from, std::span<const EventId> kept, EventId read) {
  locations_.resize(from.locations_.size());  // what they have keeps its memory
  clear_events(from.threads());
  renumbered_.assign(from.size(), initial_write);
  stamps_.assign(from.next_stamp_, 0);
  for (const EventId id : kept) stamps_[from.events_[id].stamp] = 1;
  stamps_[from.events_[read].stamp] = 1;
  for (std::uint16_t& stamp : stamps_)
    if (stamp != 0) stamp = next_stamp_++;
  room_ = stamps_[from.events_[read].stamp];
  for (const EventId id : kept) {
    const GraphEvent& event = from.events_[id];
    const auto number = static_cast<EventId>(events_.size());
    renumbered_[id] = number;
    events_.push_back(event);
    events_.back().stamp = stamps_[event.stamp];
    events_.back().cause = renumbered(event.cause);
    if (event.is_read()) copy_read(event, events_.back());
    if (event.kind == GraphEventKind::grace_period) ++grace_periods_;
    po_[event.thread].push_back(number);
  }
  for (std::size_t n = 0; n < locations_.size(); ++n) {
    locations_[n].initial = from.locations_[n].initial;
    copy_events(from.locations_[n].writes, locations_[n].writes);
    copy_events(from.locations_[n].reads, locations_[n].reads);
  }
}

// Of a copy: those that were kept.
void ExecutionGraph::copy_events(const std::vector<EventId>& old,
                                 std::vector<EventId>& events) const {
  events.clear();
  for (const EventId id : old)
    if (renumbered_[id] != initial_write) events.push_back(renumbered_[id]);
}

EventId ExecutionGraph::add_again(const GraphEvent& given) {
  const EventId id = add(given);
  --next_stamp_;
  events_[id].stamp = room_;
  return id;
}

}  // namespace tlblab
