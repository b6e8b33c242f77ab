// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "harness/cli/about.h"
#include "harness/report/layout.h"

namespace tlblab {
namespace {

constexpr std::size_t help_width = 79;

// "  --cpus N         how many", later lines below the first.
std::string entry(const std::string& name, std::string_view line, std::size_t column) {
  const std::string indent(column, ' ');
  std::string first = "  " + name;
  if (first.size() + 2 > column) return first + "\n" + wrapped(indent, line, indent, help_width);
  first.resize(column, ' ');
  return wrapped(first, line, indent, help_width);
}

std::string option_name(const OptionSpec& option) {
  return option.value.empty() ? std::string(option.name)
                              : fmt::format("{} {}", option.name, option.value);
}

constexpr std::string_view exit_codes =
    "exit codes: 0 fine; 1 a violation was found; 2 wrong usage, and the message says\n"
    "what to type; 3 --require-complete and the search was not; 4 the host cannot;\n"
    "70 an internal error; 130 interrupted\n";

}  // namespace

std::string first_screen() {
  return "tlblab: a userspace laboratory for Linux's mmu_gather: what TLB flushes do and cost\n"
         "  can this race happen?           tlblab explore madvise-parallel-2017"
         " --without nested-flush\n"
         "  what does my program flush?     tlblab trace FILE\n"
         "  show me one stale TLB entry     tlblab demo\n"
         "what there is to run:  tlblab list\n"
         "help:  tlblab --help, tlblab COMMAND --help\n";
}

std::string program_help(std::span<const Command> all) {
  std::string out =
      "usage: tlblab COMMAND [ARGUMENTS]\n\n"
      "The TLB flushing of Linux, on a software machine: page tables, TLBs, walkers,\n"
      "interrupts. On real threads for measuring, under an explorer for races.\n\n"
      "commands:\n";
  for (const Command& command : all) out += entry(std::string(command.name), command.line, 14);
  out += entry("help", "the help of a command: tlblab help trace", 14);
  out += "\noptions:\n" + entry("--version", "version, compiler, licence", 18) +
         entry("--color WHEN", "auto, never or always; NO_COLOR and TERM=dumb count", 18) +
         "\ntlblab COMMAND --help has the options and examples of each. --json is understood\n"
         "by every command: one object on stdout, whatever else is said goes to stderr.\n";
  return out += "\n" + std::string(exit_codes);
}

std::string command_help(const Command& command) {
  std::string out = fmt::format("usage: tlblab {}{}{} [OPTIONS]\n\n", command.name,
                                command.words.empty() ? "" : " ", command.words);
  out += wrapped("", command.line, "", help_width) + "\noptions:\n";
  for (const OptionSpec& option : command.options)
    out += entry(option_name(option), option.line, 22);
  out += entry("--color WHEN", "auto, never or always", 22);
  out += entry("-h, --help", "this text", 22);
  return out.append("\n").append(command.more).append("\n").append(exit_codes);
}

}  // namespace tlblab
