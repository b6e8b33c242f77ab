// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "tests/support/mm_trials.h"

namespace tlblab::inline TLBLAB_WORLD {

const unsigned trial_rounds = 200;
const std::uint64_t trial_frames = 1 << 16;

void each_trial(unsigned cpus,
                unsigned /*schedules*/,
                const std::function<void(const MachineOptions&)>& trial) {
  constexpr unsigned machines = 4;
  for (unsigned seed = 1; seed <= machines; ++seed) {
    MachineOptions options;
    options.cpus = cpus;
    options.seed = seed;
    options.junk_fill = true;
    trial(options);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

void take_any_number_of_steps(MachineOptions&) {}

std::string abnormal_end(const Machine&) { return {}; }

std::optional<std::uint64_t> page_faults(const Machine&, unsigned) { return std::nullopt; }

void expect_broken(const char* kind, const std::function<void(Machine&)>& act) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Machine machine{MachineOptions{}};
        act(machine);
      },
      kind);
}

}  // namespace tlblab::inline TLBLAB_WORLD
