// SPDX-License-Identifier: GPL-2.0-or-later
// The mixed workload under the explorer, in both directions: nothing is found in mm as it is, with
// and without failing allocations; and a bug is found, also one that only a failing allocation
// brings to light. Schedules that are found can be repeated.
#include <algorithm>

#include <gtest/gtest.h>

#include "harness/instances/scenario_explore.h"
#include "harness/scenario/mixed.h"
#include "tests/oracle/rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr std::uint64_t executions = 3000;

ExploreOptions asked(const std::string& rule, std::uint64_t times = executions) {
  ExploreOptions options;
  options.seconds = 120;
  options.executions = times;
  if (!rule.empty()) options.fail_alloc.push_back(parse_alloc_rule(rule));
  return options;
}

template <class A>
ExploreReport search(const std::string& rule, std::uint64_t times = executions) {
  return explore_scenario(parts_of<A, mixed_workload>(), asked(rule, times));
}

std::string first_of(const ExploreReport& report) {
  if (report.violations.empty()) return {};
  const Violation& seen = report.violations.front().violation;
  return seen.kind + ": " + seen.text;
}

TEST(Mixed, NothingIsFound) {
  for (const char* rule : {"", "rate=0.05", "number=1-60", "site=table_batch", "site=gather_batch",
                           "site=object,rate=0.2", "site=page_table,rate=0.2"}) {
    const ExploreReport report = search<x86>(rule);
    EXPECT_EQ(first_of(report), "") << rule;
    EXPECT_EQ(report.executions, executions) << rule;
    EXPECT_EQ(report.allocations.counts.all().failed != 0, *rule != '\0') << rule;
  }
}

TEST(Mixed, AForgottenFlushIsFoundAndRepeated) {
  const ExploreReport report = search<forgets_flush>("rate=0.05");
  ASSERT_FALSE(report.violations.empty());
  ExploreOptions again = asked("rate=0.05");
  again.schedule = report.violations.front().schedule;
  if (!again.schedule.starts_with("v1")) again.schedule = "v1 " + again.schedule;
  const ExploreReport repeated = explore_scenario(parts_of<forgets_flush, mixed_workload>(), again);
  EXPECT_EQ(first_of(repeated), first_of(report));
  EXPECT_EQ(repeated.departed_at, -1);
}

// Parent and child go on writing to the same page. No translation is out of date: the values tell, or
// a pin of a page that is not exclusive, or get_user_pages waits for ever for one that is.
struct shares_writable : x86 {
  static void ptep_set_wrprotect(mm_struct&, vaddr_t, Atomic<std::uint64_t>&) noexcept {}
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept { return pte; }
};
TEST(Mixed, AChildThatSharesIsFound) {
  const std::string found = first_of(search<shares_writable>(""));
  EXPECT_TRUE(found.starts_with("wrong_value") || found.starts_with("unreliable_pin") ||
              found.starts_with("step_limit"))
      << found;
}

// D17: with a batch the tables are freed after the flush; one that could not have a batch is freed
// before it.
template <class A>
constexpr mmu_gather_features no_table_invalidate() noexcept {
  mmu_gather_features features = A::features;
  features.table_invalidate = false;
  return features;
}
struct frees_tables_early : x86 {
  static constexpr mmu_gather_features features = no_table_invalidate<x86>();
};
TEST(Mixed, ATableFreedTooEarlyIsFoundOnlyIfTheBatchFails) {
  constexpr std::uint64_t many = 30'000;
  EXPECT_EQ(first_of(search<frees_tables_early>("", many)), "");
  const std::string found = first_of(search<frees_tables_early>("site=table_batch", many));
  EXPECT_TRUE(found.starts_with("table_freed_while_cached") ||
              found.starts_with("freed_table_walk"))
      << found;
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
