// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/explore/small_ops.h"
#include "tests/explore/graph_compare.h"

namespace tlblab {
namespace {

TEST(GraphFuzz, AThousandPrograms) { compare_all_shapes(1, 200); }

// Where a location is kept from the search, that shows.
TEST(GraphFuzz, AForgottenLocationShows) {
  unsigned wrong = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const SmallProgram program = random_program(seed, {.rmws = false, .void_adds = false});
    const GraphRunOptions hidden{.hidden_location = 0};
    if (search_graphs(program, MemoryModel::sc, hidden).states !=
        reference(program, MemoryModel::sc).states)
      ++wrong;
  }
  EXPECT_GT(wrong, 20U);
}

// The second thread's addition cannot be while the first has added behind its grace period; only what
// the third stores can make room for it.
TEST(GraphFuzz, AStuckThreadWaitsForOthers) {
  using namespace small_ops;
  const SmallProgram stuck =
      program({{void_add(y, 1), synchronize, add(x, 1, order::relaxed)},
               {read_lock, w(y, 1, order::release), add(x, 1, order::release), read_unlock},
               {w(x, 2, order::release)}});
  for (const MemoryModel model : models) expect_the_same(stuck, model);
}

}  // namespace
}  // namespace tlblab
