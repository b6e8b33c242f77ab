// SPDX-License-Identifier: GPL-2.0-or-later
// What a schedule says besides its steps, so that it can be replayed without any option:
//
//   v1 madvise-parallel-2017 x86 sc without=nested-flush cpus=4 fail-alloc=number=3 : a7 b12
//
//   v1 file=my.scenario x86 sc text=0123456789abcdef without=nested-flush : a7 b12
//
// Scenario, backend and memory model in this order; the others only where they differ from the
// default, in any order; fail-alloc= once for each rule; actors= if the hardware does anything. Of a scenario that is a text, its file and
// the fingerprint of what it said. In the file's name what would part words stands as %20 and the
// like.
#pragma once

#include <string>
#include <vector>

#include "harness/workload/hardware_actors.h"

namespace tlblab {

struct ScheduleHeader {
  std::string scenario, arch;
  std::string model = "sc";
  std::vector<std::string> without;
  unsigned cpus = 0;  // 0: as many as the scenario has actors
  std::vector<std::string> fail_alloc{};
  HardwareActors actors{};
  std::string fingerprint{};  // not empty: `scenario` is the name of a file
  friend bool operator==(const ScheduleHeader&, const ScheduleHeader&) = default;
};

// `steps` as the explorer printed them, with or without the version before them.
[[nodiscard]] std::string with_header(const ScheduleHeader& header, const std::string& steps);
// Checks the whole schedule. Throws UsageError.
[[nodiscard]] ScheduleHeader header_of(const std::string& schedule);

}  // namespace tlblab
