// SPDX-License-Identifier: GPL-2.0-or-later
// perf as a recorder of memory activity: what it is asked to do, and why it may refuse.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tlblab {

// The tracepoints of a recording, each written out: no shell expands braces for perf.
[[nodiscard]] std::vector<std::string> recorded_events();

// perf record of a command into `data`, without loss: large buffers, no call chains.
[[nodiscard]] std::vector<std::string> perf_record_words(const std::string& perf,
                                                         const std::string& data,
                                                         const std::vector<std::string>& command);
// perf script of `data`, in the form that a replay reads.
[[nodiscard]] std::vector<std::string> perf_script_words(const std::string& perf,
                                                         const std::string& data);

// What stands in the way, as far as files of the kernel tell.
struct PerfPermissions {
  bool root = false;
  std::string paranoid;           // contents of /proc/sys/kernel/perf_event_paranoid
  bool tracefs_readable = false;  // the tracepoint of flushes can be looked up
  bool has_tracepoint = true;     // false: tracefs can be read and does not have it
};
[[nodiscard]] PerfPermissions read_perf_permissions();
// One line: why perf could not record, and what to do. said: the last line that perf wrote.
[[nodiscard]] std::string why_not_recorded(const PerfPermissions& permissions,
                                           std::string_view said);

}  // namespace tlblab
