// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/reference_events.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tlblab {

namespace {

[[noreturn]] void too_long() {
  throw std::length_error("the reference takes programs of at most 64 events");
}

class GraphMaker {
 public:
  // Bit i of `succeed`: the i-th cmpxchg of the program does.
  GraphMaker(const SmallProgram& program, std::uint64_t succeed) noexcept
      : program_(&program), succeed_(succeed) {}

  EventGraph make() {
    graph_.locations = program_->locations + program_->locks;
    for (unsigned location = 0; location < graph_.locations; ++location)
      graph_.writes |= one_event(put({.location = location}));
    for (thread_ = 0; thread_ < program_->threads.size(); ++thread_) put_thread();
    relate();
    return std::move(graph_);
  }

 private:
  void put_thread() {
    loads_.clear();
    for (const SmallOp& op : program_->threads[thread_]) {
      const unsigned first = graph_.size();
      const std::size_t loads = loads_.size();
      put(op);
      for (unsigned event = first; event < graph_.size(); ++event) depend(event, op, loads);
    }
  }

  // On some of the thread's first reads, those of locks not counted.
  void depend(unsigned event, const SmallOp& op, std::size_t loads) {
    for (std::size_t n = 0; n < loads; ++n) {
      const auto add = [&](std::uint64_t from, auto& to) {
        if ((from >> n & 1) != 0) to.emplace_back(loads_[n], event);
      };
      add(op.address_from, address_);
      add(op.data_from, written_);
      add(op.control_from, control_);
    }
  }

  unsigned put(const Event& event) {
    if (graph_.events.size() == max_events) too_long();
    graph_.events.push_back(event);
    return graph_.size() - 1;
  }

  unsigned fence(EventSet& kind) {
    const unsigned event = put({.thread = thread_});
    kind |= one_event(event);
    return event;
  }

  unsigned read(Event event) {
    event.thread = thread_;
    const unsigned number = put(event);
    graph_.reads |= one_event(number);
    if (event.location < program_->locations) loads_.push_back(number);
    return number;
  }

  unsigned write(Event event) {
    event.thread = thread_;
    const unsigned number = put(event);
    graph_.writes |= one_event(number);
    return number;
  }

  void put(const SmallOp& op) {
    switch (op.kind) {
      case OpKind::load:
      case OpKind::await: return put_load(op);
      case OpKind::store: return put_store(op);
      case OpKind::exchange:
      case OpKind::add:
      case OpKind::void_add: return put_rmw(op, {.location = op.where});
      case OpKind::cmpxchg: return put_cmpxchg(op);
      case OpKind::lock:
      case OpKind::unlock: return put_lock(op);
      case OpKind::mb: return static_cast<void>(fence(graph_.mb));
      case OpKind::rmb: return static_cast<void>(fence(graph_.rmb));
      case OpKind::wmb: return static_cast<void>(fence(graph_.wmb));
      case OpKind::synchronize: return static_cast<void>(fence(graph_.grace_periods));
      case OpKind::read_lock: return open_.push_back({thread_, put({.thread = thread_})});
      case OpKind::read_unlock: return close_section();
    }
  }

  void put_load(const SmallOp& op) {
    Event event{.location = op.where};
    if (op.kind == OpKind::await) {
      event.wanted = Wanted::equal;
      event.compared = op.value;
    }
    const unsigned number = read(event);
    if (op.o == order::acquire) graph_.acquires |= one_event(number);
    if (op.kind == OpKind::await) graph_.awaits |= one_event(number);
    graph_.returned.push_back(number);
  }

  void put_store(const SmallOp& op) {
    const unsigned number = write({.location = op.where, .value = op.value});
    if (op.o == order::release) graph_.releases |= one_event(number);
  }

  // One that writes.
  void put_rmw(const SmallOp& op, const Event& read_event) {
    if (op.o == order::full) fence(graph_.mb);
    const unsigned r = read(read_event);
    const bool adds = op.kind == OpKind::add || op.kind == OpKind::void_add;
    const unsigned w = write({.location = op.where, .value = op.value, .adds = adds});
    if (op.o == order::full) fence(graph_.mb);
    if (op.o == order::acquire) graph_.acquires |= one_event(r);
    if (op.o == order::release) graph_.releases |= one_event(w);
    if (op.kind == OpKind::void_add) graph_.noreturn |= one_event(r);
    if (returns_value(op.kind)) graph_.returned.push_back(r);
    pair(r, w);
  }

  void put_cmpxchg(const SmallOp& op) {
    const bool succeeds = (succeed_ >> cmpxchgs_++ & 1) != 0;
    const Event event{.location = op.where,
                      .wanted = succeeds ? Wanted::equal : Wanted::different,
                      .compared = op.expected};
    if (succeeds) return put_rmw(op, event);
    const unsigned number = read(event);  // orders nothing, but x86 has locked the bus for it
    graph_.locked |= one_event(number);
    graph_.returned.push_back(number);
  }

  void put_lock(const SmallOp& op) {
    const unsigned location = program_->locations + op.where;
    if (op.kind == OpKind::unlock) {
      const EventSet number = one_event(write({.location = location}));
      graph_.unlocks |= number;
      graph_.releases |= number;
      return;
    }
    const unsigned r = read({.location = location, .wanted = Wanted::equal});
    const unsigned w = write({.location = location, .value = 1});
    graph_.locks |= one_event(r);
    graph_.acquires |= one_event(r);
    pair(r, w);
  }

  void pair(unsigned r, unsigned w) {
    graph_.locked |= one_event(r) | one_event(w);
    rmws_.emplace_back(r, w);
  }

  void close_section() {
    const unsigned unlock = put({.thread = thread_});
    if (open_.empty() || open_.back().first != thread_) return;  // ends nothing
    sections_.emplace_back(unlock, open_.back().second);
    open_.pop_back();
  }

  void relate() {
    graph_.po = graph_.same_thread = graph_.same_location = graph_.rmw = graph_.data =
        graph_.address = graph_.written = graph_.control = graph_.sections =
            Relation(graph_.size());
    for (unsigned a = 0; a < graph_.size(); ++a)
      for (unsigned b = 0; b < graph_.size(); ++b) relate(a, b);
    for (const auto& [r, w] : rmws_) {
      graph_.rmw.add(r, w);
      if (graph_.events[w].adds) graph_.data.add(r, w);
    }
    const EventSet accesses = graph_.accesses();
    for (const auto& [read, event] : address_)
      if ((accesses & one_event(event)) != 0) graph_.address.add(read, event);
    for (const auto& [read, event] : written_)
      if ((graph_.writes & one_event(event)) != 0) graph_.written.add(read, event);
    for (const auto& [read, event] : control_)
      if ((graph_.writes & one_event(event)) != 0) graph_.control.add(read, event);
    for (const auto& [unlock, lock] : sections_) graph_.sections.add(unlock, lock);
  }

  void relate(unsigned a, unsigned b) {
    const Event& x = graph_.events[a];
    const Event& y = graph_.events[b];
    if (x.thread == y.thread && x.thread != Event::nobody) {
      graph_.same_thread.add(a, b);
      if (a < b) graph_.po.add(a, b);
    }
    const EventSet both = one_event(a) | one_event(b);
    if ((graph_.accesses() & both) == both && x.location == y.location)
      graph_.same_location.add(a, b);
  }

  const SmallProgram* program_;
  std::uint64_t succeed_;
  unsigned cmpxchgs_ = 0;  // so far
  unsigned thread_ = 0;
  EventGraph graph_;
  std::vector<std::pair<unsigned, unsigned>> open_;  // thread, read_lock
  std::vector<std::pair<unsigned, unsigned>> rmws_, sections_, address_, written_, control_;
  std::vector<unsigned> loads_;  // of the thread so far
};

}  // namespace

std::vector<EventGraph> event_graphs(const SmallProgram& program) {
  unsigned cmpxchgs = 0;
  for (const auto& thread : program.threads)
    cmpxchgs += static_cast<unsigned>(std::ranges::count(thread, OpKind::cmpxchg, &SmallOp::kind));
  if (cmpxchgs >= max_events) too_long();
  std::vector<EventGraph> graphs;
  for (std::uint64_t succeed = 0; succeed >> cmpxchgs == 0; ++succeed)
    graphs.push_back(GraphMaker(program, succeed).make());
  return graphs;
}

}  // namespace tlblab
