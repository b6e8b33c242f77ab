// SPDX-License-Identifier: GPL-2.0-or-later
// What the table of a scenario says, and whether it says it rightly.
#include <algorithm>

#include <fmt/format.h>

#include "harness/cli/check_plan.h"
#include "harness/cli/errors.h"
#include "harness/cli/values.h"
#include "harness/oracle/kinds.h"
#include "harness/world/explore/memory_model.h"

namespace tlblab {
namespace {

bool names(std::string_view list, std::string_view name) {
  const std::vector<std::string> all = names_in(list);
  return std::ranges::find(all, name) != all.end();
}

template <class T>
void add_new(std::vector<T>& all, const T& one) {
  if (std::ranges::find(all, one) == all.end()) all.push_back(one);
}

std::vector<std::string_view> sets_of(const ScenarioEntry& entry) {
  std::vector<std::string_view> sets;
  for (const Expectation& row : entry.expected) add_new(sets, row.set);
  return sets;
}

// A backend, and that with the options that rows of the set name.
std::vector<std::string> forms_of(const ScenarioEntry& entry,
                                  std::string_view set,
                                  std::string_view backend) {
  std::vector<std::string> forms{std::string(backend)};
  for (const Expectation& row : entry.expected)
    for (const std::string& arch : names_in(row.arches))
      if (row.set == set && without_options(arch) == backend) add_new(forms, arch);
  return forms;
}

std::vector<std::string> models_of(const ScenarioEntry& entry,
                                   std::string_view set,
                                   std::string_view backend) {
  const BackendEntry* known = find_backend(backend);
  if (known == nullptr) throw UsageError(fmt::format("there is no backend '{}'", backend));
  std::vector<std::string> models{std::string(known->memory)};
  for (const Expectation& row : entry.expected)
    if (row.set == set && !row.memory.empty()) add_new(models, std::string(row.memory));
  return models;
}

// ---- faults -------------------------------------------------------------------------------------

std::string arch_fault(const ScenarioEntry& entry, const std::string& arch) {
  const BackendEntry* known = find_backend(arch);
  if (known == nullptr) return fmt::format("there is no backend '{}'", arch);
  const auto is_there = std::ranges::find(entry.runs, known->name, &ScenarioRun::arch);
  if (is_there == entry.runs.end()) return fmt::format("the scenario is not on {}", known->name);
  for (std::size_t plus = arch.find('+'); plus != std::string::npos;) {
    const std::size_t next = arch.find('+', plus + 1);
    const std::string option = arch.substr(plus + 1, next - plus - 1);
    if (std::ranges::find(known->options, option) == known->options.end())
      return fmt::format("{} has no option '{}'", known->name, option);
    plus = next;
  }
  return {};
}

// That it says what cannot be, the names aside.
std::string sense_fault(const Expectation& row) {
  if (!row.kind.empty() && find_violation_kind(row.kind) == nullptr)
    return fmt::format("there is no violation '{}'", row.kind);
  if (!row.masked_by.empty() && !row.kind.empty()) return "masked, and yet a violation";
  if (!row.masked_by.empty() && row.set.empty()) return "masked, and nothing is taken away";
  if (row.complete && !row.kind.empty()) return "complete, and yet a violation";
  if (!row.memory.empty() && !is_model(row.memory))
    return fmt::format("there is no memory model '{}'", row.memory);
  return {};
}

std::vector<std::string> row_faults(const ScenarioEntry& entry, const Expectation& row) {
  std::vector<std::string> faults{sense_fault(row)};
  for (const std::string& arch : names_in(row.arches)) faults.push_back(arch_fault(entry, arch));
  try {
    static_cast<void>(fixes_without(names_in(row.set)));
  } catch (const UsageError& error) {
    faults.emplace_back(error.what());
  }
  std::erase(faults, "");
  return faults;
}

}  // namespace

std::vector<std::string> names_in(std::string_view list) {
  return list.empty() ? std::vector<std::string>() : split_list(list);
}

std::vector<CheckPlace> places_of(const ScenarioEntry& entry) {
  std::vector<CheckPlace> places;
  for (const ScenarioRun& run : entry.runs)
    for (const std::string_view set : sets_of(entry))
      for (const std::string& arch : forms_of(entry, set, run.arch))
        for (const std::string& model : models_of(entry, set, run.arch))
          places.push_back({arch, model, set});
  return places;
}

const Expectation* expectation_at(const ScenarioEntry& entry, const CheckPlace& place) {
  const Expectation* last = nullptr;
  for (const Expectation& row : entry.expected)
    if (row.set == place.set && (row.arches.empty() || names(row.arches, place.arch)) &&
        (row.memory.empty() || row.memory == place.model))
      last = &row;
  return last;
}

std::vector<std::string> table_faults(const ScenarioEntry& entry) {
  std::vector<std::string> faults;
  for (std::size_t row = 0; row < entry.expected.size(); ++row)
    for (const std::string& fault : row_faults(entry, entry.expected[row]))
      faults.push_back(fmt::format("{}, row {}: {}", entry.name, row + 1, fault));
  if (!faults.empty()) return faults;
  std::vector<const Expectation*> used;
  for (const CheckPlace& place : places_of(entry)) {
    used.push_back(expectation_at(entry, place));
    if (used.back() == nullptr)
      faults.push_back(fmt::format("{}: no row says what comes of '{}' on {} under {}", entry.name,
                                   place.set, place.arch, place.model));
  }
  for (std::size_t row = 0; row < entry.expected.size(); ++row)
    if (std::ranges::find(used, &entry.expected[row]) == used.end())
      faults.push_back(fmt::format("{}, row {}: it holds nowhere: a later row always does",
                                   entry.name, row + 1));
  return faults;
}

}  // namespace tlblab
