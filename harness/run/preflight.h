// SPDX-License-Identifier: GPL-2.0-or-later
// What makes timings on a host worth less than they look. The reading of kernel files is apart from
// what they mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tlblab {

// Contents of files of the kernel; empty: there is no such file.
struct HostTexts {
  std::string cpuinfo;   // /proc/cpuinfo
  std::string loadavg;   // /proc/loadavg
  std::string smt;       // /sys/devices/system/cpu/smt/active
  std::string governor;  // .../cpufreq/scaling_governor of the first processor
};
[[nodiscard]] HostTexts read_host_texts();

[[nodiscard]] bool under_hypervisor(std::string_view cpuinfo) noexcept;
// Processes that ran or wanted to, on average over the last minute; negative: not to be read.
[[nodiscard]] double load_of(std::string_view loadavg) noexcept;

// One line each, what to do about it included where something can be done. cpus: simulated ones,
// units: the processing units that they have; 0: not pinned. processors: of the host.
[[nodiscard]] std::vector<std::string> preflight(const HostTexts& host,
                                                 unsigned cpus,
                                                 unsigned units,
                                                 unsigned processors);

}  // namespace tlblab
