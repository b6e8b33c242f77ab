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

using Stress = StressReport (*)(const StressOptions&);
using Explore = ExploreReport (*)(const ExploreOptions&);

std::vector<ScenarioRun> on_all(Stress stress, Explore explore) {
  std::vector<ScenarioRun> runs;
  for (const BackendEntry& backend : backends()) runs.push_back({backend.name, stress, explore});
  return runs;
}

ScenarioEntry madvise_parallel_2017() {
  return {.name = "madvise-parallel-2017",
          .thread = "000",
          .line = "a second MADV_DONTNEED returns while a stale TLB entry shows the old page",
          .fixes = {"nested-flush"},
          .real_threads = "yes",
          .cpus = 3,
          .runs = on_all(instances::stress_madvise_parallel_2017,
                         instances::explore_madvise_parallel_2017)};
}

ScenarioEntry madvise_free_parallel_2017() {
  return {.name = "madvise-free-parallel-2017",
          .thread = "000",
          .line = "a second MADV_FREE returns while a dirty TLB entry still takes stores unseen",
          .fixes = {"nested-flush"},
          .real_threads = "yes",
          .cpus = 3,
          .runs = on_all(instances::stress_madvise_free_parallel_2017,
                         instances::explore_madvise_free_parallel_2017)};
}

ScenarioEntry mixed() {
  return {.name = "mixed",
          .thread = "-",
          .line = "nothing goes wrong while every CPU does at random whatever a program can do",
          .fixes = {},
          .real_threads = "yes",
          .cpus = 4,
          .runs = on_all(instances::stress_mixed, instances::explore_mixed),
          .least_cpus = 1,
          .explored_cpus = 2,
          .fail_alloc = "rate=0.01"};
}

}  // namespace

const Tables& tables() {
  static const Tables all{backends(),
                          {madvise_parallel_2017(), madvise_free_parallel_2017(), mixed()}};
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
