// SPDX-License-Identifier: GPL-2.0-or-later
// What this program says about itself.
#pragma once

#include <span>
#include <string>

#include "harness/cli/command.h"
#include "harness/report/pages.h"

namespace tlblab {

[[nodiscard]] NamedValues tool_facts();  // version, git, compiler, build
[[nodiscard]] std::string version_text();
[[nodiscard]] std::string first_screen();  // six lines
[[nodiscard]] std::string program_help(std::span<const Command> all);
[[nodiscard]] std::string command_help(const Command& command);

}  // namespace tlblab
