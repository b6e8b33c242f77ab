// SPDX-License-Identifier: GPL-2.0-or-later
// What GrowingOrder says of the next event of a graph is what the axioms say of the graph with it.
#include "harness/world/explore/growing_order.h"

#include <random>

#include <gtest/gtest.h>

#include "harness/world/explore/axioms.h"

namespace tlblab {
namespace {

constexpr unsigned threads = 3, words = 3, the_lock = words;
constexpr EventId none = initial_write;

// A graph of random events, each added where the model allows it. Every place that an event might have
// is asked about.
class RandomGraph {
 public:
  RandomGraph(MemoryModel model, std::uint64_t seed)
      : axioms_(model), order_(model), random_(seed) {
    graph_.clear(threads);
    for (unsigned n = 0; n <= words; ++n) graph_.add_location(0);
  }
  void grow(unsigned events) {
    while (graph_.size() < events) add_some();
  }
  unsigned refused = 0;

 private:
  unsigned die(unsigned n) { return static_cast<unsigned>(random_() % n); }

  void add_some() {
    const unsigned thread = die(threads);
    switch (die(8)) {
      case 0: return fence(thread);
      case 1: return lock_or_unlock(thread);
      case 2:
      case 3: return modify(thread);
      case 4:
      case 5: return read(thread);
      default: return write(thread);
    }
  }
  GraphEvent event_of(unsigned thread, GraphEventKind kind, unsigned location) const {
    GraphEvent event;
    event.kind = kind;
    event.thread = static_cast<std::uint8_t>(thread);
    event.location = static_cast<std::uint16_t>(location);
    return event;
  }

  void fence(unsigned thread) {
    constexpr GraphEventKind kinds[] = {GraphEventKind::mb,
                                        GraphEventKind::rmb,
                                        GraphEventKind::wmb,
                                        GraphEventKind::before_atomic,
                                        GraphEventKind::after_atomic,
                                        GraphEventKind::after_spinlock,
                                        GraphEventKind::after_unlock_lock};
    graph_.add(event_of(thread, kinds[die(std::size(kinds))], 0));
  }

  void lock_or_unlock(unsigned thread) {
    const std::vector<EventId>& writes = graph_.location(the_lock).writes;
    const EventId last = writes.empty() ? none : writes.back();
    GraphEvent event = event_of(thread, GraphEventKind::write, the_lock);
    event.lock = true;
    if (holder_ == thread) {
      event.release = true;
      graph_.add(event, last);
      holder_ = threads;
    } else if (holder_ == threads) {
      GraphEvent taken = event_of(thread, GraphEventKind::read, the_lock);
      taken.lock = true;
      taken.modify = {.op = Modify::compare_exchange, .o = order::acquire, .operand = 1};
      taken.read_value(last, 0);
      graph_.add(taken);
      event.modifies = true;
      event.value = 1;
      graph_.add(event, last);
      holder_ = thread;
    }
  }

  void read(unsigned thread) {
    GraphEvent event = event_of(thread, GraphEventKind::read, die(words));
    event.acquire = die(3) == 0;
    event.noreturn = die(8) == 0;
    if (const unsigned loads = loads_[thread]; loads != 0 && die(2) == 0)
      event.address_from = 1ULL << die(loads);
    graph_.add(read_somewhere(event));
    ++loads_[thread];
    if (die(8) == 0) take_away(thread);
  }
  // As a walk does with the reads of a loop that saw nothing new.
  void take_away(unsigned thread) {
    const GraphEvent& last = graph_.event(graph_.size() - 1);
    const std::vector<EventId>& writes = graph_.location(last.location).writes;
    if (last.source != (writes.empty() ? none : writes.back())) return;
    order_.remove_read(graph_);
    graph_.remove_last();
    --loads_[thread];
  }

  void modify(unsigned thread) {
    constexpr order orders[] = {order::relaxed, order::acquire, order::release, order::full};
    GraphEvent event = event_of(thread, GraphEventKind::read, die(words));
    event.modify = {.op = die(2) == 0 ? Modify::add : Modify::compare_exchange,
                    .o = orders[die(4)],
                    .operand = 1 + die(2),
                    .expected = die(2)};
    event = read_somewhere(event);
    const EventId read = graph_.add(event);
    ++loads_[thread];
    if (!event.modifies) return;
    GraphEvent write = event_of(thread, GraphEventKind::write, event.location);
    write.modifies = true;
    write.value = event.modify.result(event.value);
    write.full = event.full;
    write.release = event.modify.o == order::release;
    graph_.add(write, graph_.event(read).source);
  }

  void write(unsigned thread) {
    GraphEvent event = event_of(thread, GraphEventKind::write, die(words));
    event.release = die(3) == 0;
    event.value = die(3);
    const std::vector<EventId> writes = graph_.location(event.location).writes;
    std::vector<EventId> places;
    for (std::size_t n = known(event); n <= writes.size(); ++n) {
      const EventId behind = n == 0 ? none : writes[n - 1];
      if (n < writes.size() && graph_.event(writes[n]).modifies) continue;
      if (may(event, behind)) places.push_back(behind);
    }
    graph_.add(event, places[die(static_cast<unsigned>(places.size()))]);
  }

  GraphEvent read_somewhere(GraphEvent event) {
    const std::vector<EventId>& writes = graph_.location(event.location).writes;
    std::vector<EventId> sources;
    for (std::size_t n = known(event); n <= writes.size(); ++n) {
      const EventId source = n == 0 ? none : writes[n - 1];
      event.read_value(source, graph_.value_of(event.location, source));
      if (event.modifies && n < writes.size()) continue;
      if (may(event, none)) sources.push_back(source);
    }
    const EventId source = sources[die(static_cast<unsigned>(sources.size()))];
    event.read_value(source, graph_.value_of(event.location, source));
    return event;
  }

  // The place that the thread knows of.
  std::size_t known(const GraphEvent& event) const {
    std::size_t place = 0;
    for (const EventId id : graph_.thread(event.thread)) {
      const GraphEvent& earlier = graph_.event(id);
      if (earlier.is_access() && earlier.location == event.location)
        place = graph_.place_of(event.location, earlier.is_write() ? id : earlier.source);
    }
    return place;
  }

  bool may(const GraphEvent& event, EventId behind) {
    const auto said = order_.may_add(graph_, event, behind);
    graph_.add(event, behind);
    const bool is_allowed = axioms_.allow(graph_);
    graph_.remove_last();
    EXPECT_EQ(said.value_or(is_allowed), is_allowed) << graph_.size();
    refused += is_allowed ? 0 : 1;
    return is_allowed;
  }

  ExecutionGraph graph_;
  Axioms axioms_;
  GrowingOrder order_;
  std::mt19937_64 random_;
  unsigned holder_ = threads;
  std::array<unsigned, threads> loads_{};
};

void compare(MemoryModel model, unsigned graphs, unsigned events) {
  unsigned refused = 0;
  for (std::uint64_t seed = 1; seed <= graphs && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    RandomGraph graph(model, seed);
    graph.grow(events);
    refused += graph.refused;
  }
  EXPECT_GT(refused, graphs / 10);  // else there would be little to be seen
}

TEST(GrowingOrder, SaysWhatTheAxiomsOfTsoSay) { compare(MemoryModel::tso, 2000, 24); }
TEST(GrowingOrder, SaysWhatTheAxiomsOfTheWeakModelSay) { compare(MemoryModel::weak, 5000, 40); }
TEST(GrowingOrder, OutgrowsItsRows) {
  compare(MemoryModel::tso, 10, 200);
  compare(MemoryModel::weak, 10, 200);
}

}  // namespace
}  // namespace tlblab
