// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/parse.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/cli/errors.h"
#include "harness/cli/suggest.h"

namespace tlblab {
namespace {

constexpr OptionSpec help_flag{"--help", "", ""};
constexpr OptionSpec color_option{"--color", "WHEN", ""};
constexpr OptionSpec root_options[] = {
    help_flag, color_option, {"--version", "", ""}, {"--json", "", ""}};

// CLI11 would have positional arguments split at commas inside brackets; so none are declared, and
// what it leaves over is sorted out in take_rest().
CLI::App* declare(CLI::App* app, std::span<const OptionSpec> options, Arguments& arguments) {
  app->allow_extras();
  app->set_help_flag("");
  for (const OptionSpec& spec : options) {
    const std::string name(spec.name);
    const std::string names = name == "--help" ? "-h,--help" : name;
    if (spec.value.empty()) {
      app->add_flag_callback(names, [name, &arguments] { arguments.options[name]; });
      continue;
    }
    const auto store = [name, &arguments](const CLI::results_t& results) {
      arguments.options[name] = results;
      return true;
    };
    app->add_option(names, store)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  return app;
}

std::vector<OptionSpec> options_of(const Command& command) {
  std::vector<OptionSpec> options = command.options;
  options.push_back(color_option);
  options.push_back(help_flag);
  return options;
}

std::vector<std::string> names(std::span<const OptionSpec> options) {
  std::vector<std::string> all;
  for (const OptionSpec& option : options) all.emplace_back(option.name);
  return all;
}

[[noreturn]] void unknown_command(const std::string& word, std::span<const Command> all) {
  std::vector<std::string> names{"help"};
  for (const Command& command : all) names.emplace_back(command.name);
  const std::string nearest = nearest_of(word, names);
  throw UsageError(fmt::format("there is no command '{}'; type tlblab {}", word,
                               nearest.empty() ? "--help" : nearest));
}

[[noreturn]] void unknown_option(const std::string& word, std::span<const OptionSpec> options) {
  const std::string name = word.substr(0, word.find('='));
  const std::string nearest = nearest_of(name, names(options));
  throw UsageError(fmt::format("there is no option {}; type {}", name,
                               nearest.empty() ? "--help to see all" : nearest));
}

bool looks_like_option(const std::string& word) { return word.size() > 1 && word.front() == '-'; }

// What CLI11 did not know is an option that does not exist, or a word. `--` ends the options.
void take_rest(const std::vector<std::string>& rest,
               std::span<const OptionSpec> options,
               std::vector<std::string>& words) {
  bool only_words = false;
  for (const std::string& word : rest) {
    if (!only_words && word == "--")
      only_words = true;
    else if (!only_words && looks_like_option(word))
      unknown_option(word, options);
    else
      words.push_back(word);
  }
}

void count_words(const Command& command, const std::vector<std::string>& words) {
  if (words.size() < command.least_words)
    throw UsageError(fmt::format("{} is missing; type tlblab {} {}", command.words, command.name,
                                 command.words));
  if (words.size() > command.most_words)
    throw UsageError(fmt::format("'{}' is one word too many; type tlblab {}{}{}",
                                 words[command.most_words], command.name,
                                 command.words.empty() ? "" : " ", command.words));
}

// "--cpus: 1 required  missing"
[[noreturn]] void without_value(const std::string& what, std::span<const OptionSpec> options) {
  const std::string name = what.substr(0, what.find(':'));
  const auto spec = std::ranges::find(options, name, &OptionSpec::name);
  throw UsageError(fmt::format("{} wants one value; type {} {}", name, name,
                               spec == options.end() ? "VALUE" : spec->value));
}

}  // namespace

void parse(const std::vector<std::string>& words, std::span<const Command> all, CommandLine& line) {
  CLI::App app;
  app.require_subcommand(0, 1);
  declare(&app, root_options, line.arguments);
  std::vector<OptionSpec> options(std::begin(root_options), std::end(root_options));
  // Only the named command is declared: the others cost time and could not be used.
  const auto named =
      std::ranges::find_if(words, [](const std::string& word) { return !looks_like_option(word); });
  const auto command =
      named == words.end() ? all.end() : std::ranges::find(all, *named, &Command::name);
  // What comes after -- is words, whatever it looks like; CLI11 would look into it.
  const auto dashes = command == all.end() ? words.end() : std::find(named, words.end(), "--");
  CLI::App* parsed = &app;
  if (command != all.end()) {
    line.command = &*command;
    options = options_of(*command);
    parsed = declare(app.add_subcommand(std::string(command->name)), options, line.arguments);
  }
  try {
    app.parse(std::vector<std::string>(std::reverse_iterator(dashes),
                                       words.rend()));  // it wants them backwards
  } catch (const CLI::ArgumentMismatch& error) {
    without_value(error.what(), options);
  } catch (const CLI::ParseError& error) {
    throw UsageError(fmt::format("{}; type --help to see the options", error.what()));
  }
  line.help = line.arguments.has("--help");
  if (line.command == nullptr) {
    take_rest(app.remaining(), options, line.arguments.words);
    if (!line.arguments.words.empty()) unknown_command(line.arguments.words.front(), all);
  }
  if (line.help || line.command == nullptr) return;
  take_rest(app.remaining(), root_options, line.arguments.words);
  take_rest(parsed->remaining(), options, line.arguments.words);
  if (dashes != words.end())
    line.arguments.words.insert(line.arguments.words.end(), dashes + 1, words.end());
  line.arguments.command = command->name;
  count_words(*command, line.arguments.words);
}

}  // namespace tlblab
