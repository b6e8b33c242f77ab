// SPDX-License-Identifier: GPL-2.0-or-later
// The events of a program's executions, and all that is fixed before they communicate.
//
// A lock is one more location: 0 is free; lock reads 0 and writes 1, unlock writes 0. Nothing else
// need be said about who may hold it.
#pragma once

#include <vector>

#include "bench/explore/small_program.h"
#include "tests/explore/relation.h"

namespace tlblab {

// What a read must find for its operation to go as the events say.
enum class Wanted : std::uint8_t { anything, equal, different };

struct Event {
  static constexpr unsigned nobody = ~0U;

  unsigned thread = nobody;  // nobody's are the initial writes
  unsigned location = 0;     // of reads and writes
  std::int64_t value = 0;    // what a write writes
  bool adds = false;         // it adds that to what its RMW has read
  Wanted wanted = Wanted::anything;
  std::int64_t compared = 0;  // what a read must find, or must not
};

// Events of a thread stand in its order; event i is the initial write of location i.
struct EventGraph {
  std::vector<Event> events;
  unsigned locations = 0;          // the program's, then its locks
  std::vector<unsigned> returned;  // the reads whose values the program returns

  EventSet reads = 0, writes = 0;
  EventSet acquires = 0;  // reads
  EventSet releases = 0;  // writes
  EventSet noreturn = 0;  // reads whose values nobody gets
  EventSet locks = 0;     // the reads of lock
  EventSet unlocks = 0;
  EventSet awaits = 0;  // reads
  EventSet locked = 0;  // accesses of x86's locked instructions
  EventSet mb = 0, rmb = 0, wmb = 0, grace_periods = 0;

  Relation po{0};             // program order; initial writes are in none
  Relation same_thread{0};    // among the threads' events
  Relation same_location{0};  // among accesses
  Relation rmw{0};            // from the read to the write
  Relation data{0};           // of these, where what is written is computed from what was read
  // From a read to what a dependency makes of it: the address, what is written, whether it is done.
  Relation address{0}, written{0}, control{0};
  Relation sections{0};  // from a read_unlock back to its read_lock

  [[nodiscard]] unsigned size() const noexcept { return static_cast<unsigned>(events.size()); }
  [[nodiscard]] EventSet accesses() const noexcept { return reads | writes; }
  [[nodiscard]] EventSet all() const noexcept {
    return size() == 0 ? 0 : ~EventSet{0} >> (max_events - size());
  }
};

// One for every guess which cmpxchg succeed. Throws std::length_error above max_events.
[[nodiscard]] std::vector<EventGraph> event_graphs(const SmallProgram& program);

}  // namespace tlblab
