// SPDX-License-Identifier: GPL-2.0-or-later
// The command line, by CLI11. Its messages and exit codes are not shown: every mistake becomes a
// UsageError that names what to type instead.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "harness/cli/command.h"

namespace tlblab {

struct CommandLine {
  const Command* command = nullptr;  // null: none was named
  Arguments arguments;               // of the command, or of the program itself
  bool help = false;
};

// `words`: without the program's name. The program itself takes --help, --version, --json and
// --color. Throws UsageError; then `command` tells as far as it got whose mistake it was.
void parse(const std::vector<std::string>& words, std::span<const Command> all, CommandLine& line);

}  // namespace tlblab
