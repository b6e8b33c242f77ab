// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "harness/explore/litmus/ast.h"

namespace tlblab {

// Text that herd7 reads and that parse_litmus() makes the same test of.
[[nodiscard]] std::string print_litmus(const LitmusTest& test);
// "(0:r0=1 /\ [x]=2)": as herd7 repeats a condition.
[[nodiscard]] std::string print_proposition(const LitmusProposition& proposition);
// "exists", "~exists" or "forall".
[[nodiscard]] std::string_view quantifier_text(LitmusQuantifier quantifier) noexcept;

}  // namespace tlblab
