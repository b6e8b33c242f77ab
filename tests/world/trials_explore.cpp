// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/choosers.h"
#include "harness/explore/schedule.h"
#include "tests/world/trials.h"

namespace tlblab::inline TLBLAB_WORLD {

const unsigned rounds = 4;

void each_trial(unsigned cpus, const std::function<void(Machine&)>& trial) {
  constexpr unsigned schedules = 200;
  for (unsigned seed = 1; seed <= schedules; ++seed) {
    RandomChooser chooser(seed);
    MachineOptions options;
    options.cpus = cpus;
    options.chooser = &chooser;
    Machine machine(options);
    trial(machine);
    const ExecutionResult& result = machine.result();
    ASSERT_EQ(result.violation, "") << print_schedule({{}, result.schedule});
    ASSERT_FALSE(testing::Test::HasFailure()) << print_schedule({{}, result.schedule});
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD
