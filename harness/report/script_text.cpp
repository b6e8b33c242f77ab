// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "harness/report/layout.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

std::string_view short_name(FlushReason reason) {
  switch (reason) {
    case FlushReason::task_switch: return "switch";
    case FlushReason::remote_shootdown: return "remote";
    case FlushReason::local_shootdown: return "reclaim";
    case FlushReason::local_mm_shootdown: return "local";
    case FlushReason::remote_send_ipi: return "ipi";
    case FlushReason::remote_wrong_cpu: return "wrong-cpu";
  }
  return "";
}

std::string flush_words(const ScriptFlush& flush) {
  const std::string pages =
      flush.what.pages == full_flush ? "full" : fmt::format("{}", flush.what.pages);
  return fmt::format("{}:{} {}", name_of(flush.who), short_name(flush.what.reason), pages);
}

// How often the first `period` words from `at` on come one time after the other.
std::size_t repeats(const std::vector<std::string>& words, std::size_t at, std::size_t period) {
  std::size_t same = period;
  while (at + same < words.size() && words[at + same] == words[at + same % period]) ++same;
  return same / period;
}

// "(t0:ipi 1, t0:local 1) x8, t1:remote 1 x8".
std::string flush_list(const std::vector<ScriptFlush>& flushes) {
  std::vector<std::string> words, parts;
  for (const ScriptFlush& flush : flushes) words.push_back(flush_words(flush));
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t alone = repeats(words, at, 1);
    const std::size_t pairs = alone == 1 && at + 1 < words.size() ? repeats(words, at, 2) : 1;
    if (pairs > 1)
      parts.push_back(fmt::format("({}, {}) x{}", words[at], words[at + 1], pairs));
    else
      parts.push_back(alone > 1 ? fmt::format("{} x{}", words[at], alone) : words[at]);
    at += pairs > 1 ? 2 * pairs : alone;
  }
  return parts.empty() ? "-" : joined(parts);
}

std::string result_words(const ScriptOpReport& op) {
  if (!op.signal.empty()) return op.signal;
  return op.ret == 0 ? "0" : op.error;
}

std::string fault_words(const ScriptOpReport& op) {
  const std::uint64_t all = op.write_faults + op.read_faults + op.kernel_faults;
  return all == 0 ? "-" : fmt::format("{}", all);
}

std::string pages_text(std::string_view whose, const PagesByArea& pages) {
  std::string out;
  for (const auto& [area, runs] : pages)
    for (const PageRun& run : runs)
      out +=
          fmt::format("      {}{}+{} {:>5}  {}\n", whose, area, run.offset, run.count, run.state);
  return out;
}

std::string oracle_words(const ScriptPage& page, const Paint& paint) {
  if (!page.oracles) return "oracles: off\n";
  if (page.report.violations == 0) return "oracles: on, " + paint.good("no violation") + "\n";
  std::string out =
      fmt::format("oracles: on, {}\n", paint.bad(counted(page.report.violations, "violation")));
  for (const Violation& example : page.report.examples)
    out += fmt::format("  {}: {}\n", example.kind, example.text);
  return out;
}

}  // namespace

std::string script_text(const ScriptPage& page, const Paint& paint) {
  std::string out = paint.strong(fmt::format("{} on {}", page.file, page.arch)) + "\n";
  out += fmt::format("{}{}\n\n", counted(page.report.cpus, "CPU"),
                     page.report.script.interrupted ? "; interrupted, what follows is a part" : "");
  Columns table(5);
  table.row({"", "operation", "result", "faults", "flushes"});
  std::size_t number = 0;
  for (const ScriptOpReport& op : page.report.script.ops)
    table.row({fmt::format("{}", ++number), op.op, result_words(op), fault_words(op),
               flush_list(op.flushes)});
  out += table.text();
  if (page.pages) {
    number = 0;
    for (const ScriptOpReport& op : page.report.script.ops) {
      out += fmt::format("\n{}  {}\n", ++number, op.op) + pages_text("", op.space.pages);
      if (op.has_child) out += pages_text("child ", op.child.pages);
    }
  }
  out += "\nread at the end:\n" + pages_text("", page.report.script.final_read);
  return out + oracle_words(page, paint);
}

}  // namespace tlblab
