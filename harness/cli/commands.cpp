// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>

#include "harness/cli/command.h"

namespace tlblab {

std::span<const Command> commands() {
  static const std::array all{
      demo_command(),   list_command(),   explore_command(),   replay_command(), stress_command(),
      check_command(),  fences_command(), questions_command(), script_command(), litmus_command(),
      record_command(), trace_command(),  bench_command(),     topo_command(),   explain_command()};
  return all;
}

}  // namespace tlblab
