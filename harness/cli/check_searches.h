// SPDX-License-Identifier: GPL-2.0-or-later
// The searches of tlblab check, each in a process of its own: so what one comes to does not depend on
// which were made before it, nor on how many are made at the same time.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "harness/cli/check_plan.h"

namespace tlblab {

using OnOutcome = std::function<void(std::size_t number, const CheckOutcome&)>;

// `jobs` at the same time. `done` hears of each as it ends, in any order. Ends early if `stop` is set.
// Throws std::runtime_error if a process dies, std::system_error if the host has none.
void make_searches(const std::vector<CheckSearch>& searches,
                   unsigned jobs,
                   double most_seconds,
                   const std::atomic<bool>& stop,
                   const OnOutcome& done);

}  // namespace tlblab
