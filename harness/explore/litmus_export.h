// SPDX-License-Identifier: GPL-2.0-or-later
// What is weak in an execution, as a litmus test in C for herd7 and for `tlblab litmus`. Operations are
// left out as long as what is left is still forbidden on a sequentially consistent machine: a cycle
// remains. Straight-line: the values that decided what a program did are in the condition at the end.
#pragma once

#include <functional>
#include <string>

#include "harness/world/explore/execution_graph.h"

namespace tlblab {

struct LitmusExport {
  std::string test;     // empty: there is none
  std::string why_not;  // then, in one line
};

// name_of_word(location): what its word is called; for the comment.
[[nodiscard]] LitmusExport litmus_of(const ExecutionGraph& graph,
                                     const std::string& name,
                                     const std::function<std::string(unsigned)>& name_of_word);

}  // namespace tlblab
