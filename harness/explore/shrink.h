// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a schedule that fails short enough to be read: the same kind of violation with fewer
// context switches, then with less that the hardware does, then with fewer steps.
//
// Delta debugging of plans: who makes how many steps in a row, and what a CPU's hardware answers, in
// its order. Parts of a plan are ordered by CPU, dropped, made earlier, later or shorter; then the
// program runs as near to it as it can, and whatever it did is the new schedule if it failed in the
// same kind and is smaller. So nothing that is returned was guessed: it was executed, and repeats
// by ReplayChooser.
//
// A local minimum: no such change of one part makes it smaller. A function of its arguments alone.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <span>

#include "harness/explore/search.h"

namespace tlblab {

// What makes a schedule hard to read, the worst first.
struct ScheduleSize {
  std::uint64_t switches = 0;  // from a step of one CPU to a step of another
  std::uint64_t hardware = 0;  // choices other than 0, walks and evictions
  std::uint64_t steps = 0;
  friend auto operator<=>(const ScheduleSize&, const ScheduleSize&) noexcept = default;
};
[[nodiscard]] ScheduleSize size_of(std::span<const ScheduleStep> schedule) noexcept;

struct ShrinkOptions {
  std::uint64_t max_executions = 20'000;
  std::uint64_t max_steps = 50'000'000;  // of all executions
};

struct ShrinkResult {
  ExecutionResult result;  // what was given, if nothing smaller fails in its kind
  ScheduleSize before, after;
  std::uint64_t executions = 0;
  bool finished = false;  // else a bound or `stop` ended it
};

// `failing` is a result of `execute` with a violation. `stop` is looked at between executions.
[[nodiscard]] ShrinkResult shrink(const Execute& execute,
                                  const ExecutionResult& failing,
                                  const ShrinkOptions& options,
                                  const std::atomic<bool>& stop);

}  // namespace tlblab
