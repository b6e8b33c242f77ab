// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/graph_compare.h"

namespace tlblab {
namespace {

TEST(GraphFuzzStress, TwentyThousandPrograms) { compare_all_shapes(1'000'000, 4'000); }

TEST(GraphFuzzStress, LargerPrograms) {
  compare({.threads = 3, .ops = 4, .void_adds = false}, 1, 500);
  compare({.threads = 4, .ops = 3}, 1, 150);
  compare({.ops = 6}, 1, 1000);
}

// Where a read-modify-write meets a grace period its thread may be stuck for a while: once in some
// thousand programs.
TEST(GraphFuzzStress, GracePeriods) {
  compare({.threads = 3, .ops = 4, .locks = 0, .fences = false}, 1, 600);
  compare({.threads = 3, .ops = 4, .locks = 1, .dependencies = true}, 3050, 50);
}

}  // namespace
}  // namespace tlblab
