// SPDX-License-Identifier: GPL-2.0-or-later
// The names of scenarios, backends and fixes as users type them, and who is meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/cli/command.h"
#include "harness/instances/table.h"

namespace tlblab {

// All throw UsageError, with the nearest name there is.
[[nodiscard]] const ScenarioEntry& scenario_named(std::string_view name);

// --arch A,B or all; without it the first of `offered`.
[[nodiscard]] std::vector<std::string> chosen_arches(const Arguments& arguments,
                                                     const std::vector<std::string>& offered,
                                                     std::string_view offered_by);
// --strategy S,T: each of them with each of these options that it has; "default": without. Throws if
// none has one.
[[nodiscard]] std::vector<std::string> with_strategies(const Arguments& arguments,
                                                       const std::vector<std::string>& arches);
[[nodiscard]] std::vector<std::string> backend_names();
[[nodiscard]] std::vector<std::string> arches_of(const ScenarioEntry& entry);
[[nodiscard]] const ScenarioRun& run_on(const ScenarioEntry& entry, std::string_view arch);

// --without F,G: `fixes` with these taken away.
struct ChosenFixes {
  std::vector<std::string> without;
  struct fixes fixes;
};
[[nodiscard]] ChosenFixes fixes_without(const std::vector<std::string>& names);

[[nodiscard]] std::vector<std::string> cures_of(const ScenarioEntry& entry);

}  // namespace tlblab
