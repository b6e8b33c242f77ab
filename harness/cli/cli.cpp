// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/cli.h"

#include <cstdlib>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "harness/cli/about.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/parse.h"
#include "harness/cli/values.h"
#include "harness/report/json.h"
#include "harness/run/topology.h"
#include "harness/workload/input_error.h"

namespace tlblab {
namespace {

// Whatever bytes the user typed, a message is one line of text.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    line += code < 0x20 || code == 0x7f ? fmt::format("\\x{:02x}", code) : std::string(1, c);
  }
  return line;
}

int say(std::ostream& err, std::string_view who, std::string_view what, int code) {
  (err << one_line(std::string(who).append(what)) << '\n').flush();
  return code;
}

bool colored(const Arguments& arguments, const Terminals& terminals) {
  const std::string when = word_value(arguments, "--color", {"auto", "never", "always"});
  if (when != "auto") return when == "always";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment
  const char* no_color = std::getenv("NO_COLOR");
  return terminals.out && (no_color == nullptr || *no_color == '\0');
}

int print(std::ostream& out, std::string_view text) {
  out << text;
  return exit_fine;
}

int without_command(const Arguments& arguments, std::ostream& out) {
  if (!arguments.has("--version")) return print(out, first_screen());
  return print(
      out, arguments.has("--json") ? flat_json("tlblab/version/1", tool_facts()) : version_text());
}

int dispatch(const CommandLine& line, std::ostream& out, std::ostream& err, Terminals terminals) {
  if (line.help)
    return print(out,
                 line.command == nullptr ? program_help(commands()) : command_help(*line.command));
  Context context{.out = out,
                  .err = err,
                  .progress = terminals.err,
                  .json = line.arguments.has("--json"),
                  .paint = {colored(line.arguments, terminals)},
                  .stop = stop_requested()};
  if (line.command == nullptr) return without_command(line.arguments, out);
  return line.command->run(line.arguments, context);
}

// "help trace" is "trace --help".
std::vector<std::string> words_of(int argc, const char* const* argv) {
  std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (words.empty() || words.front() != "help") return words;
  words.erase(words.begin());
  words.emplace_back("--help");
  return words;
}

}  // namespace

int run(
    int argc, const char* const* argv, std::ostream& out, std::ostream& err, Terminals terminals) {
  CommandLine line;
  std::string who = "tlblab: ";
  try {
    const std::vector<std::string> words = words_of(argc, argv);
    parse(words, commands(), line);
    if (line.command != nullptr) who = fmt::format("tlblab {}: ", line.command->name);
    return dispatch(line, out, err, terminals);
  } catch (const UsageError& error) {
    if (line.command != nullptr) who = fmt::format("tlblab {}: ", line.command->name);
    return say(err, who, error.what(), exit_usage);
  } catch (const TopologyError& error) {
    return say(err, who, error.what(), exit_usage);
  } catch (const InputError& error) {
    return say(err, "", error.what(), exit_usage);
  } catch (const HostError& error) {
    return say(err, who, error.what(), exit_host);
  } catch (const std::system_error& error) {
    return say(err, who, std::string("the host cannot: ") + error.what(), exit_host);
  } catch (const std::bad_alloc&) {
    return say(err, who, "the host has not enough memory", exit_host);
  } catch (const std::exception& error) {
    return say(err, who, std::string("internal error: ") + error.what(), exit_internal);
  }
}

}  // namespace tlblab
