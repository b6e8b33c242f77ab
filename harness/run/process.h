// SPDX-License-Identifier: GPL-2.0-or-later
// Running other programs: found by PATH, no shell in between.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tlblab {

struct ProcessRequest {
  std::vector<std::string> words;  // the program first
  // What it writes to its standard output; empty: it writes to ours.
  std::function<void(std::string_view)> on_output{};
  std::function<void(std::string_view)> on_errors{};  // the same of its standard error
  bool output_to_errors = false;  // its standard output goes to our standard error
};

struct ProcessResult {
  int exit_code = 0;
  int signal = 0;  // that ended it; then exit_code is 128 + signal, as a shell has it
};

// Returns when the program has ended and all it wrote was handed on. Throws std::system_error if it
// could not be started.
ProcessResult run_process(const ProcessRequest& request);

// The file that a shell would run for this word; empty: there is none.
[[nodiscard]] std::string find_program(const std::string& word);

}  // namespace tlblab
