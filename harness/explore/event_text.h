// SPDX-License-Identifier: GPL-2.0-or-later
// Trace events in words.
#pragma once

#include <string>

#include "harness/trace.h"
#include "mm/types.h"

namespace tlblab {

struct EventText {
  std::string what;    // the kind
  std::string object;  // what it is about; may be empty
  std::string text;
  bool key = false;  // in a short listing
};

[[nodiscard]] EventText text_of(const trace_event& event);

}  // namespace tlblab
