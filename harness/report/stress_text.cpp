// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/report/layout.h"
#include "harness/report/subject_text.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

std::string where(const StressPage& page) {
  const Seats& seats = page.seats;
  std::string words = counted(seats.cpus, "CPU");
  if (seats.units == 0)
    words += ", not pinned";
  else if (!seats.oversubscribed())
    words += fmt::format(" on {}, {}", counted(seats.units, "PU"), seats.policy);
  return words + fmt::format(", seed {}, oracles {}", page.seed, page.oracles ? "on" : "off");
}

std::string violations(const StressReport& report, const Paint& paint) {
  if (report.violations == 0) return "  " + paint.good("no violation") + "\n";
  std::string out;
  std::vector<std::string_view> told;
  for (const Violation& example : report.examples) {
    if (std::ranges::find(told, example.kind) != told.end()) continue;
    told.push_back(example.kind);
    out += violation_lines(example, paint);
  }
  out += fmt::format("  {} in all", counted(report.violations, "violation"));
  if (report.first_violation_seconds >= 0)
    out += ", the first after " + readable_seconds(report.first_violation_seconds);
  return out + "\n";
}

std::string run_text(const StressPage& page, const StressPage::Run& run, const Paint& paint) {
  const StressReport& report = run.report;
  std::string out =
      paint.strong(subject_title(run.subject)) + "\n  on real threads: " + where(page) + "\n";
  if (page.seats.oversubscribed()) out += "  " + oversubscription(page.seats) + "\n";
  out += violations(report, paint);
  if (report.asks_existence)
    out += report.witnesses == 0 ? "  the state asked for was not seen\n"
                                 : "  the state asked for was seen: it is possible\n";
  out += wrapped(
      "  ",
      fmt::format("{}{}: {}, {}, {}", page.interrupted ? "interrupted after " : "",
                  readable_seconds(report.seconds, hard_blank), counted(report.rounds, "round"),
                  counted(report.operations, "operation"), counted(report.ipis, "IPI")),
      "  ");
  if (!page.stalls.empty())
    out += fmt::format("  CPUs waited {} at {}\n", counted(report.stalls, "time"),
                       fmt::join(page.stalls, ", "));
  out += allocation_lines(report.allocations);
  return out + next_command("stress", run.subject, page.cures);
}

}  // namespace

std::string stress_text(const StressPage& page, const Paint& paint) {
  std::string out;
  for (const StressPage::Run& run : page.runs)
    out += (out.empty() ? "" : "\n") + run_text(page, run, paint);
  return out;
}

}  // namespace tlblab
