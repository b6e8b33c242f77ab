// SPDX-License-Identifier: GPL-2.0-or-later
// Scenarios that a user wrote as text (harness/workload/scenario_text.h), beside those of the
// table: explore, stress and replay take both.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "harness/cli/command.h"
#include "harness/cli/names.h"
#include "harness/instances/table.h"
#include "harness/report/pages.h"
#include "harness/workload/scenario_text.h"

namespace tlblab {

// A text with the entry that the table would have of it. Stays where it is: the entry looks into it.
struct ScenarioFile {
  explicit ScenarioFile(ScenarioText read);
  ScenarioFile(const ScenarioFile&) = delete;
  ScenarioFile& operator=(const ScenarioFile&) = delete;

  ScenarioText text;
  ScenarioEntry entry;

  // The fixes that it takes away.
  [[nodiscard]] std::vector<std::string> without() const;
};

// No scenario has this name, and there is such a file, or it looks like the name of one.
[[nodiscard]] bool means_file(const std::string& word);
// Throws InputError, also for backends, fixes and kinds of violation that do not exist.
[[nodiscard]] std::unique_ptr<ScenarioFile> scenario_file(const std::string& path);

// What explore and stress were asked about.
struct ChosenScenario {
  std::unique_ptr<ScenarioFile> file;  // null: one of the table
  const ScenarioEntry* entry = nullptr;
};
[[nodiscard]] ChosenScenario chosen_scenario(const std::string& word);
// What was typed, or what the text says: --arch, and --without (of which `none` takes none away).
[[nodiscard]] std::vector<std::string> chosen_arches(const Arguments& arguments,
                                                     const ChosenScenario& scenario);
[[nodiscard]] ChosenFixes chosen_fixes(const Arguments& arguments, const ChosenScenario& scenario);
// The same of --actors.
[[nodiscard]] HardwareActors chosen_actors(const Arguments& arguments,
                                           const ChosenScenario& scenario);

// What a page says of a subject that is a file; of another one, null, nothing.
void describe(Subject& subject, const ScenarioFile* file);
// Throws InputError if a run found that the text's setup does not work.
void check_setup(const ScenarioFile* file, const std::vector<Violation>& violations);

}  // namespace tlblab
