// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "harness/explore/choosers.h"
#include "harness/explore/schedule.h"
#include "tests/support/mm_trials.h"

namespace tlblab::inline TLBLAB_WORLD {

const unsigned trial_rounds = 3;

void each_trial(unsigned cpus,
                unsigned schedules,
                const std::function<void(const MachineOptions&)>& trial) {
  for (unsigned seed = 1; seed <= schedules; ++seed) {
    RandomChooser chooser(seed);
    MachineOptions options;
    options.cpus = cpus;
    options.seed = seed;
    options.chooser = &chooser;
    trial(options);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

void take_any_number_of_steps(MachineOptions& options) {
  if (options.chooser == nullptr) options.step_limit = 1ULL << 28;
}

std::string abnormal_end(const Machine& machine) {
  const ExecutionResult& result = machine.result();
  if (result.ok()) return {};
  constexpr std::size_t shown = 200;
  const std::size_t skipped = result.schedule.size() > shown ? result.schedule.size() - shown : 0;
  return result.violation +
         ", the last steps: " + print_steps(std::span(result.schedule).subspan(skipped));
}

std::optional<std::uint64_t> page_faults(const Machine& machine, unsigned cpu) {
  return machine.charged(cpu, Cost::page_fault);
}

}  // namespace tlblab::inline TLBLAB_WORLD
