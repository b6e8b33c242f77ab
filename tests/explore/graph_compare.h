// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search against the axioms, on programs that are made up: the same final states, and one
// execution for each class.
#pragma once

#include <gtest/gtest.h>

#include "bench/explore/graph_runner.h"
#include "tests/explore/program_text.h"
#include "tests/explore/random_program.h"
#include "tests/explore/reference.h"

namespace tlblab {

inline constexpr MemoryModel models[] = {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak};

inline void expect_the_same(const SmallProgram& program, MemoryModel model) {
  const ReferenceResult expected = reference(program, model);
  const GraphOutcome found = search_graphs(program, model, {.classes = true});
  SCOPED_TRACE(to_text(program));
  SCOPED_TRACE(static_cast<int>(model));
  EXPECT_EQ(found.states, expected.states);
  EXPECT_EQ(found.classes.size(), expected.executions);
  EXPECT_EQ(found.counts.executions - found.counts.deadlocks, expected.executions);
  const GraphOutcome commuted =
      search_graphs(program, model, {.classes = true, .commute_additions = true});
  EXPECT_EQ(commuted.states, expected.states);
  EXPECT_EQ(commuted.classes.size(), expected.classes);
  EXPECT_EQ(commuted.counts.executions - commuted.counts.deadlocks, expected.classes);
}

inline void compare(const ProgramShape& shape, std::uint64_t first_seed, unsigned programs) {
  for (unsigned n = 0; n < programs && !testing::Test::HasFailure(); ++n)
    for (const MemoryModel model : models)
      expect_the_same(random_program(first_seed + n, shape), model);
}

inline void compare_all_shapes(std::uint64_t seed, unsigned of_each) {
  compare({}, seed, of_each);
  compare({.ops = 5, .locations = 1, .locks = 2, .lock_cycles = true}, seed, of_each);
  compare({.awaits = true}, seed, of_each);
  compare({.ops = 5, .locations = 3, .dependencies = true}, seed, of_each / 2);
  compare({.threads = 3, .ops = 3}, seed, of_each);
  compare({.threads = 3, .ops = 4, .locks = 0, .counters = 1}, seed, of_each / 2);
  compare({.threads = 3, .ops = 3, .locks = 0, .awaits = true}, seed, of_each);
}

}  // namespace tlblab
