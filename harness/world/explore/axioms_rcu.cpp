// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/axioms_rcu.h"

#include <cstdio>
#include <cstdlib>

namespace tlblab {

namespace {

using Relation = std::vector<std::uint64_t>;  // row b: those a before b

Relation then(const Relation& first, const Relation& second) {
  Relation both(first.size());
  for (std::size_t c = 0; c < both.size(); ++c)
    for (std::uint64_t rest = second[c]; rest != 0; rest &= rest - 1)
      both[c] |= first[static_cast<std::size_t>(std::countr_zero(rest))];
  return both;
}

void join(Relation& to, const Relation& from) {
  for (std::size_t b = 0; b < to.size(); ++b) to[b] |= from[b];
}

}  // namespace

RcuEvents::RcuEvents(const ExecutionGraph& graph) {
  for (unsigned t = 0; t < graph.threads(); ++t) {
    unsigned depth = 0, begin = 0;
    const auto end_section = [&](unsigned po) {
      events_.push_back({t, po, begin, Event::ends});
      has_section_ = true;
    };
    for (unsigned po = 0; po < graph.thread(t).size(); ++po) {
      const GraphEventKind kind = graph.event(graph.thread(t)[po]).kind;
      if (kind == GraphEventKind::grace_period) {
        events_.push_back({t, po, 0, Event::grace_period});
      } else if (kind == GraphEventKind::read_lock && depth++ == 0) {
        begin = static_cast<unsigned>(events_.size());
        events_.push_back({t, po, 0, Event::begins});
      } else if (kind == GraphEventKind::read_unlock && --depth == 0) {
        end_section(po);
      }
    }
    // A section that is still open ends behind what there is of it.
    if (depth != 0) end_section(static_cast<unsigned>(graph.thread(t).size()));
  }
  if (events_.size() <= max_graph_rcu_events) return;
  std::fputs("tlblab: too many grace periods and ends of read-side sections\n", stderr);
  std::abort();
}

// The least order that has all grace periods, and joins a grace period or an order to a section or an
// order if the two are linked: as many grace periods as sections, or more.
RcuEvents::Order RcuEvents::order_of(const Order& link) const {
  Relation periods(events_.size()), sections(events_.size());
  for (std::size_t e = 0; e < events_.size(); ++e) {
    if (events_[e].what == Event::grace_period) periods[e] |= 1ULL << e;
    if (events_[e].what == Event::ends) sections[events_[e].begin] |= 1ULL << e;
  }
  const Relation period_first = then(periods, link), section_first = then(sections, link);
  const Relation section_last = then(link, sections), period_last = then(link, periods);
  Relation order = periods;
  join(order, then(period_first, sections));
  join(order, then(section_first, periods));
  for (Relation before; before != order;) {
    before = order;
    join(order, then(period_first, then(before, section_last)));
    join(order, then(section_first, then(before, period_last)));
    join(order, then(before, then(link, before)));
  }
  return order;
}

}  // namespace tlblab
