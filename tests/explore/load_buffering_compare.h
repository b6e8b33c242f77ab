// SPDX-License-Identifier: GPL-2.0-or-later
// What is said of load buffering, against the kernel's model by its axioms, on programs that are made up.
#pragma once

#include <gtest/gtest.h>

#include "bench/explore/graph_runner.h"
#include "tests/explore/program_text.h"
#include "tests/explore/random_program.h"
#include "tests/explore/reference.h"

namespace tlblab {

[[nodiscard]] inline LoadBuffering asked(const SmallProgram& program,
                                         GraphRunOptions options = {}) {
  LoadBuffering buffering(static_cast<unsigned>(program.threads.size()));
  options.load_buffering = &buffering;
  buffering.same_program(0, options.same_program);
  static_cast<void>(search_graphs(program, MemoryModel::weak, options));
  return buffering;
}

struct BufferingScore {
  unsigned programs = 0;
  unsigned more = 0;       // the kernel's model has states that the weak one has not
  unsigned not_exact = 0;  // pairs were found
};

inline void score(const SmallProgram& program, BufferingScore& sum) {
  const bool more =
      kernel_reference(program).states != reference(program, MemoryModel::weak).states;
  const bool not_exact = !asked(program).pairs().empty();
  ++sum.programs;
  sum.more += more ? 1 : 0;
  sum.not_exact += not_exact ? 1 : 0;
  EXPECT_TRUE(not_exact || !more) << to_text(program);
  const bool commuted = !asked(program, {.commute_additions = true}).pairs().empty();
  EXPECT_TRUE(commuted || !more) << to_text(program);
}

inline void score_all(const ProgramShape& shape,
                      std::uint64_t first_seed,
                      unsigned programs,
                      BufferingScore& sum) {
  for (unsigned n = 0; n < programs && !testing::Test::HasFailure(); ++n)
    score(random_program(first_seed + n, shape), sum);
}

inline BufferingScore score_all_shapes(std::uint64_t seed, unsigned of_each) {
  BufferingScore sum;
  const auto score = [&](const ProgramShape& shape) { score_all(shape, seed, of_each, sum); };
  score({});
  score({.ops = 5, .locks = 2, .lock_cycles = true});
  score({.awaits = true});
  score({.ops = 5, .locations = 3, .dependencies = true});
  score({.ops = 6, .locations = 3, .locks = 0, .rmws = false, .rcu = false, .dependencies = true});
  score({.threads = 3, .ops = 3});
  score({.threads = 3, .ops = 3, .locks = 0, .counters = 1});
  score({.threads = 3, .ops = 3, .locks = 0, .rmws = false, .void_adds = false, .rcu = false});
  score({.threads = 3, .ops = 3, .locations = 3, .awaits = true, .dependencies = true});
  score({.threads = 4, .ops = 2, .locations = 3, .locks = 0, .dependencies = true});
  return sum;
}

}  // namespace tlblab
