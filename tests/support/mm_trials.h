// SPDX-License-Identifier: GPL-2.0-or-later
// How a test of several CPUs is tried: under many random schedules in the explore world, a few
// times on threads in the real one. And what only one of the worlds can tell of a machine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "mm/world.h"

namespace tlblab::inline TLBLAB_WORLD {

// trial(options) makes a machine of these options, and looks at what came out of it. The tries end
// with the first that failed.
void each_trial(unsigned cpus,
                unsigned schedules,
                const std::function<void(const MachineOptions&)>& trial);

// How often a loop of a body goes round that nothing else bounds.
extern const unsigned trial_rounds;
// Frames of a machine for a trial: few where each costs something, many where grace periods are
// slow and freed tables wait for them.
extern const std::uint64_t trial_frames;

// For a machine that nobody else chose a bound for: a test on one CPU takes as long as it takes.
void take_any_number_of_steps(MachineOptions& options);

// What ended the machine's execution before its time, and by which schedule; empty: nothing. In the
// real world a broken invariant has ended the program.
[[nodiscard]] std::string abnormal_end(const Machine& machine);

// Faults of programs that this CPU has handled; nothing where they are not counted.
[[nodiscard]] std::optional<std::uint64_t> page_faults(const Machine& machine, unsigned cpu);

// act(machine) breaks this invariant. In the real world that ends the program, so there it is tried
// in a process of its own.
void expect_broken(const char* kind, const std::function<void(Machine&)>& act);

}  // namespace tlblab::inline TLBLAB_WORLD
