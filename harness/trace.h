// SPDX-License-Identifier: GPL-2.0-or-later
// What reporters read. World-neutral; the event itself is in mm/types.h.
#pragma once

#include <string>

namespace tlblab {

// A violated oracle: a named kind (harness/oracle/kinds.h) and what was seen, in one line.
struct Violation {
  std::string kind;
  std::string text;
};

}  // namespace tlblab
