// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "harness/report/layout.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

using Run = BenchPage::Run;

std::string value(double number, const Run& run) {
  if (number == 0) return "-";
  if (run.more_is_better()) return fmt::format("{:.2f}x", number);
  return number < 10 ? fmt::format("{:.2f}", number) : fmt::format("{:.0f}", number);
}

std::string times(double ratio) {
  if (ratio == 0) return "-";
  return ratio < 100 ? fmt::format("{:.1f}x", ratio) : fmt::format("{:.0f}x", ratio);
}

std::string where(const BenchPage& page) {
  std::string words = fmt::format("{}, oracles off, best of {}", page.arch, page.repetitions);
  if (page.seats.units != 0)
    words += fmt::format(", up to {} on {}, {}", counted(page.seats.cpus, "CPU"),
                         counted(page.seats.units, "PU"), page.seats.policy);
  else
    words += ", not pinned";
  return words;
}

// What was promised of a workload on x86: a ratio that is at most, or at least, so much.
enum class Column : std::uint8_t { over_plain, kernel_over, scale };
struct Target {
  std::string_view workload, work, plain;
  unsigned cpus;
  Column column;
  double limit;
};
constexpr std::array targets{
    Target{"load-chain", "8-byte load in the TLB, dependent", "the same loads", 1,
           Column::over_plain, 3},
    Target{"load-random", "8-byte load in the TLB, independent", "the same loads", 1,
           Column::over_plain, 8},
    Target{"touch-dontneed", "touch and MADV_DONTNEED, a page of 512", "memset of the frame", 1,
           Column::over_plain, 5},
    Target{"touch-dontneed", "the same, against the kernel", "", 1, Column::kernel_over, 5},
    Target{"flush", "shootdown of a page, one busy CPU", "a cache line there and back", 2,
           Column::over_plain, 3},
    Target{"gup-fast", "GUP-fast, a page of 512", "an atomic increment", 1, Column::over_plain, 4},
    Target{"disjoint", "two CPUs, an mm each, against one", "a loop that shares nothing", 2,
           Column::scale, 1.8}};

double result_of(const Run& run, Column column) {
  switch (column) {
    case Column::over_plain: return run.over_plain();
    case Column::kernel_over: return run.kernel_over();
    case Column::scale: return run.best(run.simulated);
  }
  return 0;
}

std::string table_row(const Run& run, const Target& target) {
  const double result = result_of(run, target.column);
  const bool at_most = target.column == Column::over_plain;
  const bool met = at_most ? result <= target.limit : result >= target.limit;
  const bool against_kernel = target.column == Column::kernel_over;
  const std::string unit = run.more_is_better() ? "" : " ns";
  const auto with_unit = [&](double number) {
    return number == 0 ? std::string("-") : value(number, run) + unit;
  };
  return fmt::format(
      "| {} | {} | {} | {} | {:.2f} | {} {:g} | {} |\n", target.work,
      with_unit(run.best(run.simulated)),
      against_kernel ? "-" : fmt::format("{}: {}", target.plain, with_unit(run.best(run.plain))),
      with_unit(run.best(run.kernel)), result, at_most ? "at most" : "at least", target.limit,
      met ? "yes" : "no");
}

}  // namespace

// Of repetitions that scale, those count in which the plain loop showed that the host could.
std::size_t BenchPage::Run::best_scaling() const {
  constexpr double enough = 1.9;
  const std::size_t count = std::min(simulated.repetitions.size(), plain.repetitions.size());
  std::size_t best = 0;
  for (std::size_t i = 1; i < count; ++i) {
    const bool both = plain.repetitions[i] >= enough && plain.repetitions[best] >= enough;
    const std::vector<double>& by = both ? simulated.repetitions : plain.repetitions;
    if (by[i] > by[best]) best = i;
  }
  return best;
}

double BenchPage::Run::best(const Part& part) const {
  if (!part.measured()) return 0;
  if (!more_is_better()) return *std::ranges::min_element(part.repetitions);
  return part.repetitions[std::min(best_scaling(), part.repetitions.size() - 1)];
}

double BenchPage::Run::over_plain() const {
  return best(plain) == 0 || more_is_better() ? 0 : best(simulated) / best(plain);
}

double BenchPage::Run::kernel_over() const {
  return best(simulated) == 0 ? 0 : best(kernel) / best(simulated);
}

namespace {

std::string value_of(const Run& run, const std::string& arch) {
  const auto part =
      std::ranges::find(run.arches, arch, &std::pair<std::string, BenchPage::Part>::first);
  return part == run.arches.end() ? "-" : value(run.best(part->second), run);
}

// A row a backend, a column a workload. Repetitions are interleaved at random, so each workload has met the
// backends in an order of its own.
std::string arch_table(const BenchPage& page) {
  Columns table(1, "  ");
  std::vector<std::string> head{"backend"};
  for (const Run& run : page.runs)
    head.push_back(fmt::format("{}, {} ({})", run.workload, counted(run.cpus, "CPU"), run.unit));
  table.row(head);
  for (const auto& [arch, part] : page.runs.front().arches) {
    std::vector<std::string> row{arch};
    for (const Run& run : page.runs) row.push_back(value_of(run, arch));
    table.row(row);
  }
  return "\n" + table.text() + "\nCompare rows of one run only.\n";
}

}  // namespace

std::string bench_text(const BenchPage& page, const Paint& paint) {
  std::string out = paint.strong(where(page)) + "\n";
  for (const auto& [name, fact] : page.host) out += fmt::format("  {}: {}\n", name, fact);
  for (const std::string& warning : page.warnings)
    out += wrapped("  " + paint.bad("warning:") + " ", warning, "    ");
  if (!page.runs.empty() && !page.runs.front().arches.empty()) return out + arch_table(page);
  Columns table(1, "  ");
  table.row({"workload", "CPUs", "simulated", "kernel", "plain", "sim/plain", "kernel/sim", "in"});
  for (const Run& run : page.runs)
    table.row({run.workload, fmt::format("{}", run.cpus), value(run.best(run.simulated), run),
               value(run.best(run.kernel), run), value(run.best(run.plain), run),
               times(run.over_plain()), times(run.kernel_over()), run.unit});
  out += "\n" + table.text() + "\n";
  return out +
         "simulated: the port on the software machine; kernel: this host's, for the same\n"
         "calls; plain: the least that the work needs. Compare columns of one run only.\n";
}

std::string bench_table(const BenchPage& page) {
  std::string out =
      "| work | simulated | plain loop | this host's kernel | ratio | wanted | met |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const Target& target : targets)
    for (const Run& run : page.runs)
      if (run.workload == target.workload && run.cpus == target.cpus &&
          result_of(run, target.column) != 0)
        out += table_row(run, target);
  return out;
}

}  // namespace tlblab
