// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search against every schedule, on programs that use what only the machine has: interrupts,
// sections without them, access windows, locks of readers and writers, grace periods, waiting loops,
// choices of the hardware, memory that is given back.
#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/explore/machine_program.h"
#include "tests/explore/port_search_run.h"
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {
namespace {

// Nothing if there are too many schedules.
std::optional<std::set<Outcome>> by_every_schedule(const Program& program,
                                                   const HardwareActs& acts) {
  const unsigned most = acts.any() ? 150'000 : 40'000;
  std::set<Outcome> found;
  EverySchedule chooser;
  unsigned schedules = 0;
  do {
    if (++schedules > most) return std::nullopt;
    Machinery state;
    MachineOptions options;
    options.cpus = static_cast<unsigned>(program.size());
    options.chooser = &chooser;
    Machine machine(options);
    machine.let_hardware_act(acts);
    machine.run([&](unsigned cpu) { run(state, program, cpu); });
    found.insert(outcome_of(state, machine.result().violation));
  } while (chooser.next());
  return found;
}

std::set<Outcome> by_search(const Program& program, MemoryModel model, const HardwareActs& acts) {
  std::set<Outcome> found;
  const SearchedProgram sum = search_all<Machinery>(
      model, static_cast<unsigned>(program.size()),
      [&](Machinery& m, unsigned cpu) { run(m, program, cpu); },
      [&](Machinery& m, const std::string& violation) { found.insert(outcome_of(m, violation)); },
      acts);
  EXPECT_TRUE(sum.complete);
  EXPECT_EQ(sum.lost, 0U);
  return found;
}

std::set<Outcome> without(const std::set<Outcome>& all, const std::set<Outcome>& those) {
  std::set<Outcome> left;
  std::ranges::set_difference(all, those, std::inserter(left, left.end()));
  return left;
}

// Returns how many programs do not have too many schedules.
unsigned compare(unsigned first_seed,
                 unsigned programs,
                 unsigned cpus,
                 unsigned steps,
                 const HardwareActs& acts = {}) {
  unsigned compared = 0;
  const Act last = acts.any() ? Act::last_with_hardware : Act::last;
  for (unsigned seed = first_seed; seed < first_seed + programs; ++seed) {
    const Program program = random_machine_program(seed, cpus, steps, last);
    const auto expected = by_every_schedule(program, acts);
    if (!expected) continue;
    ++compared;
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text_of(program));
    const std::set<Outcome> sc = by_search(program, MemoryModel::sc, acts);
    EXPECT_EQ(without(*expected, sc), std::set<Outcome>{}) << "missed";
    EXPECT_EQ(without(sc, *expected), std::set<Outcome>{}) << "made up";
    const std::set<Outcome> tso = by_search(program, MemoryModel::tso, acts);
    const std::set<Outcome> weak = by_search(program, MemoryModel::weak, acts);
    EXPECT_EQ(without(sc, tso), std::set<Outcome>{});
    EXPECT_EQ(without(tso, weak), std::set<Outcome>{});
    if (testing::Test::HasFailure()) break;
  }
  return compared;
}

TEST(PortSearchOnTheMachine, FindsWhatEveryScheduleFinds) {
  EXPECT_GT(compare(1, 60, 2, 1), 30U);
  EXPECT_GT(compare(1, 120, 2, 2), 60U);
  EXPECT_GT(compare(1, 100, 3, 1), 50U);
}

TEST(PortSearchOnTheMachine, FindsWhatEveryScheduleFindsIfHardwareActs) {
  EXPECT_GT(compare(1, 40, 2, 1, acts_on_words(1, 0)), 20U);
  EXPECT_GT(compare(1, 16, 2, 1, acts_on_words(0, 1)), 8U);
  EXPECT_GT(compare(1, 12, 2, 1, acts_on_words(1, 1)), 1U);
}

}  // namespace
}  // namespace tlblab::inline TLBLAB_WORLD
