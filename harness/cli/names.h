// SPDX-License-Identifier: GPL-2.0-or-later
// The names of scenarios, backends and fixes as users type them, and who is meant.
#pragma once

#include <algorithm>
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

// --without F,G and --set H=V: `fixes` with these taken away, or in another form.
struct ChosenFixes {
  std::vector<std::string> without;  // as typed: F, or H=V
  struct fixes fixes;
};
[[nodiscard]] ChosenFixes fixes_without(const std::vector<std::string>& names);
inline constexpr OptionSpec set_option{"--set", "FIX=FORM[,FIX=FORM]",
                                       "put these fixes into another form (tlblab list fixes)"};
// The parts of F=FORM; without a form that is empty.
[[nodiscard]] constexpr std::string_view fix_of(std::string_view typed) noexcept {
  return typed.substr(0, typed.find('='));
}
[[nodiscard]] constexpr std::string_view form_of(std::string_view typed) noexcept {
  return typed.substr(std::min(fix_of(typed).size() + 1, typed.size()));
}
[[nodiscard]] std::vector<std::string> forms_of(std::string_view fix);

[[nodiscard]] std::vector<std::string> cures_of(const ScenarioEntry& entry);

}  // namespace tlblab
