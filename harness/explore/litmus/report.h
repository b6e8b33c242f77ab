// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "harness/explore/litmus/outcome.h"

namespace tlblab {

// What herd7 prints of a test, line by line, but for `Hash=`: that is of herd7's own form of the
// test. Ends with an empty line. `seconds`: what it took.
[[nodiscard]] std::string litmus_text(const LitmusProgram& program,
                                      const LitmusTally& tally,
                                      double seconds);
// What herd7 does not print: lines that say where load buffering could add states. Empty: nowhere, or
// nobody knows.
[[nodiscard]] std::string buffering_text(const LitmusOutcome& outcome);

// "exists (0:r0=1 /\ [x]=2)".
[[nodiscard]] std::string condition_text(const LitmusProgram& program);

}  // namespace tlblab
