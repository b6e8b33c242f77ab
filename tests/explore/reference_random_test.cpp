// SPDX-License-Identifier: GPL-2.0-or-later
// The reference on random programs: sc and tso against a machine that steps through all
// interleavings, and each model against the one that allows more.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/explore/interleavings.h"
#include "tests/explore/program_text.h"
#include "tests/explore/random_program.h"
#include "tests/explore/reference.h"

namespace tlblab {
namespace {

using enum MemoryModel;

struct Sample {
  const char* name;
  ProgramShape shape;
  std::uint64_t programs;
};

class ReferenceOnRandomPrograms : public testing::TestWithParam<Sample> {
 protected:
  template <class Check>
  static void for_each_program(Check check) {
    for (std::uint64_t seed = 0; seed < GetParam().programs; ++seed) {
      const SmallProgram program = random_program(seed, GetParam().shape);
      SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + to_text(program));
      check(program);
      if (HasFailure()) return;  // one program is enough to look at
    }
  }
};

void expect_same(const SmallProgram& program, MemoryModel model) {
  const FinalStates axioms = reference(program, model).states;
  const FinalStates steps = interleavings(program, model);
  EXPECT_EQ(axioms, steps) << "by the axioms:\n"
                           << to_text(program, axioms) << "by steps:\n"
                           << to_text(program, steps);
}

TEST_P(ReferenceOnRandomPrograms, ScIsAllInterleavings) {
  for_each_program([](const SmallProgram& program) { expect_same(program, sc); });
}

TEST_P(ReferenceOnRandomPrograms, TsoIsStoreBuffers) {
  for_each_program([](const SmallProgram& program) { expect_same(program, tso); });
}

TEST_P(ReferenceOnRandomPrograms, WeakerModelsAllowMore) {
  unsigned tso_more = 0, weak_more = 0;
  for_each_program([&](const SmallProgram& program) {
    const ReferenceResult strong = reference(program, sc);
    const ReferenceResult buffered = reference(program, tso);
    const ReferenceResult weakest = reference(program, weak);
    EXPECT_TRUE(std::ranges::includes(buffered.states, strong.states));
    EXPECT_TRUE(std::ranges::includes(weakest.states, buffered.states));
    EXPECT_LE(strong.executions, buffered.executions);
    EXPECT_LE(buffered.executions, weakest.executions);
    tso_more += buffered.states.size() > strong.states.size();
    weak_more += weakest.states.size() > buffered.states.size();
  });
  EXPECT_GT(tso_more, 0U);
  EXPECT_GT(weak_more, 0U);
}

const Sample samples[]{
    {"Everything", {.threads = 2, .ops = 5, .locations = 2, .locks = 2}, 400},
    {"Accesses", {.threads = 3, .ops = 3, .locks = 0, .void_adds = false, .rcu = false}, 200},
    {"Grace", {.threads = 3, .ops = 4, .locks = 0, .rmws = false, .void_adds = false}, 150},
    {"Awaits", {.threads = 2, .ops = 5, .awaits = true, .lock_cycles = true}, 400},
};

INSTANTIATE_TEST_SUITE_P(Of,
                         ReferenceOnRandomPrograms,
                         testing::ValuesIn(samples),
                         [](const auto& sample) { return sample.param.name; });

}  // namespace
}  // namespace tlblab
