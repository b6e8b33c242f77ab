// SPDX-License-Identifier: GPL-2.0-or-later
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

}  // namespace
}  // namespace tlblab
