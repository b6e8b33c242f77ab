// SPDX-License-Identifier: GPL-2.0-or-later
// What the complete search says of the kernel's races as sketches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/explore/known_sketches.h"

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::Gt;

constexpr MemoryModel models[] = {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak};

// Wrong executions under sc, tso and weak, of a search that leaves nothing out.
std::vector<std::uint64_t> wrong(const Sketch& sketch) {
  std::vector<std::uint64_t> counts;
  for (const MemoryModel model : models) {
    const SketchOutcome outcome = search_sketch(sketch, model);
    EXPECT_EQ(outcome.counts.deadlocks, 0U);
    EXPECT_GT(outcome.counts.executions, 0U);
    counts.push_back(outcome.wrong);
  }
  return counts;
}

class KsmAndGup : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Gups, KsmAndGup, testing::Values(1, 2, 3));

TEST_P(KsmAndGup, WithAllBarriersEveryPinIsOfAnExclusivePage) {
  for (const auto clear :
       {GupBarriers::store, GupBarriers::relaxed_exchange, GupBarriers::full_exchange})
    EXPECT_THAT(wrong(ksm_and_gup(GetParam(), {.clear = clear})), ElementsAre(0, 0, 0));
}

TEST_P(KsmAndGup, EachBarrierIsNeededInTheWeakModelAlone) {
  for (const GupBarriers& without : {GupBarriers{.ksm_mb = false}, GupBarriers{.ksm_wmb = false},
                                     GupBarriers{.gup_mb = false}, GupBarriers{.gup_rmb = false}})
    EXPECT_THAT(wrong(ksm_and_gup(GetParam(), without)), ElementsAre(0, 0, Gt(0)));
}

// Then x86 needs the first barrier too; behind a full exchange nobody does.
TEST_P(KsmAndGup, WhatClearsTheEntryMayBeABarrier) {
  EXPECT_THAT(wrong(ksm_and_gup(GetParam(), {.ksm_mb = false, .clear = GupBarriers::store})),
              ElementsAre(0, Gt(0), Gt(0)));
  EXPECT_THAT(
      wrong(ksm_and_gup(GetParam(), {.ksm_mb = false, .clear = GupBarriers::full_exchange})),
      ElementsAre(0, 0, 0));
}

TEST(ParallelDontneed, WithoutTheNestedFlushAStaleEntryIsUsed) {
  for (const unsigned zappers : {2U, 3U})
    EXPECT_THAT(wrong(parallel_dontneed(zappers, false)), ElementsAre(Gt(0), Gt(0), Gt(0)));
}

// Three: sketch_stress_test.cpp.
TEST(ParallelDontneed, WithItNoneIs) {
  EXPECT_THAT(wrong(parallel_dontneed(2, true)), ElementsAre(0, 0, 0));
}

}  // namespace
}  // namespace tlblab
