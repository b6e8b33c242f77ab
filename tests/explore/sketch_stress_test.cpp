// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "bench/explore/known_sketches.h"

namespace tlblab {
namespace {

TEST(ParallelDontneedStress, ThreeZappersWithTheNestedFlush) {
  for (const MemoryModel model : {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak}) {
    const SketchOutcome outcome = search_sketch(parallel_dontneed(3, true), model);
    EXPECT_GT(outcome.counts.executions, 0U);
    EXPECT_EQ(outcome.counts.deadlocks, 0U);
    EXPECT_EQ(outcome.wrong, 0U);
  }
}

}  // namespace
}  // namespace tlblab
