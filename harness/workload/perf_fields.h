// SPDX-License-Identifier: GPL-2.0-or-later
// The events that a replay knows, and the fields that each prints behind its name.
#pragma once

#include <string>
#include <string_view>

#include "harness/workload/recording.h"

namespace tlblab {

// What is wrong with the fields of an event. The reader adds file and line.
struct FieldError {
  std::string wrong;
  std::string expected;
};

// Sets event, call, arguments and flags of `record`. False: not an event of ours; nothing was set.
// Throws FieldError.
[[nodiscard]] bool read_fields(std::string_view event, std::string_view fields, Record& record);

}  // namespace tlblab
