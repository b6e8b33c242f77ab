// SPDX-License-Identifier: GPL-2.0-or-later
// A subcommand as data: what it takes, what its help says, what runs it. parse.h reads a command
// line by it, help.h writes the help from it; so they cannot disagree.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/report/paint.h"

namespace tlblab {

struct OptionSpec {
  std::string_view name;   // "--cpus"
  std::string_view value;  // what stands for it in the help, "N"; empty: a flag
  std::string_view line;
};

// What was typed after the command. Nothing is checked but that options exist and have values.
class Arguments {
 public:
  std::string command;
  std::vector<std::string> words;
  std::map<std::string, std::vector<std::string>, std::less<>> options;  // flags: no values

  [[nodiscard]] bool has(std::string_view option) const { return options.contains(option); }
  // The last one wins.
  [[nodiscard]] std::optional<std::string> value(std::string_view option) const {
    const auto found = options.find(option);
    if (found == options.end() || found->second.empty()) return std::nullopt;
    return found->second.back();
  }
};

// Where a command runs.
struct Context {
  std::ostream& out;  // results
  std::ostream& err;  // progress and chat
  bool progress = false;
  bool json = false;
  Paint paint;
  const std::atomic<bool>& stop;  // Ctrl-C was typed
};

struct Command {
  std::string_view name{};
  std::string_view words{};  // "FILE", for the help
  std::size_t least_words = 0, most_words = 0;
  std::string_view line{};  // what it does
  std::vector<OptionSpec> options{};
  std::string_view more{};  // the rest of its help: meaning, examples, exit codes
  int (*run)(const Arguments&, Context&) = nullptr;
};

// Each in the file of its name.
[[nodiscard]] Command bench_command();
[[nodiscard]] Command check_command();
[[nodiscard]] Command demo_command();
[[nodiscard]] Command explain_command();
[[nodiscard]] Command explore_command();
[[nodiscard]] Command fences_command();
[[nodiscard]] Command list_command();
[[nodiscard]] Command litmus_command();
[[nodiscard]] Command questions_command();
[[nodiscard]] Command record_command();
[[nodiscard]] Command replay_command();
[[nodiscard]] Command script_command();
[[nodiscard]] Command stress_command();
[[nodiscard]] Command topo_command();
[[nodiscard]] Command trace_command();

// All of them, in the order of the help.
[[nodiscard]] std::span<const Command> commands();

}  // namespace tlblab
