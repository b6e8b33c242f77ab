// SPDX-License-Identifier: GPL-2.0-or-later
// What a replay asks of its target, record by record. The target here writes down what it is told.
#include "harness/workload/replay.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workload/trace_text.h"

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Log = std::vector<std::string>;

constexpr vaddr_t a = 0x7f0000000000;

// Knows which pages are mapped and nothing else. Flushes what it is told to, at the next call.
class NotingTarget final : public ReplayTarget {
 public:
  void run_as(ProcessId process) override {
    if (current_ == process) return;
    current_ = process;
    log.push_back(fmt::format("run {}", process));
  }
  void create(ProcessId process) override { note("create {}", process); }
  void fork(ProcessId parent, ProcessId child) override {
    pages_[child] = pages_[parent];
    note("fork {} {}", parent, child);
  }
  void exec(ProcessId process) override {
    pages_[process].clear();
    note("exec {}", process);
  }
  void exit(ProcessId process) override { note("exit {}", process); }
  std::int64_t mmap(const MapRequest& request) override {
    map(pages_of(request.address, request.length));
    note("mmap {:#x} {:#x} prot {} flags {:#x} file {}", request.address, request.length,
         request.prot, request.flags, request.file);
    return answer(static_cast<std::int64_t>(request.address));
  }
  std::int64_t munmap(vaddr_t address, std::uint64_t length) override {
    const Range range = pages_of(address, length);
    for (vaddr_t page = range.begin; page < range.end; page += page_size)
      pages_[current_].erase(page);
    note("munmap {:#x} {:#x}", address, length);
    return answer(0);
  }
  std::int64_t mprotect(vaddr_t address, std::uint64_t length, std::uint32_t prot) override {
    note("mprotect {:#x} {:#x} {}", address, length, prot);
    return answer(0);
  }
  std::int64_t madvise(vaddr_t address, std::uint64_t length, std::uint32_t advice) override {
    note("madvise {:#x} {:#x} {}", address, length, advice);
    return answer(0);
  }
  std::int64_t mremap(vaddr_t address,
                      std::uint64_t old_length,
                      std::uint64_t new_length,
                      std::uint32_t flags,
                      vaddr_t new_address) override {
    note("mremap {:#x} {:#x} {:#x} {} {:#x}", address, old_length, new_length, flags, new_address);
    map(pages_of(new_address != 0 ? new_address : address, new_length));
    return answer(static_cast<std::int64_t>(new_address != 0 ? new_address : address));
  }
  std::int64_t brk(vaddr_t old_break, vaddr_t new_break) override {
    map(pages_between(old_break, new_break));
    note("brk {:#x} {:#x}", old_break, new_break);
    return answer(static_cast<std::int64_t>(new_break));
  }
  void access(vaddr_t address, bool write, bool exec) override {
    note("{} {:#x}", write ? "write" : exec ? "fetch" : "read", address);
  }
  void map_untracked(vaddr_t address) override {
    map(page_of(address));
    note("untracked {:#x}", address);
  }
  bool mapped(vaddr_t address) override { return pages_[current_].contains(page_down(address)); }
  void take_flushes(std::vector<FlushRecord>& into) override {
    into.insert(into.end(), pending_.begin(), pending_.end());
    pending_.clear();
  }
  std::uint64_t ipis_sent() const override { return 42; }

  // The next call whose note starts with `what` flushes so many pages.
  void flush_at(std::string what, std::int64_t pages) {
    flushes_.emplace_back(std::move(what), pages);
  }
  // Every call returns this instead.
  void answer_with(std::int64_t value) { wrong_answer_ = value; }

  Log log;

 private:
  template <class... Arguments>
  void note(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    log.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
    for (const auto& [what, pages] : flushes_)
      if (log.back().starts_with(what))
        pending_.push_back({FlushReason::local_mm_shootdown, pages});
  }
  void map(Range range) {
    for (vaddr_t page = range.begin; page < range.end; page += page_size)
      pages_[current_].insert(page);
  }
  std::int64_t answer(std::int64_t right) const {
    return wrong_answer_ != 0 ? wrong_answer_ : right;
  }

  ProcessId current_ = ~ProcessId{0};
  std::map<ProcessId, std::set<vaddr_t>> pages_;
  std::vector<std::pair<std::string, std::int64_t>> flushes_;
  std::vector<FlushRecord> pending_;
  std::int64_t wrong_answer_ = 0;
};

ReplayReport replay(const TraceText& text, NotingTarget& target, ReplayOptions options = {}) {
  const Recording recording = text.recording();
  Replay run(recording, target, std::move(options));
  while (!run.done()) run.step();
  return run.finish();
}

Log log_of(const TraceText& text) {
  NotingTarget target;
  static_cast<void>(replay(text, target));
  return target.log;
}

TEST(Replay, CallsTakeEffectAtTheirExitWithTheirResult) {
  TraceText text;
  text.enter_mmap(0, 0x3000)
      .write(0x401000)
      .leave("mmap", static_cast<std::int64_t>(a))
      .munmap(a, 0x1000);
  EXPECT_THAT(log_of(text), ElementsAre("create 0", "run 0", "untracked 0x401000", "write 0x401000",
                                        "mmap 0x7f0000000000 0x3000 prot 3 flags 0x22 file false",
                                        "munmap 0x7f0000000000 0x1000"));
}

TEST(Replay, FailedCallsAreNotMade) {
  TraceText text;
  text.enter_mmap(0, 0x3000)
      .leave("mmap", -12)
      .munmap(a, 0x1000, -22)
      .mprotect(a, 0x1000, 1, -13)
      .madvise(a, 0x1000, 4, -22);
  text.mremap(a, 0x1000, 0x2000, 1, static_cast<std::uint64_t>(-14));
  EXPECT_THAT(log_of(text), ElementsAre("create 0", "run 0"));
}

TEST(Replay, MadviseThatEndsAtAHoleIsMade) {
  TraceText text;
  text.mmap(a, 0x3000).madvise(a, 0x9000, 4, -12);
  EXPECT_EQ(log_of(text).back(), "madvise 0x7f0000000000 0x9000 4");
}

TEST(Replay, MprotectThatEndsAtAHoleIsMadeUpToIt) {
  TraceText text;
  text.mmap(a, 0x3000).mprotect(a + 0x1000, 0x9000, 1, -12);
  EXPECT_EQ(log_of(text).back(), "mprotect 0x7f0000001000 0x2000 1");
  TraceText no_hole;
  no_hole.mmap(a, 0x3000).mprotect(a, 0x2000, 1, -12);
  EXPECT_THAT(log_of(no_hole).back(), testing::StartsWith("mmap"));
}

TEST(Replay, ASuccessfulMprotectShowsWhatExecMapped) {
  TraceText text;
  text.read(0x401000).mprotect(0x400000, 0x3000, 1);
  EXPECT_THAT(log_of(text), ElementsAre("create 0", "run 0", "untracked 0x401000", "read 0x401000",
                                        "untracked 0x400000", "untracked 0x402000",
                                        "mprotect 0x400000 0x3000 1"));
}

TEST(Replay, FaultsAreAccessesWhereverTheyCanBeMade) {
  TraceText text;
  text.mmap(a, 0x3000).write(a + 5).fault(a + 0x1000, 0x14).read(0x8).munmap(a, 0x1000).write(a);
  text.line("exceptions:page_fault_user", "address=0xffffffffff600000 ip=0x401000 error_code=0x15");
  text.line("exceptions:page_fault_kernel", "address=__per_cpu_start ip=x error_code=0x0");
  NotingTarget target;
  const ReplayReport report = replay(text, target);
  EXPECT_EQ(Log(target.log.begin() + 3, target.log.end()),
            (Log{"write 0x7f0000000005", "fetch 0x7f0000001000", "munmap 0x7f0000000000 0x1000"}));
  EXPECT_EQ(report.faults.kernel_addresses, 2U);
  EXPECT_EQ(report.untracked_pages, 0U);
}

TEST(Replay, APageThatWasThereIsBroughtInFirst) {
  TraceText text;
  text.write_present(0x401000);
  NotingTarget target;
  EXPECT_EQ(replay(text, target).reconciled, 1U);
  EXPECT_THAT(target.log, ElementsAre("create 0", "run 0", "untracked 0x401000", "read 0x401000",
                                      "write 0x401000"));
}

TEST(Replay, APageThatWasGoneIsTakenAwayFirstWithoutTheFlushCounting) {
  TraceText text;
  text.mmap(a, 0x1000).write(a).write(a);
  NotingTarget target;
  target.flush_at("madvise", 1);
  const ReplayReport report = replay(text, target);
  EXPECT_EQ(target.log[4], "madvise 0x7f0000000000 0x1000 4");
  EXPECT_EQ(report.reconciled, 1U);
  EXPECT_EQ(report.kind("fault_write")->predicted.events, 0U);
}

TEST(Replay, TheKernelPlacesMappingsWhereNothingIs) {
  TraceText text;
  text.read(a).mmap(a, 0x2000).mmap(a, 0x1000).mmap(a, 0x1000, 0x32);
  NotingTarget target;
  target.flush_at("munmap", 1);
  const ReplayReport report = replay(text, target);
  EXPECT_EQ(report.kind("mmap_new")->calls, 2U);
  EXPECT_EQ(report.kind("mmap_new")->predicted.events, 0U);
  EXPECT_EQ(report.kind("mmap_fixed_over")->calls, 1U);
  EXPECT_EQ(std::ranges::count_if(
                target.log, [](const std::string& line) { return line.starts_with("munmap"); }),
            2);
}

TEST(Replay, MovesSayWhereTo) {
  TraceText text;
  text.mmap(a, 0x2000).mremap(a, 0x2000, 0x3000, 1, a).mremap(a, 0x3000, 0x3000, 1, a + 0x100000);
  EXPECT_EQ(log_of(text)[3], "mremap 0x7f0000000000 0x2000 0x3000 0 0x0");
  EXPECT_EQ(log_of(text)[4], "mremap 0x7f0000000000 0x3000 0x3000 3 0x7f0000100000");
}

TEST(Replay, TheHeapMovesFromWhereItWas) {
  TraceText text;
  text.brk(0, 0x5000000)
      .brk(0x5021000, 0x5021000)
      .brk(0, 0x5021000)
      .brk(0x5001000, 0x5001000)
      .brk(0x9000000, 0x5001000);
  NotingTarget target;
  const ReplayReport report = replay(text, target);
  EXPECT_THAT(target.log, ElementsAre("create 0", "run 0", "brk 0x5000000 0x5021000",
                                      "brk 0x5021000 0x5001000"));
  EXPECT_EQ(report.kind("brk_query")->calls, 2U);
  EXPECT_EQ(report.kind("brk_query")->known.right, 1U);
  EXPECT_EQ(report.kind("brk_grow")->calls, 2U);
  EXPECT_EQ(report.kind("brk_shrink")->calls, 1U);
}

TEST(Replay, PopulatedMappingsAreTouchedAndLongOnesCut) {
  TraceText text;
  text.mmap(a, 0x2000, 0x8022)
      .mmap(a + 0x100000, 0x1000, 0x8022, 1)
      .mmap(a + 0x200000, 0x1000, 0x18022);
  EXPECT_EQ(log_of(text),
            (Log{"create 0", "run 0", "mmap 0x7f0000000000 0x2000 prot 3 flags 0x8022 file false",
                 "write 0x7f0000000000", "write 0x7f0000001000",
                 "mmap 0x7f0000100000 0x1000 prot 1 flags 0x8022 file false", "read 0x7f0000100000",
                 "mmap 0x7f0000200000 0x1000 prot 3 flags 0x18022 file false"}));
  NotingTarget target;
  const ReplayReport report =
      replay(TraceText().mmap(a, 0x9000, 0x8022).munmap(a, 0x9000), target, {.populate_limit = 2});
  EXPECT_EQ(report.populated_pages, 2U);
  EXPECT_EQ(report.populations_cut, 1U);
  EXPECT_EQ(report.kind("munmap")->known.right, 0U);
  EXPECT_EQ(report.kind("munmap")->unknown.right, 1U);
}

TEST(Replay, MlockBringsPagesIn) {
  TraceText text;
  text.mmap(a, 0x2000).enter("mlock", fmt::format("start: {:#x}, len: 0x00001000", a));
  const Log log = log_of(text);
  EXPECT_EQ(Log(log.begin() + 3, log.end()), (Log{"write 0x7f0000000000", "read 0x7f0000000000"}));
}

// ---- processes ----------------------------------------------------------------------------------

TEST(Replay, ThreadsShareTheirProcess) {
  TraceText text;
  text.as(10).fork(11).write(0x401000).as(10, 11).write(0x402000).exit(false).as(10).exit(true);
  EXPECT_THAT(log_of(text), ElementsAre("create 0", "run 0", "untracked 0x401000", "write 0x401000",
                                        "untracked 0x402000", "write 0x402000", "exit 0"));
}

TEST(Replay, AForkedChildHasACopy) {
  TraceText text;
  text.as(10).mmap(a, 0x1000).fork(11).write_present(0x401000).as(11).write(a).exit().as(10).exit();
  NotingTarget target;
  target.flush_at("fork", -1);
  const ReplayReport report = replay(text, target);
  EXPECT_THAT(
      target.log,
      ElementsAre("create 0", "run 0", "mmap 0x7f0000000000 0x1000 prot 3 flags 0x22 file false",
                  "fork 0 1", "untracked 0x401000", "read 0x401000", "write 0x401000", "run 1",
                  "write 0x7f0000000000", "exit 1", "run 0", "exit 0"));
  EXPECT_EQ(report.kind("fork")->predicted.full, 1U);
  EXPECT_EQ(report.kind("fault_write")->known.right, 1U);  // the child's: it inherits what is known
  EXPECT_EQ(report.processes, 2U);
}

TEST(Replay, AVforkedChildRunsInItsParentsMemoryUntilItExecs) {
  TraceText text;
  text.as(10)
      .write(0x401000)
      .fork(11)
      .as(11)
      .write(0x402000)
      .enter_execve()
      .kernel_fault(0x501000, 2)
      .exec()
      .write(0x502000);
  text.exit().as(10).write(0x403000).exit();
  EXPECT_THAT(log_of(text), ElementsAre("create 0", "run 0", "untracked 0x401000", "write 0x401000",
                                        "untracked 0x402000", "write 0x402000", "create 1", "run 1",
                                        "untracked 0x501000", "write 0x501000",
                                        "untracked 0x502000", "write 0x502000", "exit 1", "run 0",
                                        "untracked 0x403000", "write 0x403000", "exit 0"));
}

TEST(Replay, AVforkedChildThatExitsLeavesTheMemoryAlone) {
  TraceText text;
  text.as(10).write(0x401000).fork(11).as(11).write(0x402000).exit().as(10).write(0x403000).exit();
  const Log log = log_of(text);
  EXPECT_EQ(std::ranges::count(log, "exit 0"), 1);
  EXPECT_EQ(log.back(), "exit 0");
}

TEST(Replay, AnExecveReadsTheOldMemoryAndFillsTheNew) {
  TraceText text;
  text.write(0x401000)
      .enter_execve()
      .kernel_fault(0x402000, 0, "strncpy_from_user")
      .kernel_fault(0x501000, 2)
      .exec();
  EXPECT_THAT(log_of(text), ElementsAre("create 0", "run 0", "untracked 0x401000", "write 0x401000",
                                        "untracked 0x402000", "read 0x402000", "exec 0",
                                        "untracked 0x501000", "write 0x501000"));
}

TEST(Replay, AFailedExecveChangesNothing) {
  TraceText text;
  text.write(0x401000).enter_execve().kernel_fault(0x402000, 2).write(0x403000);
  NotingTarget target;
  const ReplayReport report = replay(text, target);
  EXPECT_EQ(std::ranges::count(target.log, "exec 0"), 0);
  EXPECT_EQ(report.kind("execve_failed")->calls, 1U);
  EXPECT_EQ(report.kind("exec"), nullptr);
}

TEST(Replay, ARecordingMayBeginInsideAnExecve) {
  TraceText text;
  text.flush(-1).kernel_fault(0x501000, 2).exec().write(0x502000);
  EXPECT_THAT(log_of(text), ElementsAre("create 0", "run 0", "exec 0", "untracked 0x501000",
                                        "write 0x501000", "untracked 0x502000", "write 0x502000"));
}

TEST(Replay, AnExecveByAnotherThreadGoesOnAsTheProcess) {
  TraceText text;
  text.as(10).fork(12).write(0x401000).as(10, 12).enter_execve().as(10).exit(false).exec(12).write(
      0x501000);
  const Log log = log_of(text);
  EXPECT_EQ(std::ranges::count(log, "exec 0"), 1);
  EXPECT_EQ(log.back(), "write 0x501000");
  EXPECT_EQ(std::ranges::count_if(
                log, [](const std::string& line) { return line.starts_with("create"); }),
            1);
}

TEST(Replay, ProcessNumbersAreUsedAgain) {
  TraceText text;
  text.as(10)
      .fork(11)
      .write_present(0x401000)
      .as(11)
      .write(0x402000)
      .exit()
      .as(10)
      .fork(11)
      .write_present(0x403000);
  text.as(11).write(0x404000).exit();
  const Log log = log_of(text);
  EXPECT_EQ(std::ranges::count(log, "fork 0 1"), 1);
  EXPECT_EQ(std::ranges::count(log, "fork 0 2"), 1);
  EXPECT_EQ(std::ranges::count(log, "exit 2"), 1);
}

// ---- events and sums ----------------------------------------------------------------------------

struct Seen {
  std::vector<std::string> lines;
  ReplayOptions options() {
    return {.on_event = [this](const ReplayEvent& event) {
      std::string line;
      append_event_line(line, event);
      line.pop_back();
      lines.push_back(line);
    }};
  }
};

TEST(Replay, EventsComeInTheOrderOfTheirLines) {
  TraceText text;
  text.mmap(a, 0x2000)
      .as(10, 10)
      .enter_munmap(a, 0x1000)
      .as(10, 11)
      .write(a + 0x1000)
      .as(10, 10)
      .flush(3)
      .leave("munmap", 0);
  NotingTarget target;
  target.flush_at("munmap", 3);
  Seen seen;
  static_cast<void>(replay(text, target, seen.options()));
  EXPECT_THAT(seen.lines,
              ElementsAre(R"({"line":1,"kind":"mmap_new","known":true,"predicted":[]})",
                          R"({"line":3,"kind":"munmap","known":true,"predicted":)"
                          R"([{"reason":"local_mm_shootdown","pages":3}]})",
                          R"({"line":4,"kind":"fault_write","known":true,"predicted":[]})"));
}

TEST(Replay, ACallWithoutExitIsToldAndNotCompared) {
  TraceText text;
  text.mmap(a, 0x2000).enter_munmap(a, 0x1000).flush(1).exit();
  NotingTarget target;
  Seen seen;
  const ReplayReport report = replay(text, target, seen.options());
  EXPECT_EQ(seen.lines.at(1), R"({"line":3,"kind":"unfinished","known":false,"predicted":[]})");
  EXPECT_EQ(report.unfinished_calls, 1U);
  EXPECT_EQ(report.kind("unfinished")->unknown, KindReport::Unknown{});
}

TEST(Replay, AgreementIsCountedPerKind) {
  TraceText text;
  for (const std::int64_t recorded : {4, 5, 0}) {
    text.mmap(a, 0x9000).enter_munmap(a, 0x9000);
    if (recorded != 0) text.flush(recorded);
    text.leave("munmap", 0);
  }
  NotingTarget target;
  target.flush_at("munmap", 4);
  const ReplayReport report = replay(text, target);
  const KindReport* munmap = report.kind("munmap");
  ASSERT_NE(munmap, nullptr);
  EXPECT_EQ(munmap->calls, 3U);
  EXPECT_EQ(munmap->known, (KindReport::Known{.right = 2, .wrong = 1, .exact = 1, .differ = 1}));
  EXPECT_EQ(munmap->predicted, (FlushSum{.events = 3, .pages = 12}));
  EXPECT_EQ(munmap->recorded, (FlushSum{.events = 2, .pages = 9}));
  EXPECT_EQ(report.checks[0].left, 2U);
  EXPECT_FALSE(report.checks[0].holds());
  EXPECT_FALSE(report.checks[1].holds());
  EXPECT_EQ(report.ipis, 42U);
}

TEST(Replay, ATargetThatReturnsSomethingElseHasDiverged) {
  TraceText text;
  text.mmap(a, 0x1000).munmap(a, 0x1000).munmap(a, 0x1000, -22);
  NotingTarget target;
  target.answer_with(-12);
  const ReplayReport report = replay(text, target);
  EXPECT_EQ(report.diverged, 2U);
  EXPECT_EQ(report.first_diverged.at(1).line, 3U);
  EXPECT_EQ(report.first_diverged.at(1).got, -12);
}

TEST(Replay, UnjudgedCallsAreCountedByName) {
  TraceText text;
  text.mmap(a, 0x1000)
      .enter("membarrier", "cmd: 0x8, flags: 0x0, cpu_id: 0x0")
      .madvise(a, 0x1000, 8)
      .madvise(a, 0x1000, 77);
  NotingTarget target;
  const ReplayReport report = replay(text, target);
  EXPECT_EQ(report.kind("membarrier")->calls, 1U);
  EXPECT_EQ(report.kind("madvise_FREE")->unknown.right, 1U);
  EXPECT_EQ(report.kind("madvise_77")->calls, 1U);
}

// ---- CPUs ---------------------------------------------------------------------------------------

std::vector<unsigned> cpus_of(const TraceText& text, unsigned cpus) {
  const Recording recording = text.recording();
  NotingTarget target;
  Replay run(recording, target, {.cpus = cpus});
  std::vector<unsigned> order;
  while (!run.done()) {
    order.push_back(run.next_cpu());
    EXPECT_LT(order.back(), run.cpus());
    run.step();
  }
  return order;
}

TEST(Replay, RecordsRunWhereTheyWereRecorded) {
  TraceText text;
  text.as(10, 10, 37).write(0x401000).as(10, 11, 90).write(0x402000).as(10, 12, 37).write(0x403000);
  EXPECT_THAT(cpus_of(text, 0), ElementsAre(0, 1, 0));
  EXPECT_THAT(cpus_of(text, 1), ElementsAre(0, 0, 0));
  EXPECT_THAT(cpus_of(text, 2), ElementsAre(0, 1, 0));
  EXPECT_THAT(cpus_of(text, 3),
              ElementsAre(0, 1, 2));  // more CPUs than recorded: threads are spread
  EXPECT_THAT(cpus_of(TraceText(), 0), IsEmpty());
}

}  // namespace
}  // namespace tlblab
