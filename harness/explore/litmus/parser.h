// SPDX-License-Identifier: GPL-2.0-or-later
// Reads LKMM litmus tests in C as herd7 does: a name, an initial state, processes, what to show and
// what to ask. What it does not know (loops, arrays, structures, SRCU) it refuses by name.
#pragma once

#include <cstddef>
#include <string_view>

#include "harness/explore/litmus/ast.h"
#include "harness/explore/litmus/error.h"

namespace tlblab {

// Beyond any test that could be explored; a damaged or hostile file meets them early.
struct LitmusLimits {
  static constexpr std::size_t bytes = std::size_t{1} << 20;
  static constexpr unsigned processes = 16;
  static constexpr unsigned nesting = 96;  // of blocks, expressions, propositions
  static constexpr unsigned proposition_depth = 40;
  static constexpr unsigned statements = 1000;  // of a process
  static constexpr unsigned operators = 256;    // of an expression or a proposition
  static constexpr unsigned places = 256;       // in the initial state, among parameters, to show
};

// `file` is for messages. Throws LitmusError.
[[nodiscard]] LitmusTest parse_litmus(std::string_view text, std::string_view file);

}  // namespace tlblab
