// SPDX-License-Identifier: GPL-2.0-or-later
// No false alarm on threads: the workload for a while, with TLBs of two sizes, more CPUs than
// processors included. And not blind either: without the nested flush the race is found.
#include <chrono>
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/oracle/huge_workload.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Clock = std::chrono::steady_clock;

// Longer, for a soak by hand.
std::chrono::duration<double> duration() {
  const char* seconds = std::getenv("TLBLAB_SOAK_SECONDS");
  return std::chrono::duration<double>(seconds != nullptr ? std::strtod(seconds, nullptr) : 0.5);
}

// Until the time is over or a violation was seen; returns the operations made.
template <class Operation>
std::uint64_t on_threads(Rig<x86>& rig,
                         const struct fixes& fixes,
                         WorkloadSize size,
                         std::chrono::duration<double> length,
                         Operation operation) {
  std::atomic<std::uint64_t> operations{0};
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(length);
  rig.run(fixes, [&](unsigned cpu) {
    use_mm<x86>(rig.mm());
    CleanWorkload<x86> workload(rig.mm(), size, 100 * rig.machine().cpus() + cpu);
    if (cpu == 0) workload.map_all();
    std::uint64_t done = 0;
    while (Clock::now() < end && rig.oracles().total() == 0)
      for (unsigned i = 0; i < 64; ++i, ++done) operation(workload);
    operations.fetch_add(done, std::memory_order_relaxed);
    unuse_mm<x86>();
  });
  return operations.load(std::memory_order_relaxed);
}

void expect_silence(const TlbGeometry& tlb, unsigned cpus, unsigned pages) {
  Rig<x86> rig({.cpus = cpus, .seed = 1, .junk_fill = true}, tlb, 1U << 16);
  const auto done = on_threads(rig, {}, {.pages = pages, .region_stride = 2U << 20}, duration(),
                               [](CleanWorkload<x86>& workload) { workload.one_operation(); });
  EXPECT_EQ(rig.oracles().total(), 0U) << rig.text();
  EXPECT_GT(done, 100U);
  ::testing::Test::RecordProperty("operations", std::to_string(done));
}

class OracleStress : public ::testing::TestWithParam<unsigned> {};

TEST_P(OracleStress, SilentWithALargeTlb) { expect_silence({}, GetParam(), 48); }
// Everybody is at the same few entries.
TEST_P(OracleStress, SilentAtFourPages) { expect_silence(small_tlb, GetParam(), 4); }

TEST_P(OracleStress, SilentOnHugePages) {
  Rig<x86> rig({.cpus = GetParam(), .seed = 1, .junk_fill = true}, small_tlb, 1U << 16);
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(duration());
  std::atomic<std::uint64_t> operations{0};
  rig.run({}, [&](unsigned cpu) {
    use_mm<x86>(rig.mm());
    HugeWorkload<x86> workload(rig.mm(), 100 * GetParam() + cpu);
    if (cpu == 0) workload.map_all();
    for (; Clock::now() < end && rig.oracles().total() == 0; operations.fetch_add(1))
      workload.one_operation();
    unuse_mm<x86>();
  });
  EXPECT_EQ(rig.oracles().total(), 0U) << rig.text();
  EXPECT_GT(operations.load(), 20U);
}

TEST(OracleStress, FindsTheNestedFlushRace) {
  Rig<x86> rig({.cpus = 4, .seed = 1}, {}, 1U << 16);
  constexpr std::chrono::duration<double> patience(60);
  on_threads(rig, {.nested_flush = false}, {.pages = 64, .region_stride = 2U << 20}, patience,
             [](CleanWorkload<x86>& workload) { workload.give_back_or_use(); });
  EXPECT_TRUE(rig.kinds().contains(std::string(kind::stale_translation_after_return)))
      << rig.text();
}

INSTANTIATE_TEST_SUITE_P(Cpus, OracleStress, ::testing::Values(1U, 2U, 4U, 8U));

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
