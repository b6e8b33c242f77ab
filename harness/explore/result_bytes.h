// SPDX-License-Identifier: GPL-2.0-or-later
// What an execution came to, from one process to another.
#pragma once

#include "harness/explore/bytes.h"
#include "harness/world/explore/chooser.h"

namespace tlblab {

inline void put_result(ByteWriter& bytes, const ExecutionResult& result) {
  bytes.put_text(result.violation).put(result.cpu).put(result.cut_short).put(result.steps);
  bytes.put(result.choices).put(result.switches).put_all(result.schedule);
}

[[nodiscard]] inline ExecutionResult get_result(ByteReader& bytes) {
  ExecutionResult result;
  result.violation = bytes.get_text();
  result.cpu = bytes.get<unsigned>();
  result.cut_short = bytes.get<bool>();
  result.steps = bytes.get<std::uint64_t>();
  result.choices = bytes.get<std::uint64_t>();
  result.switches = bytes.get<std::uint64_t>();
  result.schedule = bytes.get_all<ScheduleStep>();
  return result;
}

}  // namespace tlblab
