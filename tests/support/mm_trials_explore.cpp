// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "harness/explore/choosers.h"
#include "harness/explore/schedule.h"
#include "tests/support/mm_trials.h"

namespace tlblab::inline TLBLAB_WORLD {

const unsigned trial_rounds = 3;
const std::uint64_t trial_frames = 1024;

namespace {

// A random walk switches at every step, so nobody gets far while another one stands still. Here
// whoever moves goes on for a while: short and long stretches are as likely as each other.
class BurstChooser final : public Chooser {
 public:
  explicit BurstChooser(std::uint64_t seed) noexcept : random_(seed) {}
  [[nodiscard]] unsigned choose(const ChoicePoint& point) noexcept override {
    if (point.hardware()) return random_.choose(point);
    if (left_ > 0 && point.is_enabled(point.running)) {
      --left_;
      return point.index_of(point.running);
    }
    constexpr unsigned lengths = 9;  // 1, 2, 4, ..., 256 steps
    ChoicePoint dice = point;
    dice.choices = lengths;
    left_ = 1U << random_.choose(dice);
    return random_.choose(point);
  }

 private:
  RandomChooser random_;
  unsigned left_ = 0;
};

}  // namespace

void each_trial(unsigned cpus,
                unsigned schedules,
                const std::function<void(const MachineOptions&)>& trial) {
  for (unsigned seed = 1; seed <= schedules; ++seed) {
    RandomChooser steps(seed);
    BurstChooser bursts(seed);
    MachineOptions options;
    options.cpus = cpus;
    options.seed = seed;
    options.chooser = seed % 2 == 0 ? static_cast<Chooser*>(&steps) : &bursts;
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

void expect_broken(const char* kind, const std::function<void(Machine&)>& act) {
  Machine machine{MachineOptions{}};
  act(machine);
  EXPECT_EQ(machine.result().violation, kind);
}

}  // namespace tlblab::inline TLBLAB_WORLD
