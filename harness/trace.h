// SPDX-License-Identifier: GPL-2.0-or-later
// What reporters read. World-neutral; the event itself is in mm/types.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tlblab {

// A violated oracle: a named kind (harness/oracle/kinds.h) and what was seen, in one line.
struct Violation {
  std::string kind;
  std::string text;
};

// One thing that a CPU did in an explored execution: names and values, never addresses of this
// program.
struct TraceStep {
  std::uint64_t step = 0;  // the visible step that it belongs to, from 1
  unsigned cpu = 0;
  std::string what{};    // load, store, rmw, lock, ...; of an event its kind: tlb_fill, ...
  std::string object{};  // mm->tlb_flush_pending, pte[0x4000], page 3; may be empty
  std::string before{}, after{};  // values of a word; empty: it has none
  std::string order{};            // relaxed, acquire, release, full; empty: no access to a word
  std::string text{};             // the same for people
  bool key = false;               // needed to understand what the CPUs did to each other
  bool violating = false;         // the last thing before the violation was seen
};

// A read that saw what another CPU had overwritten by then: no sequentially consistent machine does.
struct StaleRead {
  struct Place {
    unsigned cpu = 0;
    std::uint64_t step = 0;
  };
  Place read, missed;           // the oldest write that it did not see
  std::optional<Place> source;  // what it saw was written there; nothing: before the programs began
  std::string object{}, saw{}, missed_value{};
  // Fences that would have forced it: behind the write that was missed, before the read. Empty: no
  // such fence; both empty: no fence there would have.
  std::string after_missed{}, before_read{};
};

// What is weak in an explored execution.
struct Weakness {
  std::vector<StaleRead> stale;  // in the order in which they were made
  std::string litmus;            // as a test for herd7; empty: there is none
  std::string no_litmus;         // then, why, in one line
  // Names of the words that CPUs shared, by what the search calls their locations.
  std::vector<std::pair<std::uint64_t, std::string>> words;
};

// Whether load buffering, which the explored models do not have, could add executions to those of a
// search under the weak one.
struct BufferingReport {
  struct Access {
    std::string object;
    std::uint64_t step = 0;  // in some execution; 0: nobody knows
  };
  struct Pair {
    unsigned cpu = 0;
    std::string by;      // a handler that interrupts it; empty: what runs on the CPU
    Access read, write;  // the write may be made before
  };
  std::vector<Pair> pairs;
  bool of_all = false;  // executions
  [[nodiscard]] bool is_exact() const noexcept { return of_all && pairs.empty(); }
};

}  // namespace tlblab
