// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/names.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/cli/errors.h"
#include "harness/cli/suggest.h"
#include "harness/cli/values.h"
#include "harness/report/layout.h"

namespace tlblab {
namespace {

// "type x86, or tlblab list backends": what to do about a name that is not there.
std::string advice(std::string_view word,
                   std::span<const std::string> names,
                   std::string_view listed_by) {
  const std::string nearest = nearest_of(word, names);
  if (nearest.empty()) return fmt::format("tlblab list {} has them all", listed_by);
  return fmt::format("type {} (tlblab list {} has them all)", nearest, listed_by);
}

template <class Entries>
std::vector<std::string> names_of(const Entries& entries) {
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const auto& entry : entries) names.emplace_back(entry.name);
  return names;
}

void check_options(std::string_view arch) {
  const BackendEntry& backend = *find_backend(arch);
  for (std::size_t plus = arch.find('+'); plus != std::string_view::npos;) {
    const std::size_t next = arch.find('+', plus + 1);
    const std::string_view option = arch.substr(plus + 1, next - plus - 1);
    if (std::ranges::find(backend.options, option) == backend.options.end())
      throw UsageError(fmt::format(
          "--arch: {} has no option '{}'; {}", backend.name, option,
          backend.options.empty() ? fmt::format("type {}", backend.name)
                                  : fmt::format("it has {}", fmt::join(backend.options, ", "))));
    plus = next;
  }
}

}  // namespace

const ScenarioEntry& scenario_named(std::string_view name) {
  const ScenarioEntry* entry = find_scenario(name);
  if (entry != nullptr) return *entry;
  throw UsageError(fmt::format("there is no scenario '{}'; {}", name,
                               advice(name, names_of(tables().scenarios), "scenarios")));
}

std::vector<std::string> backend_names() { return names_of(tables().backends); }

std::vector<std::string> arches_of(const ScenarioEntry& entry) {
  std::vector<std::string> arches;
  arches.reserve(entry.runs.size());
  for (const ScenarioRun& run : entry.runs) arches.emplace_back(run.arch);
  return arches;
}

std::vector<std::string> chosen_arches(const Arguments& arguments,
                                       const std::vector<std::string>& offered,
                                       std::string_view offered_by) {
  if (!arguments.has("--arch")) return {offered.front()};
  std::vector<std::string> chosen;
  for (const std::string& name : list_value(arguments, "--arch")) {
    if (name == "all") return offered;
    if (find_backend(name) == nullptr)
      throw UsageError(fmt::format("--arch: there is no backend '{}'; {}", name,
                                   advice(name, backend_names(), "backends")));
    check_options(name);
    if (std::ranges::find(offered, without_options(name)) == offered.end())
      throw UsageError(fmt::format("--arch: {} is not there on {}; type --arch {}", offered_by,
                                   name, joined(offered, ",")));
    if (std::ranges::find(chosen, name) == chosen.end()) chosen.push_back(name);
  }
  return chosen;
}

std::vector<std::string> with_strategies(const Arguments& arguments,
                                         const std::vector<std::string>& arches) {
  if (!arguments.has("--strategy")) return arches;
  std::vector<std::string> all, known{"default"};
  for (const std::string& arch : arches)
    for (const std::string_view option : find_backend(arch)->options) known.emplace_back(option);
  const std::vector<std::string> asked = list_value(arguments, "--strategy");
  for (const std::string& strategy : asked)
    if (std::ranges::find(known, strategy) == known.end())
      throw UsageError(fmt::format("--strategy: there is no '{}' on {}; type {}", strategy,
                                   joined(arches), joined(known, ", ", " or ")));
  for (const std::string& arch : arches) {
    const auto& options = find_backend(arch)->options;
    for (const std::string& strategy : asked) {
      if (strategy == "default") all.push_back(arch);
      if (std::ranges::find(options, strategy) != options.end())
        all.push_back(fmt::format("{}+{}", arch, strategy));
    }
  }
  return all;
}

const ScenarioRun& run_on(const ScenarioEntry& entry, std::string_view arch) {
  const auto run = std::ranges::find(entry.runs, without_options(arch), &ScenarioRun::arch);
  if (run != entry.runs.end()) return *run;
  throw UsageError(fmt::format("{} is not there on '{}'; it is on {}", entry.name, arch,
                               joined(arches_of(entry))));
}

namespace {

const FixInfo& fix_named(std::string_view name) {
  const auto info = std::ranges::find(fix_table, name, &FixInfo::name);
  if (info == fix_table.end())
    throw UsageError(fmt::format("--without: there is no fix '{}'; {}", name,
                                 advice(std::string(name), names_of(fix_table), "fixes")));
  return *info;
}

void put(fixes& all, const std::string& typed) {
  const std::vector<std::string> forms = forms_of(fix_of(typed));
  if (!put_fix(all, typed))
    throw UsageError(fmt::format("{} has no form '{}'; type one of {}", fix_of(typed),
                                 form_of(typed), joined(forms)));
}

}  // namespace

std::vector<std::string> forms_of(std::string_view fix) {
  return split_list(fix_named(fix).values);
}

ChosenFixes fixes_without(const std::vector<std::string>& names) {
  ChosenFixes chosen;
  for (const std::string& name : names) {
    put(chosen.fixes, name);
    if (std::ranges::find(chosen.without, name) == chosen.without.end())
      chosen.without.push_back(name);
  }
  return chosen;
}

std::vector<std::string> cures_of(const ScenarioEntry& entry) {
  return {entry.fixes.begin(), entry.fixes.end()};
}

}  // namespace tlblab
