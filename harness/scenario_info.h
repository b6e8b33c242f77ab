// SPDX-License-Identifier: GPL-2.0-or-later
// What a scenario says about itself. World-neutral.
#pragma once

#include <span>
#include <string_view>

#include "harness/expectation.h"

namespace tlblab {

struct ScenarioInfo {
  std::string_view name;
  std::string_view thread = "-";  // of the mailing list
  std::string_view line;          // what goes wrong
  std::string_view fixes{};       // switches that matter, with commas; the first is the cure
  std::string_view real_threads;  // yes, yes+delay, explorer only
  unsigned cpus = 0;              // actors
  unsigned crowd_role = 0;        // what CPUs beyond them do
  unsigned least_cpus = 0;        // what it can do with; 0: all its actors
  unsigned explored_cpus = 0;     // how many the explorer takes if not told; 0: all its actors
  unsigned explored_frames = 0;   // of memory there, beyond the usual: a huge page is 512 in a row
  std::string_view arches{};      // where it can be, with commas; empty: on every backend
  std::string_view not_on{};      // where it is not even so
  std::string_view kinds{};       // of violation that count, with commas; empty: any
  std::string_view fail_alloc{};  // a rule that holds unless another one is typed
  std::string_view actors{};      // of the hardware, unless others are typed
  // On threads CPUs wait at these points, unless others are typed (harness/workload/stall_points.h).
  std::string_view stalls{};
  std::span<const Expectation> expected{};  // for tlblab check
};

}  // namespace tlblab
