// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/instances/table.h"

#include <algorithm>

#include "harness/instances/x86.h"

namespace tlblab {

namespace {

BackendEntry x86_backend() {
  return {.name = "x86",
          .memory = "tso",
          .tlb = "per CPU, tagged by PCID (6 slots), walk cache",
          .filled_by = "hardware",
          .debt_paid = "tlb_finish_mmu, by interrupt",
          .interrupts_walkers = false,
          .features = {"table-free", "rcu-table-free", "merge-vmas", "pt-reclaim"},
          .trace = instances::x86_trace,
          .script = instances::x86_script,
          .text = {"x86", instances::x86_text_stress, instances::x86_text_explore}};
}

ScenarioEntry madvise_parallel_2017() {
  return {.name = "madvise-parallel-2017",
          .thread = "000",
          .line = "a second MADV_DONTNEED returns while a stale TLB entry shows the old page",
          .fixes = {"nested-flush"},
          .real_threads = "yes",
          .cpus = 3,
          .runs = {{"x86", instances::x86_madvise_parallel_2017_stress,
                    instances::x86_madvise_parallel_2017_explore}}};
}

ScenarioEntry madvise_free_parallel_2017() {
  return {.name = "madvise-free-parallel-2017",
          .thread = "000",
          .line = "a second MADV_FREE returns while a dirty TLB entry still takes stores unseen",
          .fixes = {"nested-flush"},
          .real_threads = "yes",
          .cpus = 3,
          .runs = {{"x86", instances::x86_madvise_free_parallel_2017_stress,
                    instances::x86_madvise_free_parallel_2017_explore}}};
}

ScenarioEntry mixed() {
  return {.name = "mixed",
          .thread = "-",
          .line = "nothing goes wrong while every CPU does at random whatever a program can do",
          .fixes = {},
          .real_threads = "yes",
          .cpus = 4,
          .runs = {{"x86", instances::x86_mixed_stress, instances::x86_mixed_explore}},
          .least_cpus = 1,
          .explored_cpus = 2,
          .fail_alloc = "rate=0.01"};
}

}  // namespace

const Tables& tables() {
  static const Tables all{{x86_backend()},
                          {madvise_parallel_2017(), madvise_free_parallel_2017(), mixed()}};
  return all;
}

const BackendEntry* find_backend(std::string_view name) {
  const auto& all = tables().backends;
  const auto at = std::ranges::find(all, name, &BackendEntry::name);
  return at == all.end() ? nullptr : &*at;
}

const ScenarioEntry* find_scenario(std::string_view name) {
  const auto& all = tables().scenarios;
  const auto at = std::ranges::find(all, name, &ScenarioEntry::name);
  return at == all.end() ? nullptr : &*at;
}

}  // namespace tlblab
