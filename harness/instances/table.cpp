// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/instances/table.h"

#include <algorithm>

#include "harness/instances/runs.h"

namespace tlblab {

namespace {

std::vector<BackendEntry> backends() {
  std::vector<BackendEntry> all = instances::known_backends();
  for (BackendEntry& backend : all) {
    backend.trace = instances::trace;
    backend.script = instances::script;
    backend.text = {backend.name, instances::stress_text, instances::explore_text};
  }
  return all;
}

std::vector<std::string_view> parts_of(std::string_view list) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    parts.push_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

ScenarioEntry entry_of(const ScenarioInfo& info, const ScenarioRun& run) {
  ScenarioEntry entry{.name = info.name,
                      .thread = info.thread,
                      .line = info.line,
                      .fixes = parts_of(info.fixes),
                      .real_threads = info.real_threads,
                      .cpus = info.cpus,
                      .runs = {},
                      .least_cpus = info.least_cpus,
                      .explored_cpus = info.explored_cpus,
                      .fail_alloc = info.fail_alloc,
                      .actors = info.actors,
                      .stalls = info.stalls,
                      .expected = info.expected};
  for (const BackendEntry& backend : backends())
    if ((info.arches.empty() || form_index(info.arches, backend.name) >= 0) &&
        form_index(info.not_on, backend.name) < 0)
      entry.runs.push_back({backend.name, run.stress, run.explore});
  return entry;
}

std::vector<ScenarioEntry> scenarios() {
  const auto infos = instances::scenario_infos();
  const auto stresses = instances::scenario_stresses();
  const auto explores = instances::scenario_explores();
  std::vector<ScenarioEntry> all;
  for (std::size_t n = 0; n < infos.size(); ++n)
    all.push_back(entry_of(*infos[n], {{}, stresses[n], explores[n]}));
  return all;
}

}  // namespace

const Tables& tables() {
  static const Tables all{backends(), scenarios()};
  return all;
}

const BackendEntry* find_backend(std::string_view name) {
  const auto& all = tables().backends;
  const auto at = std::ranges::find(all, without_options(name), &BackendEntry::name);
  return at == all.end() ? nullptr : &*at;
}

const ScenarioEntry* find_scenario(std::string_view name) {
  const auto& all = tables().scenarios;
  const auto at = std::ranges::find(all, name, &ScenarioEntry::name);
  return at == all.end() ? nullptr : &*at;
}

}  // namespace tlblab
