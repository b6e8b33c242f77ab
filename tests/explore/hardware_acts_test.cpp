// SPDX-License-Identifier: GPL-2.0-or-later
// Speculative walks, evictions and early arrivals on the ported mm, both directions: what only they
// show is found with them and is not there without, by the complete search under every memory model and
// by chance; and what is right stays so with them.
#include <gtest/gtest.h>

#include "arch/arm64/arm64.h"
#include "arch/x86/x86.h"
#include "harness/instances/mm_entry.h"
#include "harness/instances/scenario_explore.h"
#include "harness/instances/text_explore.h"
#include "harness/scenario/mixed.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// Each entry is flushed before it is cleared, with the lock held, and not once more.
struct flushes_first : x86 {
  static pte_t ptep_get_and_clear(mm_struct& mm,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool full) noexcept {
    x86::flush_tlb_page(mm, va);
    return x86::ptep_get_and_clear(mm, va, word, full);
  }
  static void tlb_flush(gather_range&) noexcept {}
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<flushes_first>(tlb, start, end, force);
  }
};

// The same where invalidates are broadcast: issued before the entry is cleared, waited for behind it.
struct issues_first : arm64 {
  static pte_t ptep_get_and_clear(mm_struct& mm,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool full) noexcept {
    const auto mmu_at = [](unsigned id) -> hw::Mmu& { return cpu(id).mmu; };
    const std::uint64_t id = context_of<arm64>(mm).id.load(order::relaxed);
    this_cpu().tlbi.issue({.reach = generic::Reach::leaf,
                           .asid = generic::asid_allocator::number_of(id),
                           .start = va,
                           .end = va + page_size},
                          mmu_at);
    const pte_t was = arm64::ptep_get_and_clear(mm, va, word, full);
    this_cpu().tlbi.wait(mmu_at);
    return was;
  }
  static void tlb_flush(gather_range&) noexcept {}
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<issues_first>(tlb, start, end, force);
  }
};

// No DSB before the TLBI; the one behind is there.
struct forgets_a_barrier : arm64 {
  static void tlb_flush(gather_range& tlb) noexcept {
    const auto mmu_at = [](unsigned id) -> hw::Mmu& { return cpu(id).mmu; };
    const std::uint64_t id = context_of<arm64>(*tlb.mm).id.load(order::relaxed);
    this_cpu().tlbi.issue(
        {.reach = generic::Reach::asid, .asid = generic::asid_allocator::number_of(id)}, mmu_at);
    this_cpu().tlbi.wait(mmu_at);
    smp_mb();
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<forgets_a_barrier>(tlb, start, end, force);
  }
};

// P1 makes no access between the first meeting and the second: no walk of its own fills its TLB.
constexpr const char* gives_back = R"(
map 0x4000 1 rw
store 0x4000 1
P0: meet
P0: madvise_dontneed 0x4000 1
P0: meet
P1: r0 = load 0x4000
P1: meet
P1: meet
P1: r1 = load 0x4000
forbid none
forbid P1:r0 == 1 && P1:r1 == 1
)";

// P1 looks in between too.
constexpr const char* looks_again = R"(
map 0x4000 1 rw
store 0x4000 1
P0: meet
P0: madvise_dontneed 0x4000 1
P0: meet
P1: r0 = load 0x4000
P1: meet
P1: r2 = load 0x4000
P1: meet
P1: r1 = load 0x4000
forbid none
forbid P1:r0 == 1 && P1:r1 == 1
)";

// Both pages are flushed by one interrupt: who sees one of them gone sees the other gone, unless the
// entry of the first was dropped before.
constexpr const char* one_after_the_other = R"(
map 0x4000 2 rw
store 0x4000 1
store 0x5000 1
P0: meet
P0: madvise_dontneed 0x4000 2
P1: r2 = load 0x4000
P1: r3 = load 0x5000
P1: meet
P1: r0 = load 0x4000
P1: r1 = load 0x5000
forbid P1:r0 == 0 && P1:r1 == 1
)";

ExploreOptions asked(ExploreStrategy strategy, const char* memory, HardwareActors actors) {
  ExploreOptions options;
  options.seconds = 200;
  options.strategy = strategy;
  options.memory = memory;
  options.actors = actors;
  if (strategy != ExploreStrategy::dpor) options.executions = 4000;
  return options;
}

template <class A>
ExploreReport explored(const char* text, ExploreOptions options) {
  const ScenarioText read = parse_scenario_text(text, "text");
  options.text = &read;
  return explore_text<A>(options);
}

constexpr HardwareActors walker{.walks = 1}, evict{.evictions = 1}, arrive{.arrivals = 1};
constexpr const char* models[] = {"sc", "tso", "weak"};

void expect_clean(const ExploreReport& report) {
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(report.lost, 0U);
  EXPECT_TRUE(report.violations.empty()) << report.violations.front().schedule;
}

// Its string alone leads to it again.
template <class A>
void expect_found(const char* text, const ExploreReport& report, HardwareActors actors) {
  ASSERT_EQ(report.violations.size(), 1U);
  const ExploreReport::Found& found = report.violations.front();
  EXPECT_EQ(found.violation.kind, forbidden_state_kind);
  ExploreOptions options = asked(ExploreStrategy::random, found.memory.c_str(), actors);
  options.schedule = "v1 " + found.schedule;
  const ExploreReport again = explored<A>(text, options);
  ASSERT_EQ(again.violations.size(), 1U);
  EXPECT_EQ(again.violations.front().violation.text, found.violation.text);
  EXPECT_EQ(again.violations.front().schedule, found.schedule);
  EXPECT_EQ(again.departed_at, -1);
}

TEST(Walker, FillsBetweenTheFlushAndTheClearing) {
  for (const char* model : models) {
    SCOPED_TRACE(model);
    const ExploreOptions options = asked(ExploreStrategy::dpor, model, walker);
    const ExploreReport report = explored<flushes_first>(gives_back, options);
    expect_found<flushes_first>(gives_back, report, walker);
    EXPECT_NE(report.violations.front().schedule.find("b.walk"), std::string::npos);
  }
  for (const ExploreStrategy strategy : {ExploreStrategy::random, ExploreStrategy::pct})
    expect_found<flushes_first>(
        gives_back, explored<flushes_first>(gives_back, asked(strategy, "sc", walker)), walker);
}

TEST(Walker, NobodyElseDoes) {
  for (const char* model : models) {
    SCOPED_TRACE(model);
    expect_clean(explored<flushes_first>(gives_back, asked(ExploreStrategy::dpor, model, {})));
    expect_clean(explored<flushes_first>(gives_back, asked(ExploreStrategy::dpor, model, evict)));
  }
}

TEST(Walker, FindsNothingWhereTheFlushComesLast) {
  for (const char* model : models) {
    SCOPED_TRACE(model);
    const ExploreReport report = explored<x86>(
        gives_back, asked(ExploreStrategy::dpor, model, {.walks = 1, .evictions = 1}));
    expect_clean(report);
    EXPECT_GT(report.executions, 100U);
  }
}

TEST(Eviction, ShowsOneFlushAsTwo) {
  for (const char* model : models) {
    SCOPED_TRACE(model);
    const ExploreOptions options = asked(ExploreStrategy::dpor, model, evict);
    expect_found<x86>(one_after_the_other, explored<x86>(one_after_the_other, options), evict);
    expect_clean(explored<x86>(one_after_the_other, asked(ExploreStrategy::dpor, model, walker)));
    expect_clean(explored<x86>(one_after_the_other, asked(ExploreStrategy::dpor, model, {})));
  }
  expect_found<x86>(one_after_the_other,
                    explored<x86>(one_after_the_other, asked(ExploreStrategy::pct, "sc", evict)),
                    evict);
}

// In time for the others: when P1 has lost the entry and looks again, it is not cleared yet.
TEST(Arrival, ComesBeforeTheClearingWhereTheInvalidateDoes) {
  for (const char* model : models) {
    SCOPED_TRACE(model);
    const ExploreOptions options = asked(ExploreStrategy::dpor, model, arrive);
    const ExploreReport report = explored<issues_first>(looks_again, options);
    expect_found<issues_first>(looks_again, report, arrive);
    EXPECT_NE(report.violations.front().schedule.find("b.arrive"), std::string::npos);
    expect_clean(explored<issues_first>(looks_again, asked(ExploreStrategy::dpor, model, {})));
    expect_clean(explored<issues_first>(looks_again, asked(ExploreStrategy::dpor, model, evict)));
  }
  ExploreOptions by_chance = asked(ExploreStrategy::pct, "sc", arrive);
  by_chance.executions = 40'000;  // two steps of CPU 0, in which both others have to come
  expect_found<issues_first>(looks_again, explored<issues_first>(looks_again, by_chance), arrive);
}

TEST(Arrival, ChangesNothingWhereTheClearingComesFirst) {
  for (const char* model : models) {
    SCOPED_TRACE(model);
    const ExploreReport latest =
        explored<arm64>(looks_again, asked(ExploreStrategy::dpor, model, {}));
    const ExploreReport early =
        explored<arm64>(looks_again, asked(ExploreStrategy::dpor, model, arrive));
    expect_clean(latest);
    expect_clean(early);
    EXPECT_GT(early.executions, latest.executions);
  }
}

// The invalidate is at P1 before the cleared entry is: P1 walks the old one once more. An order in which
// stores become visible as they were made cannot show it.
TEST(Arrival, OutrunsTheClearingWhereNoBarrierHoldsItBack) {
  using planted = forgets_a_barrier;
  const ExploreOptions options = asked(ExploreStrategy::dpor, "weak", arrive);
  const ExploreReport report = explored<planted>(looks_again, options);
  expect_found<planted>(looks_again, report, arrive);
  EXPECT_NE(report.violations.front().schedule.find("b.arrive"), std::string::npos);
  expect_clean(explored<planted>(looks_again, asked(ExploreStrategy::dpor, "weak", {})));
  for (const char* model : {"sc", "tso"})
    expect_clean(explored<planted>(looks_again, asked(ExploreStrategy::dpor, model, arrive)));
}

// Who has nowhere to go is not there: no actor, no choice, no thread of the graph.
TEST(HardwareActs, AreNoneWithoutAnAddress) {
  const ScenarioText nowhere = parse_scenario_text("P0: meet\nP1: meet\n", "text");
  for (const ExploreStrategy strategy :
       {ExploreStrategy::random, ExploreStrategy::pct, ExploreStrategy::dpor}) {
    ExploreOptions options = asked(strategy, "sc", {});
    options.text = &nowhere;
    const ExploreReport off = explore_text<x86>(options);
    options.actors = {.walks = 1, .evictions = 1};
    const ExploreReport without_addresses = explore_text<x86>(options);
    EXPECT_EQ(off.executions, without_addresses.executions);
    EXPECT_EQ(off.steps, without_addresses.steps);
  }
}

// Everything at once: no oracle takes a walk for an access, or what it fills for a leak.
TEST(HardwareActs, BreakNothingInTheMixedWorkload) {
  ExploreOptions options;
  options.seconds = 120;
  options.executions = 3000;
  options.actors = {.walks = 6, .evictions = 6};
  for (const char* rule : {"rate=0.01", "rate=0.1"}) {
    options.fail_alloc = {parse_alloc_rule(rule)};
    const ExploreReport report = explore_scenario(parts_of<x86, mixed_workload>(), options);
    EXPECT_TRUE(report.violations.empty()) << report.violations.front().violation.text << "\n"
                                           << report.violations.front().schedule;
    EXPECT_EQ(report.executions, 3000U);
  }
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
