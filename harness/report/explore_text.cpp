// SPDX-License-Identifier: GPL-2.0-or-later
// The verdict line is herd7's: "Observation NAME Never|Sometimes POSITIVE NEGATIVE", in executions.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/report/columns.h"
#include "harness/report/layout.h"
#include "harness/report/subject_text.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

std::string model_words(std::string_view model) {
  if (model == "sc") return "sequential consistency";
  return fmt::format("memory model {}", model);
}

std::string searched_words(std::string_view strategy) {
  return strategy == "dpor" ? "each execution once" : fmt::format("{} schedules", strategy);
}

// With two digits that count.
std::string about(double number) {
  constexpr double large = 1e15;
  const double scale = std::pow(10, std::max(0.0, std::floor(std::log10(number)) - 1));
  return number < large ? fmt::format("{:.0f}", std::round(number / scale) * scale)
                        : fmt::format("10^{:.0f}", std::log10(number));
}

// Of a search that ran into a bound.
std::string expected_words(const ExploreReport& report) {
  if (report.expected_executions == 0) return {};
  return fmt::format("; about {} executions in all, by the branches seen so far",
                     about(report.expected_executions));
}

std::string searched(const ExplorePage& page, const ExploreReport& report) {
  std::string words =
      page.replayed
          ? fmt::format("replayed: one schedule, {}", counted(report.steps, "step"))
          : fmt::format("searched: {}, {}, {} in {}", searched_words(page.strategy),
                        counted(report.executions, "execution"), counted(report.steps, "step"),
                        readable_seconds(report.seconds, hard_blank));
  if (report.peak_mib != 0) words += fmt::format(" and {:.0f}{}MiB", report.peak_mib, hard_blank);
  if (page.preemptions)
    words += fmt::format("; at most {} in each, and in {} of them as many",
                         counted(*page.preemptions, "preemption"), report.bound_reached);
  words += "; " + model_words(report.model);
  if (page.replayed) return words;
  if (report.blocked != 0) words += fmt::format("; {} given up", report.blocked);
  if (report.complete) return words + "; complete: every execution was seen";
  words += "; not complete: ";
  if (page.interrupted) return words + "interrupted" + expected_words(report);
  if (!report.violations.empty()) return words + "ended at the first violation";
  if (!report.witnesses.empty()) return words + "ended at the first that answers";
  if (report.lost != 0)
    return words + fmt::format("{} could not be made", counted(report.lost, "execution"));
  return words +
         (page.executions_asked != 0 && report.executions >= page.executions_asked
              ? "as many executions as asked for"
              : fmt::format("the budget of {} is spent",
                            readable_seconds(page.budget_seconds, hard_blank))) +
         expected_words(report);
}

// "2 context switches, 43 machine steps (found with 21 and 130)"
std::string size_words(const ExploreReport::Found& found) {
  std::string words =
      fmt::format("{} context switch{}, {}", found.switches, found.switches == 1 ? "" : "es",
                  counted(found.steps, "machine step"));
  if (found.found_steps != 0)
    words += fmt::format(" (found with {} and {})", found.found_switches, found.found_steps);
  return words;
}

// What happened, for people who know the code: the end of it, where it is long; how to see it all.
std::string trace_columns(const ExplorePage& page,
                          const ExploreReport& report,
                          const Paint& paint) {
  constexpr std::size_t most_rows = 200;
  if (page.verbose) {
    const std::string all = cpu_columns(report.trace, true, paint);
    return all.empty() ? all : fmt::format("\n{}\n", all);
  }
  std::vector<TraceStep> rows = key_rows(report.trace);
  if (rows.empty()) return {};
  const std::size_t left_out = rows.size() - std::min(rows.size(), most_rows);
  rows.erase(rows.begin(), rows.begin() + std::ptrdiff_t(left_out));
  return fmt::format("\n{}{}\n  {} of {}; --verbose shows all\n",
                     left_out == 0 ? "" : fmt::format("  ({} before)\n", counted(left_out, "row")),
                     cpu_columns(rows, true, paint), rows.size(),
                     counted(report.trace.size(), "row"));
}

std::string place_words(const StaleRead::Place& place) {
  return fmt::format("CPU{} at step {}", place.cpu, place.step);
}

std::string fence_words(const StaleRead& stale) {
  std::vector<std::string> fences;
  if (!stale.after_missed.empty())
    fences.push_back(fmt::format("{}() on CPU{} after step {}", stale.after_missed,
                                 stale.missed.cpu, stale.missed.step));
  if (!stale.before_read.empty())
    fences.push_back(fmt::format("{}() on CPU{} before step {}", stale.before_read, stale.read.cpu,
                                 stale.read.step));
  if (fences.empty()) return "no fence on these two CPUs would have forced it";
  return joined(fences, " and ") + " would have forced it";
}

// Who wrote what a read saw, what it missed, and which fences would have shown it.
std::string stale_text(const std::vector<StaleRead>& all) {
  std::string out;
  for (const StaleRead& stale : all) {
    const std::string from = stale.source ? place_words(*stale.source) : "the beginning";
    out +=
        wrapped("  ",
                fmt::format("stale: {} read {}, saw {} (from {}), missed {} (from {})",
                            place_words(stale.read), stale.object.empty() ? "a word" : stale.object,
                            stale.saw, from, stale.missed_value, place_words(stale.missed)),
                "    ");
    out += wrapped("    ", fence_words(stale), "    ");
  }
  return out;
}

// What the model leaves out.
std::string buffering_text(const BufferingReport& buffering) {
  if (buffering.is_exact()) return "  exact: no load buffering possible\n";
  if (buffering.pairs.empty()) return "  no load buffering possible in what was seen\n";
  std::string out = "  load buffering, which the model leaves out, could add executions:\n";
  const auto words = [](const BufferingReport::Access& at) {
    const std::string object = at.object.empty() ? "a word" : at.object;
    return at.step == 0 ? object : fmt::format("{} (step {})", object, at.step);
  };
  for (const BufferingReport::Pair& pair : buffering.pairs)
    out += wrapped(
        "    ",
        fmt::format("CPU{}{}{} may write {} before it reads {}", pair.cpu,
                    pair.by.empty() ? "" : "'s ", pair.by, words(pair.write), words(pair.read)),
        "      ");
  return out;
}

// How to see it again.
std::string replay_text(const ExploreReport::Found& found, const std::string& rows) {
  if (found.schedule.empty())
    return "  no schedule of a sequentially consistent machine shows it\n";
  return rows + fmt::format("  replay, {}:\n", size_words(found)) + replay_command(found.schedule);
}

std::string found_text(const ExploreReport::Found& found,
                       const std::string& rows,
                       const Paint& paint) {
  return violation_lines(found.violation, paint) + replay_text(found, rows);
}

std::string witness_text(const ExploreReport::Found& found,
                         const std::string& rows,
                         const Paint& paint) {
  return wrapped("  ", paint.strong("POSSIBLE") + " " + found.violation.text, "    ") +
         replay_text(found, rows);
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

std::string run_text(const ExplorePage& page, const ExplorePage::Run& run, const Paint& paint) {
  const ExploreReport& report = run.report;
  std::string out = paint.strong(subject_title(run.subject)) + "\n";
  out += "  " + counted(run.subject.cpus, "CPU");
  if (!page.replayed) out += fmt::format(", seed {}", page.seed);
  out += "\n";
  std::string rows = trace_columns(page, report, paint) + stale_text(report.weakness.stale);
  if (report.violations.empty()) out += "  " + paint.good("no violation") + "\n";
  if (report.violations.empty() && report.witnesses.empty()) out += rows;
  for (const ExploreReport::Found& found : report.violations)
    out += found_text(found, std::exchange(rows, {}), paint);
  for (const ExploreReport::Found& found : report.witnesses)
    out += witness_text(found, std::exchange(rows, {}), paint);
  if (report.asks_existence && report.witnesses.empty())
    out += "  the state asked for was not seen\n";
  out += wrapped("  ", searched(page, report), "  ");
  if (report.violations.empty() && report.witnesses.empty() && !report.complete && !page.replayed)
    out += "  that none was found does not prove that there is none\n";
  if (report.load_buffering) out += buffering_text(*report.load_buffering);
  out += allocation_lines(report.allocations);
  out += observation(run);
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
