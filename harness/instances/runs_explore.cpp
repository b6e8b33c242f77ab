// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/instances/backends.h"
#include "harness/instances/runs.h"
#include "harness/instances/scenario_explore.h"
#include "harness/instances/scenarios.h"
#include "harness/instances/text_explore.h"

namespace tlblab::instances {

namespace {

template <class Scenario>
ExploreReport explore_on(const ExploreOptions& options) {
  explore::choose_backend(options.arch);
  return explore::explore_scenario(explore::parts_of<explore::chosen_arch, Scenario>(), options);
}

template <class... Scenario>
std::vector<const ScenarioInfo*> infos_of(explore::ScenarioList<Scenario...>) {
  return {&Scenario::info...};
}
template <class... Scenario>
std::vector<ExploreReport (*)(const ExploreOptions&)> explores_of(
    explore::ScenarioList<Scenario...>) {
  return {explore_on<Scenario>...};
}

using Features = explore::mmu_gather_features;

std::vector<std::string_view> names_of(const Features& features) {
  static constexpr std::pair<bool Features::*, const char*> all[] = {
      {&Features::rcu_table_free, "rcu-table-free"},
      {&Features::table_invalidate, "table-invalidate"},
      {&Features::merge_vmas, "merge-vmas"},
      {&Features::no_gather, "no-gather"},
      {&Features::page_size, "page-size"},
      {&Features::pt_reclaim, "pt-reclaim"},
      {&Features::move_tables, "move-tables"},
      {&Features::batched_unmap, "batched-unmap"},
      {&Features::async_invalidate, "async-invalidate"},
      {&Features::contpte, "contpte"},
      {&Features::owns_gather, "owns-gather"},
      {&Features::owns_pending, "owns-pending"},
  };
  std::vector<std::string_view> names;
  for (const auto& [feature, name] : all)
    if (features.*feature) names.emplace_back(name);
  return names;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    words.push_back(text.substr(0, text.find(' ')));
    text.remove_prefix(std::min(words.back().size() + 1, text.size()));
  }
  return words;
}

}  // namespace

std::vector<BackendEntry> known_backends() {
  std::vector<BackendEntry> all;
  for (const explore::Backend& backend : explore::backends())
    all.push_back({.name = backend.name,
                   .memory = backend.facts.memory,
                   .tlb = backend.facts.tlb,
                   .filled_by = backend.facts.filled_by,
                   .debt_paid = backend.facts.debt_paid,
                   .interrupts_walkers = backend.facts.interrupts_walkers,
                   .features = names_of(backend.features),
                   .options = words_of(backend.facts.options)});
  return all;
}

std::vector<const ScenarioInfo*> scenario_infos() { return infos_of(explore::Scenarios{}); }

std::vector<ExploreReport (*)(const ExploreOptions&)> scenario_explores() {
  return explores_of(explore::Scenarios{});
}

ExploreReport explore_text(const ExploreOptions& options) {
  explore::choose_backend(options.arch);
  return explore::explore_text<explore::chosen_arch>(options);
}

}  // namespace tlblab::instances
