// SPDX-License-Identifier: GPL-2.0-or-later
// A table for tests of the command line: nothing is simulated, and what was asked for can be looked
// at. Scenario "madvise-parallel-2017" breaks without the fix nested-flush; "explorer-only-2020"
// cannot be run on threads and is not on "toy"; "checked-2019" has a table of verdicts, and comes to
// them unless told otherwise. Scenarios that are texts are on x86 only; one with a
// single line of setup fails there.
#pragma once

#include <optional>

#include "harness/instances/table.h"

namespace tlblab::fake {

// What the last run was given.
struct Asked {
  std::optional<StressOptions> stress;
  std::optional<ExploreOptions> explore;
  std::optional<TraceOptions> trace;
  std::optional<ScriptOptions> script;
  std::vector<std::string> arches;  // in order
};
extern Asked asked;

// What the next runs come to, beside their usual.
struct Orders {
  bool complete = false;               // searches see everything
  std::uint64_t trace_violations = 0;  // of replays and scripts
  bool throws_internal = false;
  std::int64_t departed_at = -1;  // of replays
  // Of checked-2019 on toy, with all fixes.
  enum class Checked : std::uint8_t { fine, finds, is_late, loses, interrupts, dies };
  Checked checked = Checked::fine;
};
extern Orders orders;

}  // namespace tlblab::fake
