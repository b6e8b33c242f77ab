// SPDX-License-Identifier: GPL-2.0-or-later
// The relations of the weak model over a graph that grows (growing_order.h). Names as in axioms_weak.h.
#pragma once

#include <vector>

#include "harness/world/explore/growing_order.h"
#include "harness/world/explore/local_orders.h"

namespace tlblab {

template <unsigned Words>
class GrowingWeak final : public GrowingRelations {
 public:
  explicit GrowingWeak(unsigned threads) : cpus_(threads), local_(threads) {}
  [[nodiscard]] unsigned room() const noexcept override { return 64 * Words; }
  [[nodiscard]] unsigned size() const noexcept override {
    return static_cast<unsigned>(events_.size());
  }

  void clear() override {
    events_.clear();
    cpus_.assign(cpus_.size(), {});
    local_ = Local(static_cast<unsigned>(cpus_.size()));
  }

  void add(const ExecutionGraph& graph) override {
    const auto id = static_cast<EventId>(size());
    const GraphEvent& event = graph.event(id);
    const typename Local::Orders orders = local_.of(graph, event);
    Event now = led_to(graph, event, orders, id);
    if (orders.strong.any()) fence(cpus_[event.thread], orders.strong);
    now.before = before_next(graph, event, orders, now.prop, cpus_[event.thread]);
    if (orders.strong.any()) now.fenced = cpus_[event.thread].fenced;
    for (Row* row : {&now.fences, &now.source, &now.reach, &now.prop, &now.before}) row->set(id);
    if (event.is_access())
      comes_before(event.thread, id, overtaken(graph, event, event.is_read() ? event.source : id),
                   now.before);
    events_.push_back(now);
    cpus_[event.thread].events.set(id);
    local_.add(graph, id);
  }

  void remove_read(const GraphEvent& event) override {
    const auto id = static_cast<EventId>(size() - 1);
    events_.pop_back();
    cpus_[event.thread].events.reset(id);
    local_.remove_read(event, id);
  }

  [[nodiscard]] bool may_add(const ExecutionGraph& graph,
                             const GraphEvent& event,
                             EventId behind) override {
    const Row missed = overtaken(graph, event, event.is_read() ? event.source : behind);
    if (!missed.any()) return true;
    const typename Local::Orders orders = local_.of(graph, event);
    Cpu cpu = cpus_[event.thread];
    if (orders.strong.any()) fence(cpu, orders.strong);
    const Event now = led_to(graph, event, orders, behind);
    const Row before = before_next(graph, event, orders, now.prop, cpu);
    return !ends(before, event.thread).meets(missed);
  }

 private:
  using Row = BitRow<Words>;
  using Local = LocalOrders<Words>;
  struct Event {
    Row steps;   // one cumul-fence
    Row fences;  // any number of them
    Row source;  // then perhaps another CPU's read: writes that lead here
    Row reach;   // what `fences` overwrite, and those; prop without the read
    Row prop;
    Row before;  // in the closed union of hb, and of prop with a strong fence behind it
    Row fenced;  // writes that lead to what is behind a strong fence before the event
  };
  struct Cpu {
    Row events;
    Row strong;         // before its last strong fence
    Row fenced;         // writes that lead there
    Row before_fenced;  // what is before that by prop, closed
  };

  // All that leads to these.
  template <class Take>
  static void cover(Row rest, Row& covered, Take take) {
    while (rest = rest.without(covered), rest.any()) take(rest.highest());
  }
  void close(const Row& rest, Row& before) const {
    cover(rest, before, [&](unsigned e) { before |= events_[e].before; });
  }

  [[nodiscard]] static EventId external_source(const ExecutionGraph& graph,
                                               const GraphEvent& event) noexcept {
    if (!event.is_read() || event.source == initial_write) return initial_write;
    return graph.event(event.source).thread == event.thread ? initial_write : event.source;
  }

  // `place`: the event itself, or the write that it is to be behind.
  [[nodiscard]] Event led_to(const ExecutionGraph& graph,
                             const GraphEvent& event,
                             const typename Local::Orders& orders,
                             EventId place) const {
    Event now;
    now.steps = orders.cumulative | orders.plain;
    orders.cumulative.for_each([&](unsigned before) {
      const EventId source = external_source(graph, graph.event(before));
      if (source != initial_write) now.steps.set(source);
    });
    if (event.is_write()) now.reach = overwritten(graph, event, place);
    if (event.is_write() && event.modifies) now.steps |= steps_of_source(graph, event);
    cover(now.steps, now.fences, [&](unsigned e) {
      now.fences |= events_[e].fences;
      now.reach |= events_[e].reach;
    });
    now.source = now.fences;
    now.prop = now.reach;
    const EventId source = external_source(graph, event);
    if (source == initial_write) return now;
    now.source |= events_[source].fences;
    now.prop |= events_[source].reach;
    return now;
  }
  [[nodiscard]] Row steps_of_source(const ExecutionGraph& graph, const GraphEvent& event) const {
    const EventId source = graph.event(graph.thread(event.thread)[event.po - 1U]).source;
    return source == initial_write ? Row{} : events_[source].steps;
  }

  // What other CPUs did that a write here overwrites.
  [[nodiscard]] Row overwritten(const ExecutionGraph& graph,
                                const GraphEvent& event,
                                EventId place) const {
    const GraphLocation& location = graph.location(event.location);
    Row writes;
    for (unsigned n = 0; n < graph.place_of(event.location, place); ++n)
      if (location.writes[n] < size()) writes.set(location.writes[n]);
    Row all = writes;
    for (const EventId read : location.reads) {
      if (read >= size()) break;
      const EventId source = graph.event(read).source;
      if (source == initial_write || writes.test(source)) all.set(read);
    }
    return all.without(cpus_[event.thread].events);
  }

  // The writes of other CPUs behind this one in coherence.
  [[nodiscard]] Row overtaken(const ExecutionGraph& graph,
                              const GraphEvent& event,
                              EventId behind) const {
    const std::vector<EventId>& writes = graph.location(event.location).writes;
    Row missed;
    for (std::size_t n = graph.place_of(event.location, behind); n < writes.size(); ++n)
      if (writes[n] < size()) missed.set(writes[n]);
    return missed.without(cpus_[event.thread].events);
  }

  [[nodiscard]] Row before_next(const ExecutionGraph& graph,
                                const GraphEvent& event,
                                const typename Local::Orders& orders,
                                const Row& prop,
                                const Cpu& cpu) const {
    Row before;
    if (orders.strong.any()) before = cpu.before_fenced;
    close(orders.ppo, before);
    close(prop & cpu.events, before);
    const EventId source = external_source(graph, event);
    if (source != initial_write) before |= events_[source].before;
    return before;
  }

  // The CPU has made a strong fence: these are before it.
  void fence(Cpu& cpu, const Row& strong) const {
    strong.without(cpu.strong).for_each([&](unsigned e) {
      cpu.fenced |= events_[e].source;
      close(events_[e].prop, cpu.before_fenced);
    });
    cpu.strong |= strong;
  }

  // What must not overwrite this CPU's next event: that would come before itself. What is behind the
  // CPU's own strong fence is among it, for such a fence is ppo.
  [[nodiscard]] Row ends(const Row& before, unsigned thread) const {
    Row all;
    for (const Cpu& cpu : cpus_)
      if (const Row own = before & cpu.events; own.any()) all |= events_[own.highest()].fenced;
    (before & cpus_[thread].events).for_each([&](unsigned e) { all |= events_[e].source; });
    return all;
  }

  // It is older than it could be: these have overtaken it.
  void comes_before(unsigned thread, EventId id, const Row& missed, const Row& before) {
    if (!missed.any()) return;
    Row to;
    for (unsigned e = 0; e < size(); ++e) {
      Event& event = events_[e];
      const bool is_own = cpus_[thread].events.test(e);
      if ((is_own && event.source.meets(missed)) || event.fenced.meets(missed)) to.set(e);
      if (event.source.meets(missed)) event.prop.set(id);
      if (event.fences.meets(missed)) event.reach.set(id);
    }
    for (Event& event : events_)
      if (event.before.meets(to)) event.before |= before;
    for (Cpu& cpu : cpus_)
      if (cpu.before_fenced.meets(to) || cpu.fenced.meets(missed)) cpu.before_fenced |= before;
  }

  std::vector<Event> events_;
  std::vector<Cpu> cpus_;
  Local local_;
};

}  // namespace tlblab
