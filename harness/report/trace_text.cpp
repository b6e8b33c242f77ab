// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "harness/report/layout.h"
#include "harness/report/subject_text.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

std::string number(std::uint64_t value) { return fmt::format("{}", value); }
std::string pair(std::uint64_t left, std::uint64_t right) {
  return fmt::format("{}/{}", left, right);
}

// "512+3": 512 pages in ranges and 3 flushes of everything.
std::string pages(const FlushSum& sum) {
  return sum.full == 0 ? number(sum.pages) : fmt::format("{}+{}", sum.pages, sum.full);
}

std::vector<std::string> kind_cells(const KindReport& kind) {
  const std::uint64_t known = kind.known.right + kind.known.wrong;
  return {kind.name,
          number(kind.calls),
          number(kind.predicted.events),
          pages(kind.predicted),
          number(kind.recorded.events),
          pages(kind.recorded),
          known == 0 ? "-" : pair(kind.known.right, kind.known.wrong),
          known == 0 ? "-" : pair(kind.known.exact, kind.known.differ)};
}

KindReport total_of(const std::vector<KindReport>& kinds) {
  KindReport total;
  total.name = "all";
  const auto add = [](FlushSum& to, const FlushSum& sum) {
    to.events += sum.events;
    to.pages += sum.pages;
    to.full += sum.full;
  };
  for (const KindReport& kind : kinds) {
    total.calls += kind.calls;
    total.known.right += kind.known.right;
    total.known.wrong += kind.known.wrong;
    total.known.exact += kind.known.exact;
    total.known.differ += kind.known.differ;
    add(total.predicted, kind.predicted);
    add(total.recorded, kind.recorded);
  }
  return total;
}

std::string kinds_table(const ReplayReport& replay) {
  Columns table(1);
  table.row({"", "", "predicted", "", "recorded", "", "known", ""});
  table.row(
      {"kind", "calls", "flushes", "pages", "flushes", "pages", "right/wrong", "exact/differ"});
  for (const KindReport& kind : replay.kinds) table.row(kind_cells(kind));
  table.row(kind_cells(total_of(replay.kinds)));
  return table.text();
}

std::string reasons_table(const ReplayReport& replay) {
  Columns table(1);
  table.row({"reason", "predicted", "pages", "recorded", "pages"});
  for (std::size_t reason = 0; reason < replay.predicted.size(); ++reason) {
    const FlushSum &ours = replay.predicted[reason], &theirs = replay.recorded[reason];
    if (ours.events + theirs.events == 0) continue;
    table.row({std::string(reason_name(static_cast<FlushReason>(reason))), number(ours.events),
               pages(ours), number(theirs.events), pages(theirs)});
  }
  return table.text();
}

std::string seats_words(const TracePage& page) {
  if (page.seats.oversubscribed()) return oversubscription(page.seats);
  if (page.seats.units == 0) return counted(page.seats.cpus, "CPU") + ", not pinned";
  return fmt::format("{} on {}, {}", counted(page.seats.cpus, "CPU"),
                     counted(page.seats.units, "PU"), page.seats.policy);
}

std::string time_words(const TracePage& page, const TraceReport& report) {
  const auto operations = static_cast<double>(std::max<std::uint64_t>(report.replay.operations, 1));
  return fmt::format("time: {} for {}, {} each; {}\n", readable_seconds(report.seconds),
                     counted(report.replay.operations, "operation"),
                     readable_seconds(report.seconds / operations), seats_words(page));
}

std::string oracle_words(const TracePage& page, const TraceReport& report, const Paint& paint) {
  if (!page.oracles) return "oracles: off\n";
  if (report.violations == 0) return "oracles: on, " + paint.good("no violation") + "\n";
  std::string out =
      fmt::format("oracles: on, {}\n", paint.bad(counted(report.violations, "violation")));
  for (const Violation& example : report.examples)
    out += fmt::format("  {}: {}\n", example.kind, example.text);
  return out;
}

std::string losses(const ReplayReport& replay) {
  if (replay.lost_records == 0) return "lost by perf: nothing\n";
  return fmt::format("lost by perf: {} in {}; what follows a loss may be predicted wrong\n",
                     counted(replay.lost_events, "event"), counted(replay.lost_records, "place"));
}

std::string unknown_words(const ReplayReport& replay) {
  if (replay.unknown_events.empty()) return "unknown events: none\n";
  std::string names;
  for (const auto& [name, count] : replay.unknown_events)
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", name, count);
  return wrapped("unknown events, left out: ", names, "  ", 96);
}

// What the reader of a surprising number wants to know; what did not happen is not said.
std::string oddities(const ReplayReport& replay) {
  std::string out;
  const auto add = [&out](std::uint64_t count, std::string_view what) {
    if (count != 0) out += fmt::format("  {:>8}  {}\n", count, what);
  };
  add(replay.unfinished_calls, "calls without a recorded exit: not made");
  add(replay.untracked_pages, "pages that exec mapped, made when a fault showed them");
  add(replay.populated_pages, "pages brought in without faults (MAP_POPULATE, mlock)");
  add(replay.populations_cut, "calls that populate more than is replayed");
  add(replay.reconciled, "faults that contradicted the state of their page: it was set right");
  add(replay.faults.kernel_addresses, "faults on kernel addresses: not replayed");
  add(replay.diverged, "calls that returned something else than recorded");
  for (const Divergence& at : replay.first_diverged)
    out += fmt::format("  line {}: recorded {}, got {}\n", at.line, at.recorded, at.got);
  return out;
}

std::string checks(const ReplayReport& replay, const Paint& paint) {
  std::string out = "checks:\n";
  for (const ReplayCheck& check : replay.checks)
    out += fmt::format("  {}  {}: {} {} {}\n", check.holds() ? paint.good("ok") : paint.bad("no"),
                       check.name, check.left, check.relation, check.right);
  return out;
}

std::string run_text(const TracePage& page, const TracePage::Run& run, const Paint& paint) {
  const TraceReport& report = run.report;
  const ReplayReport& replay = report.replay;
  std::string out = paint.strong(fmt::format("{} on {}", page.file, run.arch)) + "\n";
  out += fmt::format("{}, {}, {}, {}{}\n\n", counted(page.lines, "line"),
                     counted(replay.records, "record"), counted(replay.processes, "process"),
                     counted(replay.threads, "thread"),
                     report.interrupted ? "; interrupted, what follows is a part" : "");
  out += kinds_table(replay);
  out +=
      "known: on anonymous private ranges, where the recording decides what must be flushed;\n"
      "right: flushed or not as the kernel did; exact: number and pages of the flushes too;\n"
      "pages N+M: N pages in ranges and M flushes of everything\n\n";
  out += reasons_table(replay) + "\n";
  out += fmt::format("IPIs sent: {}\n", report.ipis) + time_words(page, report);
  out += allocation_lines(report.allocations);
  out += oracle_words(page, report, paint) + unknown_words(replay) + losses(replay);
  return out + oddities(replay) + checks(replay, paint);
}

// How each backend came by the same end: one row each.
std::string backends_table(const TracePage& page) {
  Columns table(1);
  table.row({"backend", "flushes", "pages", "broadcasts", "IPIs", "hash inserts", "removals",
             "violations"});
  for (const auto& [arch, report] : page.runs) {
    const FlushSum& sum =
        report.replay.predicted[static_cast<std::size_t>(FlushReason::local_mm_shootdown)];
    table.row({arch, number(sum.events), pages(sum), number(report.work.broadcasts),
               number(report.ipis), number(report.work.hash_inserts),
               number(report.work.hash_removals),
               page.oracles ? number(report.violations) : std::string("-")});
  }
  return table.text() +
         "flushes: asked for by the kernel's code, each for one CPU or many; broadcasts:\n"
         "invalidates that other CPUs hear without their software\n";
}

}  // namespace

std::string trace_text(const TracePage& page, const Paint& paint) {
  std::string out;
  for (const TracePage::Run& run : page.runs)
    out += (out.empty() ? "" : "\n") + run_text(page, run, paint);
  return page.runs.size() > 1 ? out + "\n" + backends_table(page) : out;
}

std::string trace_summary(const TracePage& page, const Paint& paint) {
  Columns table(1, "  ");
  std::vector<std::string> head{"flushes of", "calls", "kernel"};
  for (const TracePage::Run& run : page.runs) {
    head.push_back(run.arch);
    head.emplace_back("known: exact/differ");
  }
  table.row(std::move(head));
  for (const KindReport& kind : page.runs.front().report.replay.kinds) {
    std::vector<std::string> cells{kind.name, number(kind.calls), number(kind.recorded.events)};
    bool shown = kind.recorded.events != 0;
    for (const TracePage::Run& run : page.runs) {
      const KindReport* ours = run.report.replay.kind(kind.name);
      const KindReport none;
      const KindReport& row = ours == nullptr ? none : *ours;
      shown = shown || row.predicted.events != 0;
      cells.push_back(number(row.predicted.events));
      cells.push_back(pair(row.known.exact, row.known.differ));
    }
    if (shown) table.row(std::move(cells));
  }
  std::string out = table.text();
  for (const TracePage::Run& run : page.runs)
    out += fmt::format(
        "  {}: {} in {}, {}, {}\n", run.arch, counted(run.report.replay.operations, "operation"),
        readable_seconds(run.report.seconds), counted(run.report.ipis, "IPI"),
        run.report.violations == 0 ? paint.good("no violation")
                                   : paint.bad(counted(run.report.violations, "violation")));
  return out;
}

}  // namespace tlblab
