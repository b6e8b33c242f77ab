// SPDX-License-Identifier: GPL-2.0-or-later
// What can be known of a scenario's programs before they run: who waits for whom, which child is
// whose, which registers there are.
#pragma once

#include "harness/workload/scenario_text.h"

namespace tlblab {

// Throws InputError. Counts the meetings.
void check_cast(ScenarioText& text);

}  // namespace tlblab
