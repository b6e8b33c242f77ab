// SPDX-License-Identifier: GPL-2.0-or-later
// No false alarm under random schedules, and the nested-flush race found by them: both directions.
// With and without a listener an execution takes the same steps.
#include <gtest/gtest.h>

#include "harness/explore/choosers.h"
#include "tests/oracle/huge_workload.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

struct Seen {
  std::uint64_t violations = 0;
  std::set<std::string> kinds;
  std::string text;
  ExecutionResult result;
};

template <class A, class Body>
Seen execute(unsigned cpus,
             std::uint64_t seed,
             const struct fixes& fixes,
             Body body,
             bool listen = true,
             std::uint64_t frames = 512) {
  RandomChooser chooser(seed);
  Rig<A> rig({.cpus = cpus, .chooser = &chooser}, small_tlb, frames);
  rig.run(fixes, [&](unsigned cpu) { body(rig, cpu); }, listen);
  EXPECT_EQ(rig.machine().result().violation, "") << "seed " << seed;
  return {rig.oracles().total(), rig.kinds(), rig.text(), rig.machine().result()};
}

class OracleSchedules : public ::testing::TestWithParam<unsigned> {};

Seen workload(unsigned cpus, std::uint64_t seed, bool listen) {
  constexpr unsigned operations = 20;
  return execute<x86>(
      cpus, seed, {},
      [&](Rig<x86>& rig, unsigned cpu) {
        use_mm<x86>(rig.mm());
        CleanWorkload<x86> work(rig.mm(), {.pages = 3, .region_stride = 2U << 20}, seed * 64 + cpu);
        if (cpu == 0) work.map_all();
        for (unsigned i = 0; i < operations; ++i) work.one_operation();
        unuse_mm<x86>();
      },
      listen);
}

TEST_P(OracleSchedules, SilentOnTheWorkload) {
  constexpr unsigned executions = 1000;
  for (std::uint64_t seed = 1; seed <= executions; ++seed) {
    const Seen seen = workload(GetParam(), seed, true);
    ASSERT_EQ(seen.violations, 0U) << "seed " << seed << "\n" << seen.text;
  }
}

TEST_P(OracleSchedules, ChangeNothing) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed)
    ASSERT_EQ(workload(GetParam(), seed, true).result.schedule,
              workload(GetParam(), seed, false).result.schedule)
        << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(Cpus, OracleSchedules, ::testing::Values(2U, 3U));

// Huge pages, which are split and moved under a flush of their own and not through a gather.
template <class A>
Seen huge_workload(unsigned cpus, std::uint64_t seed) {
  constexpr unsigned operations = 12;
  constexpr std::uint64_t frames = 1U << 14;
  return execute<A>(
      cpus, seed, {},
      [&](Rig<A>& rig, unsigned cpu) {
        use_mm<A>(rig.mm());
        HugeWorkload<A> work(rig.mm(), seed * 64 + cpu);
        if (cpu == 0) work.map_all();
        for (unsigned i = 0; i < operations; ++i) work.one_operation();
        unuse_mm<A>();
      },
      true, frames);
}

TEST_P(OracleSchedules, SilentOnHugePages) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Seen seen = huge_workload<x86>(GetParam(), seed);
    ASSERT_EQ(seen.violations, 0U) << "seed " << seed << "\n" << seen.text;
  }
}

struct forgets_range_flush : x86 {
  static void flush_tlb_range(mm_struct&, vaddr_t, vaddr_t, unsigned, bool) noexcept {}
};

TEST_P(OracleSchedules, FindASplitWithoutAFlush) {
  unsigned found = 0;
  for (std::uint64_t seed = 1; seed <= 40 && found == 0; ++seed)
    found += huge_workload<forgets_range_flush>(GetParam(), seed)
                     .kinds.contains(std::string(kind::stale_translation_after_return))
                 ? 1U
                 : 0U;
  EXPECT_EQ(found, 1U);
}

// madvise-parallel-2017: two calls over the same page, and a third CPU that has it.
Seen nested_flush(std::uint64_t seed, bool fixed) {
  Turns turns;
  return execute<x86>(3, seed, {.nested_flush = fixed}, [&](Rig<x86>& rig, unsigned cpu) {
    use_mm<x86>(rig.mm());
    CleanWorkload<x86> workload(rig.mm(), {.pages = 1, .region_stride = 2U << 20}, seed);
    if (cpu == 2)
      turns.turn(0, [&] {
        workload.map_all();
        static_cast<void>(user_write<x86>(rig.mm(), arena_start, 1));
      });
    if (cpu != 2) {
      while (!turns.reached(1)) cpu_relax();
      static_cast<void>(do_madvise_dontneed<x86>(rig.mm(), arena_start, page_size));
      turns.next();
    } else {
      turns.wait_for(3);  // CPU 2 keeps what it has until both have returned
    }
    unuse_mm<x86>();
  });
}

TEST(OracleSchedules, FindTheNestedFlushRace) {
  constexpr unsigned executions = 2000;
  unsigned found = 0;
  for (std::uint64_t seed = 1; seed <= executions; ++seed)
    found +=
        nested_flush(seed, false).kinds.contains(std::string(kind::stale_translation_after_return));
  EXPECT_GT(found, 0U);
  RecordProperty("found", std::to_string(found));
}

TEST(OracleSchedules, DoNotFindItWithTheFix) {
  constexpr unsigned executions = 2000;
  for (std::uint64_t seed = 1; seed <= executions; ++seed) {
    const Seen seen = nested_flush(seed, true);
    ASSERT_EQ(seen.violations, 0U) << "seed " << seed << "\n" << seen.text;
  }
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
