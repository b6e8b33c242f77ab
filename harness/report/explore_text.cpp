// SPDX-License-Identifier: GPL-2.0-or-later
// The verdict line is herd7's: "Observation NAME Never|Sometimes POSITIVE NEGATIVE", in executions.
#include <fmt/format.h>

#include "harness/report/layout.h"
#include "harness/report/subject_text.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

std::string model_words(std::string_view model) {
  if (model == "sc") return "sequential consistency";
  return fmt::format("memory model {}", model);
}

std::string searched(const ExplorePage& page, const ExploreReport& report) {
  std::string words =
      page.replayed
          ? fmt::format("replayed: one schedule, {}", counted(report.steps, "step"))
          : fmt::format("searched: {} schedules, {}, {} in {}", page.strategy,
                        counted(report.executions, "execution"), counted(report.steps, "step"),
                        readable_seconds(report.seconds, hard_blank));
  if (page.preemptions)
    words += fmt::format("; at most {} in each, and in {} of them as many",
                         counted(*page.preemptions, "preemption"), report.bound_reached);
  words += "; " + model_words(report.model);
  if (page.replayed) return words;
  if (report.complete) return words + "; complete: every schedule was seen";
  words += "; not complete: ";
  if (page.interrupted) return words + "interrupted";
  if (!report.violations.empty()) return words + "ended at the first violation";
  if (!report.witnesses.empty()) return words + "ended at the first that answers";
  return words + (page.executions_asked != 0 && report.executions >= page.executions_asked
                      ? "as many executions as asked for"
                      : fmt::format("the budget of {} is spent",
                                    readable_seconds(page.budget_seconds, hard_blank)));
}

// A single-quoted word may go over several lines, and white space of any kind parts a schedule's
// words; so this can be pasted into a shell as it is.
std::string replay_command(const std::string& schedule) {
  std::string command = wrapped("  tlblab replay '", schedule, "    ", text_width - 1);
  command.back() = '\'';
  return command + "\n";
}

std::string found_text(const ExploreReport::Found& found, const Paint& paint) {
  return violation_lines(found.violation, paint) +
         fmt::format("  replay ({}):\n", counted(found.steps, "step")) +
         replay_command(found.schedule);
}

std::string witness_text(const ExploreReport::Found& found, const Paint& paint) {
  return wrapped("  ", paint.strong("POSSIBLE") + " " + found.violation.text, "    ") +
         fmt::format("  replay ({}):\n", counted(found.steps, "step")) +
         replay_command(found.schedule);
}

// Executions that ended in what is asked about.
std::uint64_t positive(const ExploreReport& report) {
  return report.asks_existence && report.violations.empty() ? report.witnesses.size()
                                                            : report.violations.size();
}

std::string verdict(const ExploreReport& report) {
  if (positive(report) == 0) return "Never";
  return report.complete && positive(report) >= report.executions ? "Always" : "Sometimes";
}

std::string observation(const ExplorePage::Run& run) {
  const std::uint64_t seen = positive(run.report);
  const std::uint64_t all = run.report.executions;
  return fmt::format("Observation {} {} {} {}\n", observed_name(run.subject), verdict(run.report),
                     seen, all > seen ? all - seen : 0);
}

std::string departure(const ExplorePage& page, const ExploreReport& report) {
  if (!page.replayed || report.departed_at < 0) return {};
  return wrapped("  ",
                 fmt::format("the schedule could not be followed from its step {} on: it was "
                             "edited, or the program has changed since",
                             report.departed_at + 1),
                 "  ");
}

std::string run_text(const ExplorePage& page, const ExplorePage::Run& run, const Paint& paint) {
  const ExploreReport& report = run.report;
  std::string out = paint.strong(subject_title(run.subject)) + "\n";
  out += "  " + counted(run.subject.cpus, "CPU");
  if (!page.replayed) out += fmt::format(", seed {}", page.seed);
  out += "\n";
  for (const ExploreReport::Found& found : report.violations) out += found_text(found, paint);
  if (report.violations.empty()) out += "  " + paint.good("no violation") + "\n";
  for (const ExploreReport::Found& found : report.witnesses) out += witness_text(found, paint);
  if (report.asks_existence && report.witnesses.empty())
    out += "  the state asked for was not seen\n";
  out += wrapped("  ", searched(page, report), "  ");
  if (report.violations.empty() && report.witnesses.empty() && !report.complete && !page.replayed)
    out += "  that none was found does not prove that there is none\n";
  out += allocation_lines(report.allocations);
  out += departure(page, report) + observation(run);
  return out + next_command("explore", run.subject, page.cures);
}

}  // namespace

std::string explore_text(const ExplorePage& page, const Paint& paint) {
  std::string out;
  for (const ExplorePage::Run& run : page.runs)
    out += (out.empty() ? "" : "\n") + run_text(page, run, paint);
  return out;
}

}  // namespace tlblab
