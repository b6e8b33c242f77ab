// SPDX-License-Identifier: GPL-2.0-or-later
// What runs of a scenario come to: a row of the table in its file, for tlblab check to compare with. The
// last row that fits a run holds, so a table goes from what is so everywhere to what is so somewhere:
//
//   {}                                                    as in 6.18, on every backend: clean
//   {.set = "nested-flush", .kind = "stale_translation_use"}           without the fix, everywhere
//   {.set = "nested-flush", .arches = "s390", .masked_by = "IPTE under the PTL"}   but there: clean
//
// A run is made for every `set` of the table, on every backend that the scenario is on, under the
// backend's own memory model and under every other one that a row with this `set` names.
#pragma once

#include <cstdint>
#include <string_view>

namespace tlblab {

struct Expectation {
  std::string_view set{};        // fixes taken away or put into other forms: F or F=V, with commas
  std::string_view arches{};     // backends, with commas; empty: every one
  std::string_view memory{};     // sc, tso, weak; empty: any
  std::string_view kind{};       // of the violation; empty: clean
  std::string_view masked_by{};  // clean although something was taken away: what hides it
  bool complete = false;         // clean because every interleaving was seen
  std::uint64_t executions = 0;  // how many to look through at most; 0: the usual number
};

}  // namespace tlblab
