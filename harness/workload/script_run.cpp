// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/script_run.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "harness/workload/input_error.h"
#include "harness/workload/script_pages.h"

namespace tlblab {
namespace {

// What mm does not have yet.
bool is_missing(const ScriptOp& op) noexcept {
  using enum ScriptVerb;
  constexpr std::array missing{ksmscan, collapse, mergeable, unmergeable};
  return std::ranges::find(missing, op.verb) != missing.end();
}

std::string error_name(std::int64_t result) {
  switch (-result) {
    case EPERM: return "EPERM";
    case ENOENT: return "ENOENT";
    case EAGAIN: return "EAGAIN";
    case ENOMEM: return "ENOMEM";
    case EACCES: return "EACCES";
    case EFAULT: return "EFAULT";
    case EBUSY: return "EBUSY";
    case EEXIST: return "EEXIST";
    case EINVAL: return "EINVAL";
    case EOPNOTSUPP: return "EOPNOTSUPP";
    case ENOSYS: return "ENOSYS";
    case EBADF: return "EBADF";
    case EINTR: return "EINTR";
    case EHWPOISON: return "EHWPOISON";
    default: return fmt::format("errno {}", -result);
  }
}

class Runner {
 public:
  Runner(const Script& script, ScriptTarget& target) : script_(script), target_(target) {}

  ScriptOpReport step(std::uint64_t count) {
    const ScriptOp& op = script_.ops[count - 1];
    ScriptOutcome outcome = target_.perform(op, count);
    if (outcome.out_of_memory)
      throw InputError(script_.file, op.line, "the simulated machine has no memory left for it",
                       "fewer pages in use at once");
    if (op.verb == ScriptVerb::fork && outcome.result >= 0) child_.emplace();
    if (op.verb == ScriptVerb::exit) child_.reset();
    ScriptOpReport report = report_of(op, outcome);
    report.space = parent_.note(script_.areas, target_.look(ScriptSpace::parent));
    report.has_child = child_.has_value();
    if (child_) report.child = child_->note(script_.areas, target_.look(ScriptSpace::child));
    count_report(op, report);
    return report;
  }

  PagesByArea final_read() {
    PagesByArea all;
    for (const ScriptArea& area : script_.areas) all.emplace_back(area.name, read_area(area));
    return all;
  }

 private:
  // A few thousand operations can make a report that no machine has room for.
  void count_report(const ScriptOp& op, const ScriptOpReport& report) {
    reported_ += report.flushes.size();
    for (const ScriptSpaceReport* space : {&report.space, &report.child})
      for (const auto& [area, runs] : space->pages) reported_ += runs.size();
    if (reported_ > ScriptLimits::report)
      throw InputError(script_.file, op.line, "there is too much to report up to here",
                       "fewer operations, or fewer pages that differ from their neighbours");
  }
  [[nodiscard]] ScriptOpReport report_of(const ScriptOp& op, ScriptOutcome& outcome) const {
    ScriptOpReport report;
    report.op = op.text;
    if (outcome.result < 0) {
      report.ret = -1;
      report.error = error_name(outcome.result);
    }
    if (outcome.fatal)
      report.signal = "SIGSEGV/BUS at " + place_name(script_.areas, *outcome.fatal);
    report.write_faults = outcome.write_faults;
    report.read_faults = outcome.read_faults;
    report.kernel_faults = outcome.kernel_faults;
    report.flushes = std::move(outcome.flushes);
    return report;
  }

  std::vector<PageRun> read_area(const ScriptArea& area) {
    std::vector<PageRun> runs;
    const vaddr_t end = area.base + area.pages * page_size;
    const std::vector<AreaSeen> mappings = parent_.last().areas;
    for (const AreaSeen& mapped : mappings)
      if (mapped.start < end && mapped.end > area.base)
        read_mapping(mapped, area.base, std::max(mapped.start, area.base),
                     std::min(mapped.end, end), runs);
    return runs;
  }
  void read_mapping(
      const AreaSeen& mapped, vaddr_t base, vaddr_t from, vaddr_t to, std::vector<PageRun>& runs) {
    if ((mapped.prot & script_read) == 0)
      return add_run(runs, (from - base) / page_size, (to - from) / page_size, "noaccess");
    std::vector<vaddr_t> addresses;
    for (vaddr_t at = from; at < to; at += page_size) addresses.push_back(at);
    const std::vector<ScriptRead> read = target_.read_pages(addresses);
    for (std::size_t n = 0; n < read.size(); ++n)
      add_run(runs, (addresses[n] - base) / page_size, 1,
              read[n].readable ? value_name(read[n].word) : "fault");
  }

  const Script& script_;
  ScriptTarget& target_;
  PageBook parent_;
  std::optional<PageBook> child_;
  std::uint64_t reported_ = 0;
};

}  // namespace

void check_script(const Script& script, unsigned cpus) {
  for (const ScriptOp& op : script.ops)
    if (is_missing(op))
      throw InputError(script.file, op.line,
                       fmt::format("{} is not supported yet", name_of(op.verb)),
                       "a script without ksmscan and collapse");
  if (script.second_thread != 0 && cpus < 2)
    throw InputError(script.file, script.second_thread, "thread 1 has no CPU", "--cpus 2");
}

ScriptReport run_script(const Script& script, ScriptTarget& target, const std::atomic<bool>* stop) {
  const auto stopped = [stop] { return stop != nullptr && stop->load(std::memory_order_relaxed); };
  ScriptReport report;
  Runner runner(script, target);
  for (std::uint64_t count = 1; count <= script.ops.size() && !stopped(); ++count)
    report.ops.push_back(runner.step(count));
  report.interrupted = stopped();
  if (!report.interrupted) report.final_read = runner.final_read();
  return report;
}

}  // namespace tlblab
