// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/scenario_file.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "harness/cli/errors.h"
#include "harness/cli/suggest.h"
#include "harness/cli/values.h"
#include "harness/oracle/kinds.h"
#include "harness/report/layout.h"
#include "harness/workload/input_error.h"

namespace tlblab {
namespace {

std::string one_of(std::string_view word,
                   const std::vector<std::string>& names,
                   std::string_view listed_by) {
  const std::string nearest = nearest_of(word, names);
  if (nearest.empty()) return fmt::format("one that tlblab list {} shows", listed_by);
  return fmt::format("{} (tlblab list {} has them all)", nearest, listed_by);
}

// Each name is one of these.
template <class Names, class Projection>
void check_names(const ScenarioText& text,
                 const std::vector<TextName>& used,
                 const Names& all,
                 Projection projection,
                 std::string_view what,
                 std::string_view listed_by) {
  std::vector<std::string> names;
  for (const auto& one : all) names.emplace_back(std::invoke(projection, one));
  for (const TextName& name : used) {
    if (std::ranges::find(names, name.text) != names.end()) continue;
    throw InputError(text.file, name.place.line, name.place.column,
                     fmt::format("there is no {} '{}'", what, name.text),
                     one_of(name.text, names, listed_by));
  }
}

std::vector<TextName> kinds_of(const ScenarioText& text) {
  if (text.forbidden.size() == 1 &&
      (text.forbidden[0].text == "any" || text.forbidden[0].text == "none"))
    return {};
  return text.forbidden;
}

void check_fixes(const ScenarioText& text) {
  std::vector<TextName> names = text.without;
  for (TextName& name : names) name.text = fix_of(name.text);
  check_names(text, names, fix_table, &FixInfo::name, "fix", "fixes");
  for (const TextName& fix : text.without) {
    fixes scratch;
    if (put_fix(scratch, fix.text)) continue;
    throw InputError(text.file, fix.place.line, fix.place.column,
                     fmt::format("{} has no form '{}'", fix_of(fix.text), form_of(fix.text)),
                     "one of " + joined(forms_of(fix_of(fix.text))));
  }
}

void check(const ScenarioText& text) {
  std::vector<TextName> arch;
  if (text.arch) arch.push_back(*text.arch);
  check_names(text, arch, tables().backends, &BackendEntry::name, "backend", "backends");
  check_fixes(text);
  check_names(text, kinds_of(text), violation_kinds(), &ViolationKind::name, "kind of violation",
              "violations");
}

ScenarioEntry entry_of(const ScenarioText& text) {
  ScenarioEntry entry{.name = text.file,
                      .thread = "-",
                      .line = "what a text says",
                      .fixes = {},
                      .real_threads = "yes",
                      .cpus = static_cast<unsigned>(text.programs.size()),
                      .runs = {}};
  for (const TextName& fix : text.without) entry.fixes.push_back(fix.text);
  for (const BackendEntry& backend : tables().backends)
    if (backend.text.explore != nullptr) entry.runs.push_back(backend.text);
  return entry;
}

}  // namespace

ScenarioFile::ScenarioFile(ScenarioText read) : text(std::move(read)), entry(entry_of(text)) {}

std::vector<std::string> ScenarioFile::without() const {
  return {entry.fixes.begin(), entry.fixes.end()};
}

bool means_file(const std::string& word) {
  if (find_scenario(word) != nullptr) return false;
  std::error_code error;
  return word.find_first_of("./") != std::string::npos ||
         std::filesystem::is_regular_file(word, error);
}

std::unique_ptr<ScenarioFile> scenario_file(const std::string& path) {
  ScenarioText text = read_scenario_text(path);
  check(text);
  return std::make_unique<ScenarioFile>(std::move(text));
}

ChosenScenario chosen_scenario(const std::string& word) {
  ChosenScenario chosen;
  if (means_file(word)) chosen.file = scenario_file(word);
  chosen.entry = chosen.file ? &chosen.file->entry : &scenario_named(word);
  return chosen;
}

std::vector<std::string> chosen_arches(const Arguments& arguments, const ChosenScenario& scenario) {
  if (scenario.file && !arguments.has("--arch"))
    if (const std::optional<TextName>& arch = scenario.file->text.arch)
      return {std::string(run_on(*scenario.entry, arch->text).arch)};
  return chosen_arches(arguments, arches_of(*scenario.entry), scenario.entry->name);
}

ChosenFixes chosen_fixes(const Arguments& arguments, const ChosenScenario& scenario) {
  std::vector<std::string> typed;
  if (arguments.has("--without"))
    typed = list_value(arguments, "--without");
  else if (scenario.file)
    typed = scenario.file->without();
  if (typed == std::vector<std::string>{"none"}) typed.clear();
  for (const std::string& form : list_value(arguments, "--set")) {
    if (fix_of(form) == form)
      throw UsageError(fmt::format("--set {}: wanted NAME=VALUE; type --without {}", form, form));
    typed.push_back(form);
  }
  return fixes_without(typed);
}

HardwareActors chosen_actors(const Arguments& arguments, const ChosenScenario& scenario) {
  return hardware_actors(arguments, scenario.file ? scenario.file->text.actors
                                                  : parse_hardware_actors(scenario.entry->actors));
}

void describe(Subject& subject, const ScenarioFile* file) {
  if (file == nullptr) return;
  subject.fingerprint = fingerprint(file->text);
  subject.takes_fixes_away = !file->text.without.empty();
}

void check_setup(const ScenarioFile* file, const std::vector<Violation>& violations) {
  const auto failed = std::ranges::find(violations, setup_failed_kind, &Violation::kind);
  if (file != nullptr && failed != violations.end())
    throw InputError(file->text.file, 0, fmt::format("the setup goes wrong, {}", failed->text),
                     "calls and accesses that succeed before the first program");
}

}  // namespace tlblab
