// SPDX-License-Identifier: GPL-2.0-or-later
// What stress and explore say alike.
#include "harness/report/subject_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/report/layout.h"
#include "harness/report/text.h"

namespace tlblab {

std::string observed_name(const Subject& subject) {
  std::string name = subject.scenario + "+" + subject.arch;
  for (const std::string& fix : subject.without) name += "-" + fix;
  return name;
}

std::string oversubscription(const Seats& seats) {
  if (!seats.oversubscribed()) return {};
  return fmt::format("{} CPUs on {}: timings mean nothing", seats.cpus, counted(seats.units, "PU"));
}

std::string subject_title(const Subject& subject) {
  std::string title = fmt::format("{} on {}", subject.scenario, subject.arch);
  if (!subject.without.empty()) title += " without " + joined(subject.without, ", ", " and ");
  if (!subject.actors.empty()) title += ", actors " + subject.actors;
  return title;
}

std::string violation_lines(const Violation& violation, const Paint& paint) {
  return fmt::format("  VIOLATION {}\n", paint.bad(violation.kind)) +
         (violation.text.empty() ? std::string() : wrapped("    ", violation.text, "    "));
}

std::string allocation_lines(const AllocReport& report) {
  if (report.rules.empty()) return {};
  const AllocCounts::Site all = report.counts.all();
  std::vector<std::string> sites;
  for (std::size_t site = 0; site < alloc_site_names.size(); ++site)
    if (const AllocCounts::Site& count = report.counts.sites[site]; count.asked != 0)
      sites.push_back(
          fmt::format("{} {} of {}", alloc_site_names[site], count.failed, count.asked));
  std::string words = fmt::format("allocations: {} of {} failed", all.failed, all.asked);
  if (!sites.empty()) words += fmt::format(" ({})", joined(sites));
  return wrapped("  ", fmt::format("{}, by {}", words, joined(report.rules, " and ")), "  ");
}

// A shell takes broken lines for one when they end in a backslash.
std::string pasteable(const std::string& command) {
  std::string text = wrapped("  ", command, "    ", text_width - 2);
  for (std::size_t end = text.find('\n'); end + 1 < text.size(); end = text.find('\n', end + 3))
    text.insert(end, " \\");
  return text;
}

// Names of files may hold anything.
std::string shell_word(const std::string& word) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._/+-,:@%").find(c) != std::string_view::npos;
  };
  if (std::ranges::all_of(word, is_plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string next_command(std::string_view verb,
                         const Subject& subject,
                         const std::vector<std::string>& cures) {
  const bool broken = !subject.without.empty();
  if (!broken && cures.empty()) return {};
  std::string command = fmt::format("tlblab {} {}", verb, shell_word(subject.scenario));
  if (!broken) command += " --without " + cures.front();
  if (broken && subject.takes_fixes_away) command += " --without none";
  if (!subject.actors.empty()) command += " --actors " + subject.actors;
  return (broken ? "with the fix:\n" : "without the fix:\n") + pasteable(command);
}

std::string search_place(const std::string& arch,
                         const std::string& model,
                         const std::vector<std::string>& without) {
  const std::string place = arch + " " + model;
  return without.empty() ? place : place + " without " + joined(without, " and ");
}

std::string search_command(const SearchWords& search) {
  std::string command = fmt::format("tlblab explore {} --arch {}",
                                    shell_word(std::string(search.scenario)), search.arch);
  command += " --without " + (search.without.empty() ? "none" : joined(search.without, ","));
  command += fmt::format(" --memory {} --strategy {}", search.model, search.strategy);
  return command + (search.executions != 0 ? fmt::format(" --executions {}", search.executions)
                                           : fmt::format(" --budget {:g}s", search.budget_seconds));
}

std::string replay_command(const std::string& schedule) {
  std::string command = wrapped("  tlblab replay '", schedule, "    ", text_width - 1);
  command.back() = '\'';
  return command + "\n";
}

}  // namespace tlblab
