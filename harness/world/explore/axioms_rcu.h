// SPDX-License-Identifier: GPL-2.0-or-later
// A grace period does not lie within a read-side section: on no cycle are there at least as many
// grace periods as sections that are crossed from their end to their beginning. Formulated as in the
// kernel's model, for every model of memory: what differs is `before`.
#pragma once

#include "harness/world/explore/bit_rows.h"
#include "harness/world/explore/execution_graph.h"

namespace tlblab {

// Of a graph: its grace periods and the ends of its outermost read-side sections.
class RcuEvents {
 public:
  explicit RcuEvents(const ExecutionGraph& graph);
  // before[e]: what is known to have come to pass before e, e included.
  template <unsigned Words>
  [[nodiscard]] bool allowed(const ExecutionGraph& graph, const BitRows<Words>& before) const;

 private:
  using Order = std::vector<std::uint64_t>;  // row b: those a before b, by index in events_
  [[nodiscard]] Order order_of(const Order& link) const;

  struct Event {
    unsigned thread, po;
    unsigned begin;  // of a section that this ends: index of its beginning
    enum { grace_period, begins, ends } what;
  };
  std::vector<Event> events_;
  bool has_section_ = false;
};

namespace detail {

// The events of a thread before this place; those at or after it.
template <unsigned Words>
BitRow<Words> earlier(const ExecutionGraph& graph, unsigned thread, unsigned place) {
  BitRow<Words> row;
  for (unsigned po = 0; po < place; ++po) row.set(graph.thread(thread)[po]);
  return row;
}
template <unsigned Words>
BitRow<Words> from_here(const ExecutionGraph& graph, unsigned thread, unsigned place) {
  BitRow<Words> row;
  for (std::size_t po = place; po < graph.thread(thread).size(); ++po)
    row.set(graph.thread(thread)[po]);
  return row;
}

}  // namespace detail

// link: a, then perhaps later events of its thread, what they are before, and later b.
template <unsigned Words>
bool RcuEvents::allowed(const ExecutionGraph& graph, const BitRows<Words>& before) const {
  if (!has_section_) return true;
  BitRows<Words> reaches;  // what is before something that is earlier than the event
  BitRows<Words> onwards;  // the event and later ones of its thread
  for (const Event& event : events_) {
    reaches.push_back(image(detail::earlier<Words>(graph, event.thread, event.po), before));
    onwards.push_back(detail::from_here<Words>(graph, event.thread, event.po));
  }
  Order link(events_.size());
  for (std::size_t b = 0; b < events_.size(); ++b)
    for (std::size_t a = 0; a < events_.size(); ++a)
      if ((onwards[a] & reaches[b]).any()) link[b] |= 1ULL << a;
  const Order order = order_of(link);
  for (std::size_t b = 0; b < events_.size(); ++b)
    for (std::size_t a = 0; a < events_.size(); ++a)
      if ((order[b] >> a & 1) != 0 && (onwards[b] & reaches[a]).any()) return false;
  return true;
}

}  // namespace tlblab
