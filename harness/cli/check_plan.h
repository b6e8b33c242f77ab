// SPDX-License-Identifier: GPL-2.0-or-later
// From the table of a scenario (expectation.h) to the searches that tlblab check makes, and from what
// a search came to to a verdict.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cli/names.h"
#include "harness/instances/table.h"
#include "harness/report/pages.h"

namespace tlblab {

// How many executions are looked through, unless a row says otherwise.
inline constexpr std::uint64_t usual_clean_executions = 2000;
inline constexpr std::uint64_t usual_violation_executions = 20000;
// At most, where nothing is expected to be found and all is to be fast.
inline constexpr std::uint64_t fast_clean_executions = 300;
inline constexpr double usual_row_seconds = 300;

// usual: every backend, model and set. fast: x86, s390 and arm64 (who flush by interrupts, by an
// instruction under the lock and by broadcasts; the first two are tso, the third is weak), or the first
// backend of a scenario that has none of them; few executions of what should be clean; complete
// searches are not asked for.
enum class CheckDepth : std::uint8_t { usual, fast };

// A row: one search.
struct CheckSearch {
  const ScenarioEntry* scenario = nullptr;
  const Expectation* expected = nullptr;  // of tlblab check; null: nobody knows
  std::string arch, model;
  ChosenFixes fixes;
  bool is_complete = false;      // is to be
  std::uint64_t executions = 0;  // at most; 0: all
  bool shrink = false;           // what it finds
  bool count_flushes = false;    // sc only
  std::string skipped{};         // why it cannot be made; empty: it can
};
[[nodiscard]] std::string_view strategy_of(const CheckSearch& search) noexcept;
// Why it cannot be made; empty: it can.
[[nodiscard]] std::string why_not(const CheckSearch& search);

// Backend by backend; of each the sets in the order of the table, and its own memory model first.
// What no row of the table fits is left out. Throws UsageError if there is no such backend or fix.
[[nodiscard]] std::vector<CheckSearch> searches_of(const ScenarioEntry& entry,
                                                   CheckDepth depth = CheckDepth::usual);

struct CheckOutcome {
  std::string kind;  // of what was found; empty: nothing
  std::string text, schedule;
  bool complete = false;
  std::uint64_t executions = 0;
  std::uint64_t lost = 0;  // executions that could not be made
  double seconds = 0;
  FlushCounts flushes{};
};
// Something was found, or all was seen of what was asked for: so many executions at most, 0: all.
[[nodiscard]] bool is_settled(const CheckOutcome& outcome, std::uint64_t executions_asked);
// Makes the search in this process.
[[nodiscard]] CheckOutcome outcome_of(const CheckSearch& search, double most_seconds);

[[nodiscard]] CheckPage::Row row_of(const CheckSearch& search, double most_seconds);
// Fills in the rest of the row.
void judge(CheckPage::Row& row, const CheckOutcome& outcome);

// What is wrong with the table of a scenario, a line each: names that do not exist, rows that hold for
// no search, searches that no row fits.
[[nodiscard]] std::vector<std::string> table_faults(const ScenarioEntry& entry);

// ---- of a table (check_table.cpp) ----

// Those that it is to be searched on: the scenario's own, and some of these with options.
struct CheckPlace {
  std::string arch, model;
  std::string_view set;
};
[[nodiscard]] std::vector<CheckPlace> places_of(const ScenarioEntry& entry);
// The row that holds there; null: none fits.
[[nodiscard]] const Expectation* expectation_at(const ScenarioEntry& entry,
                                                const CheckPlace& place);
// "a,b" at its commas; of nothing, nothing.
[[nodiscard]] std::vector<std::string> names_in(std::string_view list);

}  // namespace tlblab
