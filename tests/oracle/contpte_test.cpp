// SPDX-License-Identifier: GPL-2.0-or-later
// Every call on huge pages and what they are split into, on all CPUs at once, with the oracles on: blocks
// are made and unmade all the time, and nothing is found.
#include <gtest/gtest.h>

#include "arch/arm64/arm64.h"
#include "arch/chosen.h"
#include "tests/oracle/huge_workload.h"
#include "tests/support/mm_trials.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

class ContpteEverything : public testing::TestWithParam<const char*> {
 protected:
  ContpteEverything() {
    chosen_arch::choose<arm64>();
    EXPECT_TRUE(arm64::set_option(GetParam()));
  }
  ~ContpteEverything() override { static_cast<void>(arm64::set_option("")); }
};
INSTANTIATE_TEST_SUITE_P(With,
                         ContpteEverything,
                         testing::Values("", "no-contpte", "skip-broadcast"),
                         [](const auto& of) {
                           const std::string name = *of.param == '\0' ? "contpte" : of.param;
                           return name.substr(0, name.find('-'));
                         });

void everything(const MachineOptions& options, unsigned operations) {
  MachineOptions machine = options;
  machine.tracked_windows = true;
  Rig<chosen_arch> rig(machine, small_tlb, 1U << 14);
  rig.run({}, [&](unsigned cpu) {
    use_mm<chosen_arch>(rig.mm());
    HugeWorkload<chosen_arch> work(rig.mm(), options.seed * 64 + cpu);
    if (cpu == 0) work.map_all();
    for (unsigned i = 0; i < operations && rig.oracles().total() == 0; ++i) work.one_operation();
    unuse_mm<chosen_arch>();
  });
  EXPECT_EQ(rig.oracles().total(), 0U) << "seed " << options.seed << "\n" << rig.text();
  EXPECT_EQ(abnormal_end(rig.machine()), "") << "seed " << options.seed;
}

TEST_P(ContpteEverything, IsSilentOnTwoCpus) {
  each_trial(2, 300, [](const MachineOptions& options) { everything(options, 4 * trial_rounds); });
}
TEST_P(ContpteEverything, IsSilentOnThreeCpus) {
  each_trial(3, 300, [](const MachineOptions& options) { everything(options, 4 * trial_rounds); });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
