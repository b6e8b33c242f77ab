// SPDX-License-Identifier: GPL-2.0-or-later
// Reads what `perf script -F comm,pid,tid,cpu,time,event,trace --show-lost-events` prints, plain or
// gzip.
//
// An event that is not one of ours is counted under its name and left out; so are perf's own
// records, of which those that report a loss are summed up. A line that is neither, or an event of
// ours whose fields are missing or no numbers, is an InputError: a recording with a hole in it
// would be replayed wrongly without a word. Read recording.h first; perf_fields.h knows the fields
// of each event.
#pragma once

#include <string>
#include <string_view>

#include "harness/workload/recording.h"

namespace tlblab {

// Throws InputError.
[[nodiscard]] Recording read_perf_script(const std::string& path);

// The same from memory; `name` is what messages call it.
[[nodiscard]] Recording parse_perf_script(std::string_view bytes, std::string name);

}  // namespace tlblab
