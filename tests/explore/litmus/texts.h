// SPDX-License-Identifier: GPL-2.0-or-later
// Short ways to say litmus tests in tests.
#pragma once

#include <string>
#include <string_view>

#include "harness/explore/litmus/parser.h"
#include "harness/explore/litmus/program.h"

namespace tlblab {

inline LitmusTest parsed(std::string_view text) { return parse_litmus(text, "t.litmus"); }
inline LitmusProgram compiled(std::string_view text) { return compile_litmus(parsed(text)); }

// The one line by which a test is refused, by the parser or by the compiler; "" if it is taken.
inline std::string refusal(std::string_view text) {
  try {
    (void)compiled(text);
    return "";
  } catch (const LitmusError& error) {
    return error.what();
  }
}

// A test of one process `P0(int *x, int *y)` with this body; the body is on line 4.
inline std::string with_body(std::string_view body) {
  return "C one\n{}\nP0(int *x, int *y)\n{ " + std::string(body) + " }\nexists (x=0)\n";
}

}  // namespace tlblab
