// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/schedule_header.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "harness/cli/errors.h"
#include "harness/cli/values.h"
#include "harness/explore/schedule.h"
#include "harness/report/layout.h"
#include "harness/workload/alloc_failures.h"
#include "harness/world/explore/memory_model.h"

namespace tlblab {
namespace {

constexpr std::string_view without_key = "without=";
constexpr std::string_view cpus_key = "cpus=";
constexpr std::string_view fail_alloc_key = "fail-alloc=";
constexpr std::string_view actors_key = "actors=";
constexpr std::string_view file_key = "file=";
constexpr std::string_view text_key = "text=";
constexpr std::string_view shape =
    "v1 SCENARIO|file=FILE ARCH sc [text=FINGERPRINT] [without=FIX,FIX] [cpus=N] "
    "[fail-alloc=RULE] [actors=A,A] : STEPS";

[[noreturn]] void refuse(std::string_view what) {
  throw UsageError(fmt::format("the schedule {}; type '{}' as explore printed it", what, shape));
}

unsigned parse_cpus(std::string_view word) {
  const std::string_view digits = word.substr(cpus_key.size());
  unsigned cpus = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), cpus);
  if (error != std::errc() || end != digits.data() + digits.size() || cpus == 0 ||
      cpus > max_explored_cpus)
    refuse(
        fmt::format("says '{}', which is no number of CPUs from 1 to {}", word, max_explored_cpus));
  return cpus;
}

std::string checked_rule(std::string_view word) {
  const std::string_view rule = word.substr(fail_alloc_key.size());
  try {
    return parse_alloc_rule(rule).text;
  } catch (const AllocRuleError& error) {
    throw UsageError(fmt::format("the schedule says {}{}", fail_alloc_key, error.what()));
  }
}

HardwareActors checked_actors(std::string_view word) {
  const std::string_view actors = word.substr(actors_key.size());
  try {
    return parse_hardware_actors(actors);
  } catch (const HardwareActorsError& error) {
    throw UsageError(fmt::format("the schedule says {}: {}", word, error.what()));
  }
}

// White space parts words, a quote ends what a shell takes for one.
std::string escaped(std::string_view name) {
  std::string word;
  for (const char c : name) {
    const bool plain = c > ' ' && c <= '~' && c != '%' && c != '\'' && c != '"' && c != '\\';
    word += plain ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return word;
}
std::string unescaped(std::string_view word) {
  std::string name;
  for (std::size_t at = 0; at < word.size(); ++at) {
    unsigned code = 0;
    const std::string_view digits = word.substr(std::min(at + 1, word.size()), 2);
    const char* last = digits.data() + digits.size();
    if (word[at] == '%' && digits.size() == 2 &&
        std::from_chars(digits.data(), last, code, 16).ptr == last) {
      name += static_cast<char>(code);
      at += 2;
    } else {
      name += word[at];
    }
  }
  return name;
}

std::string parse_fingerprint(std::string_view word) {
  const std::string_view digits = word.substr(text_key.size());
  if (digits.size() != 16 || digits.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    refuse(fmt::format("says '{}', which is no fingerprint of 16 hexadecimal digits", word));
  return std::string(digits);
}

}  // namespace

std::string with_header(const ScheduleHeader& header, const std::string& steps) {
  Schedule schedule = parse_schedule(steps.starts_with("v1") ? steps : "v1 " + steps);
  const bool file = !header.fingerprint.empty();
  schedule.header = {file ? std::string(file_key) + escaped(header.scenario) : header.scenario,
                     header.arch, header.model};
  if (file) schedule.header.push_back(std::string(text_key) + header.fingerprint);
  if (!header.without.empty())
    schedule.header.push_back(std::string(without_key) + joined(header.without, ","));
  if (header.cpus != 0) schedule.header.push_back(fmt::format("{}{}", cpus_key, header.cpus));
  for (const std::string& rule : header.fail_alloc)
    schedule.header.push_back(std::string(fail_alloc_key) + rule);
  if (header.actors.kinds() != 0)
    schedule.header.push_back(std::string(actors_key) + print_hardware_actors(header.actors));
  return print_schedule(schedule);
}

ScheduleHeader header_of(const std::string& text) {
  Schedule schedule;
  try {
    schedule = parse_schedule(text);
  } catch (const ScheduleError& error) {
    throw UsageError(error.what());
  }
  const std::vector<std::string>& words = schedule.header;
  if (words.size() < 3) refuse("does not say what it is of");
  ScheduleHeader header{.scenario = words[0], .arch = words[1], .model = words[2], .without = {}};
  if (!is_model(header.model))
    refuse(fmt::format("is of memory model '{}', and there are sc, tso and weak", words[2]));
  const bool file = header.scenario.starts_with(file_key);
  if (file) header.scenario = unescaped(header.scenario.substr(file_key.size()));
  for (std::size_t at = 3; at < words.size(); ++at) {
    if (words[at].starts_with(without_key))
      header.without = split_list(std::string_view(words[at]).substr(without_key.size()));
    else if (words[at].starts_with(cpus_key))
      header.cpus = parse_cpus(words[at]);
    else if (words[at].starts_with(fail_alloc_key))
      header.fail_alloc.push_back(checked_rule(words[at]));
    else if (words[at].starts_with(actors_key))
      header.actors = checked_actors(words[at]);
    else if (file && words[at].starts_with(text_key))
      header.fingerprint = parse_fingerprint(words[at]);
    else
      refuse(fmt::format("says '{}', which means nothing here", words[at]));
  }
  if (file && header.fingerprint.empty())
    refuse("is of a file, but does not say which text= was in it");
  return header;
}

}  // namespace tlblab
