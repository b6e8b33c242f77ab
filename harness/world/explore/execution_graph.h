// SPDX-License-Identifier: GPL-2.0-or-later
// An execution as a graph: what each CPU did in program order, which write each read reads from, and
// in which order the writes of a location lie in coherence. That says everything about an execution
// that its CPUs could see, so two executions with one graph are one. Knows no world and no memory
// model; which graphs a model allows is in axioms.h, which are to be visited in graph_search.h.
//
// Events have numbers in an order that respects program order and reads-from. `stamp` is the order
// in which the search added them: the two differ where a read was made to read a later write.
// What a location held at the beginning is a write without an event (initial_write).
//
// A read-modify-write is a read and, if it succeeds, a write right after it. Its order is that of
// the kernel: full means that smp_mb stands before and after it, acquire belongs to the read, release
// to the write. A lock is a location that holds 1 while somebody has it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "mm/types.h"

namespace tlblab {

using EventId = std::uint16_t;
inline constexpr EventId initial_write =
    0xffff;  // as the source of a read; before all in coherence
inline constexpr unsigned max_graph_threads = 16;
inline constexpr unsigned max_graph_events = 4096;    // that axioms.h can judge
inline constexpr unsigned max_graph_rcu_events = 64;  // grace periods and ends of sections

enum class GraphEventKind : std::uint8_t {
  read,
  write,
  mb,  // fences
  rmb,
  wmb,
  before_atomic,
  after_atomic,
  after_spinlock,
  after_unlock_lock,
  unlock_lock,  // there, of locks that are no locations
  read_lock,    // RCU
  read_unlock,
  grace_period,
  choice,  // of the hardware, between 0 and bound - 1
};

// What a read-modify-write writes for the value that it read.
struct Modify {
  enum Op : std::uint8_t {
    none,
    exchange,
    add,
    bit_or,
    bit_and,
    compare_exchange,
    add_unless,
    add_below
  };
  Op op = none;
  order o = order::relaxed;    // if it succeeds
  std::uint64_t operand = 0;   // compare_exchange: what is wanted there
  std::uint64_t expected = 0;  // compare_exchange; add_unless: where nothing is added; add_below:
                               // the least value to which nothing is added
  std::uint64_t mask = ~0ULL;  // of the word's bits

  [[nodiscard]] bool succeeds(std::uint64_t old) const noexcept {
    if (op == add_unless) return old != expected;
    if (op == add_below) return old < expected;
    return op != none && (op != compare_exchange || old == expected);
  }
  [[nodiscard]] std::uint64_t result(std::uint64_t old) const noexcept {
    switch (op) {
      case add:
      case add_unless:
      case add_below: return (old + operand) & mask;
      case bit_or: return old | operand;
      case bit_and: return old & operand;
      default: return operand;
    }
  }
  // The result depends on what was read.
  [[nodiscard]] bool computes() const noexcept {
    return op == add || op == add_unless || op == add_below || op == bit_or || op == bit_and;
  }
};

// How many events of each thread come before this one or are it, by program order and reads-from.
using PrefixClock = std::array<std::uint16_t, max_graph_threads>;

struct GraphEvent {
  GraphEventKind kind = GraphEventKind::read;
  std::uint8_t thread = 0;
  std::uint16_t po = 0;     // place in its thread
  std::uint16_t stamp = 0;  // place in the order of addition
  std::uint16_t location = 0;
  EventId source = initial_write;  // read: the write that it reads from
  bool modifies = false;           // part of a read-modify-write that succeeds
  Modify modify{};                 // read: of the read-modify-write that it may be
  bool awaits = false;             // read: it waits until there is a value that is wanted
  std::uint64_t wanted = 0;        // the least of these values
  std::uint64_t wanted_to = 0;     // and the largest
  // Parts of what nothing else of the machine, or nothing else of the CPU, comes in between.
  std::uint16_t window = 0;  // number of the access window in its thread, from 1; 0: none
  std::uint16_t run = 0;     // the same of the run of an interrupt handler
  bool window_over = false;  // the last event of it
  // Number of the section of its thread, from 1, in which no callbacks run on the CPU; 0: none.
  std::uint16_t no_callbacks = 0;
  // What made the thread move, if that is no event of its own: the post that its interrupt comes of.
  EventId cause = initial_write;
  // Of a lock that was held: the write by which it was, when the read had to wait.
  EventId waited_for = initial_write;
  bool lock = false;  // part of spin_lock; of a write with release: spin_unlock
  bool implied =
      false;  // no instruction: what a CPU does by itself. Orders only those that meet there
  bool acquire = false;
  bool release = false;
  bool full = false;      // smp_mb before and after the read-modify-write
  bool noreturn = false;  // read of an atomic that returns nothing: smp_rmb does not order it
  std::uint64_t value = 0;
  // What the address, or the value written, depends on: bit n is the n-th read of this thread, those
  // of locks not counted.
  std::uint64_t address_from = 0, data_from = 0;
  // The same of one read, by its place in the thread, from 1; 0: none. What that one depends on is before
  // it, so the last will do. Of unlock_lock: the events of the thread that are before the unlock.
  std::uint16_t follows = 0;
  std::uint16_t stuck = 0;  // threads that were, when it was added (GraphSearch::is_stuck)
  PrefixClock prefix{};

  // What a read gets, and what follows from it.
  void read_value(EventId from, std::uint64_t got) noexcept;

  // It waits for a value between these.
  void await(std::uint64_t least, std::uint64_t most) noexcept {
    awaits = true;
    wanted = least;
    wanted_to = most;
  }
  // A read that has not seen what it waits for.
  [[nodiscard]] bool waits() const noexcept {
    return awaits && (value < wanted || value > wanted_to);
  }
  [[nodiscard]] bool is_read() const noexcept { return kind == GraphEventKind::read; }
  [[nodiscard]] bool is_write() const noexcept { return kind == GraphEventKind::write; }
  [[nodiscard]] bool is_access() const noexcept { return is_read() || is_write(); }
};

struct GraphLocation {
  std::uint64_t initial = 0;
  std::vector<EventId> writes;  // in coherence order
  std::vector<EventId> reads;   // in the order of their numbers
};

class ExecutionGraph {
 public:
  // No events; n threads, and no location.
  void clear(unsigned threads);
  // A location that holds this at the beginning; returns its number.
  unsigned add_location(std::uint64_t initial);

  [[nodiscard]] unsigned size() const noexcept { return static_cast<unsigned>(events_.size()); }
  [[nodiscard]] unsigned threads() const noexcept { return static_cast<unsigned>(po_.size()); }
  [[nodiscard]] const GraphEvent& event(unsigned id) const noexcept { return events_[id]; }
  [[nodiscard]] std::span<const GraphEvent> events() const noexcept { return events_; }
  [[nodiscard]] std::span<const EventId> thread(unsigned t) const noexcept { return po_[t]; }
  [[nodiscard]] std::span<const GraphLocation> locations() const noexcept { return locations_; }
  [[nodiscard]] const GraphLocation& location(unsigned n) const noexcept { return locations_[n]; }
  [[nodiscard]] std::uint64_t value_of(unsigned location, EventId write) const noexcept {
    return write == initial_write ? locations_[location].initial : events_[write].value;
  }
  [[nodiscard]] bool has_grace_period() const noexcept { return grace_periods_ != 0; }
  // The value that the location ends with.
  [[nodiscard]] std::uint64_t last_value(unsigned location) const noexcept;
  // Place of a write in coherence, from 1; the initial one has 0.
  [[nodiscard]] unsigned place_of(unsigned location, EventId write) const noexcept;
  // e happens at or before `of` by program order and reads-from.
  [[nodiscard]] bool in_prefix(unsigned e, const GraphEvent& of) const noexcept {
    const GraphEvent& event = events_[e];
    return event.po < of.prefix[event.thread];
  }

  // The next event of its thread: thread, kind, location and the like are given; po, stamp and
  // prefix are not. A read has its source and value, a write goes to the place `after` of coherence.
  EventId add(const GraphEvent& given, EventId after = initial_write);
  // The same program may hold other values when it runs again (addresses of what it allocated).
  void set_initial(unsigned location, std::uint64_t value) noexcept {
    locations_[location].initial = value;
  }
  void set_value(EventId id, std::uint64_t value) noexcept { events_[id].value = value; }
  void set_modify(EventId id, const Modify& modify) noexcept { events_[id].modify = modify; }
  void end_window(EventId id) noexcept { events_[id].window_over = true; }
  void set_no_callbacks(EventId id, std::uint16_t section) noexcept {
    events_[id].no_callbacks = section;
  }
  // Takes the event with the highest number away.
  void remove_last();
  // Becomes these events of the other graph, ascending, which with each event have its prefix. The
  // order of addition is that of the other graph, with room for `read`, which is added again.
  void copy(const ExecutionGraph& from, std::span<const EventId> kept, EventId read);
  // Adds it, as a read of the last write; counts as added when it was in the other graph.
  EventId add_again(const GraphEvent& given);
  // The number that copy() gave to an event that was kept.
  [[nodiscard]] EventId renumbered(EventId id) const noexcept {
    return id == initial_write ? initial_write : renumbered_[id];
  }

 private:
  void clear_events(unsigned threads);
  void set_prefix(GraphEvent& event) const noexcept;
  void copy_events(const std::vector<EventId>& old, std::vector<EventId>& events) const;
  void copy_read(const GraphEvent& old, GraphEvent& read) const noexcept;

  std::vector<GraphEvent> events_;
  std::vector<std::vector<EventId>> po_;
  std::vector<GraphLocation> locations_;
  std::vector<GraphLocation> spare_;  // for their memory
  std::vector<EventId> renumbered_;   // of copy()
  std::vector<std::uint16_t> stamps_;
  std::uint16_t room_ = 0;
  std::uint16_t next_stamp_ = 0;
  unsigned grace_periods_ = 0;
};

}  // namespace tlblab
