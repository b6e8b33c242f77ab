// SPDX-License-Identifier: GPL-2.0-or-later
// Recordings of real programs on the plain model: as many operations known as the rule of `known`
// gives, and flushes as the kernel recorded them. Two recordings are in tests/data; the folder that
// TLBLAB_RECORDINGS names may hold more.
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "harness/workload/perf_script.h"
#include "harness/workload/replay.h"
#include "tests/workload/plain_model.h"

namespace tlblab {
namespace {

std::filesystem::path folder_of(const char* variable) {
  const char* folder = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return folder == nullptr ? std::filesystem::path() : std::filesystem::path(folder);
}

std::string committed(const char* name) {
  const auto folder = folder_of("TLBLAB_TEST_DATA");
  EXPECT_FALSE(folder.empty()) << "TLBLAB_TEST_DATA is not set; ctest sets it to tests/data";
  return (folder / name).string();
}

struct Outcome {
  ReplayReport report;
  std::string events;
};

Outcome replay(const Recording& recording, unsigned cpus = 0) {
  plain::PlainModel model;
  Outcome outcome;
  Replay run(recording, model, {.cpus = cpus, .on_event = [&](const ReplayEvent& event) {
                                  append_event_line(outcome.events, event);
                                }});
  while (!run.done()) {
    EXPECT_LT(run.next_cpu(), run.cpus());
    run.step();
  }
  outcome.report = run.finish();
  return outcome;
}

// Known operations of a kind: all of them, and those that flushed with number and pages right.
struct Expected {
  std::uint64_t known, wrong, exact;
};
using ExpectedKinds = std::map<std::string, Expected>;

void expect_kinds(const ReplayReport& report, const ExpectedKinds& kinds) {
  for (const auto& [name, expected] : kinds) {
    const KindReport* kind = report.kind(name);
    ASSERT_NE(kind, nullptr) << name;
    EXPECT_EQ(kind->known.right + kind->known.wrong, expected.known) << name;
    EXPECT_EQ(kind->known.wrong, expected.wrong) << name;
    EXPECT_EQ(kind->known.exact, expected.exact) << name;
    EXPECT_EQ(kind->known.differ, 0U) << name;
  }
}

TEST(Recordings, Sqlite3) {
  const Recording recording = read_perf_script(committed("sqlite3.perf.txt.gz"));
  EXPECT_EQ(recording.lines, 7490U);
  EXPECT_EQ(recording.lost_records, 0U);
  EXPECT_TRUE(recording.unknown_events.empty());
  const ReplayReport report = replay(recording).report;
  // Wrong are a fork's flush, which is recorded before the fork and so after a fault, and one that
  // no call explains.
  expect_kinds(report, {{"munmap", {1, 0, 1}},
                        {"mmap_new", {49, 0, 0}},
                        {"mmap_fixed_over", {0, 0, 0}},
                        {"mprotect", {0, 0, 0}},
                        {"brk_grow", {73, 0, 0}},
                        {"brk_shrink", {4, 0, 0}},
                        {"brk_query", {3, 0, 0}},
                        {"fault_write", {6254, 2, 6}},
                        {"fault_read", {6, 0, 0}}});
  EXPECT_EQ(report.kind("fork")->unknown.right, 1U);
  EXPECT_EQ(report.diverged, 0U);
  EXPECT_EQ(report.processes, 2U);
  EXPECT_EQ(report.unfinished_calls, 0U);
  EXPECT_TRUE(report.checks.at(1).holds());
  EXPECT_TRUE(report.checks.at(2).holds());
}

TEST(Recordings, Xz) {
  const ReplayReport report = replay(read_perf_script(committed("xz2.perf.txt.gz"))).report;
  expect_kinds(report, {{"munmap", {3, 0, 0}},
                        {"mmap_new", {36, 0, 0}},
                        {"mprotect", {4, 0, 0}},
                        {"brk_grow", {1, 0, 0}},
                        {"brk_query", {1, 0, 0}},
                        {"fault_write", {2149, 0, 1138}},
                        {"fault_read", {1138, 0, 0}}});
  EXPECT_EQ(report.kind("thread_create")->calls, 2U);
  EXPECT_EQ(report.processes, 1U);
  EXPECT_EQ(report.threads, 3U);
  for (const ReplayCheck& check : report.checks) EXPECT_TRUE(check.holds()) << check.name;
}

TEST(Recordings, PredictionsAreTheSameOnAnyNumberOfCpus) {
  const Recording recording = read_perf_script(committed("xz2.perf.txt.gz"));
  const std::string events = replay(recording).events;
  for (const unsigned cpus : {1U, 2U, 3U, 8U})
    EXPECT_EQ(replay(recording, cpus).events, events) << cpus;
}

// Each step on another thread of the operating system, one after the other.
TEST(Recordings, StepsMayBeMadeByAnyThread) {
  const Recording recording = read_perf_script(committed("xz2.perf.txt.gz"));
  const ReplayReport alone = replay(recording).report;
  plain::PlainModel model;
  Replay run(recording, model);
  std::mutex mutex;
  std::condition_variable turn;
  const auto work = [&](unsigned cpu) {
    std::unique_lock held(mutex);
    while (!run.done()) {
      turn.wait(held, [&] { return run.done() || run.next_cpu() == cpu; });
      if (!run.done()) run.step();
      turn.notify_one();
    }
  };
  std::thread other(work, 1U);
  work(0);
  other.join();
  const ReplayReport together = run.finish();
  ASSERT_EQ(together.kinds.size(), alone.kinds.size());
  for (std::size_t index = 0; index < alone.kinds.size(); ++index)
    EXPECT_EQ(together.kinds[index].known, alone.kinds[index].known) << alone.kinds[index].name;
}

// ---- any folder of recordings -------------------------------------------------------------------

// Over all recordings of the folder: 99.9 % of each kind right and exact; in a kind of less than
// 1000 one miss.
TEST(Recordings, AFolderOfMany) {
  const auto folder = folder_of("TLBLAB_RECORDINGS");
  if (folder.empty()) GTEST_SKIP() << "TLBLAB_RECORDINGS names no folder of recordings";
  std::map<std::string, KindReport::Known> sums;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const ReplayReport report = replay(read_perf_script(file.path().string())).report;
    EXPECT_EQ(report.diverged, 0U) << file.path();
    for (const KindReport& kind : report.kinds) {
      KindReport::Known& sum = sums[kind.name];
      sum.right += kind.known.right;
      sum.wrong += kind.known.wrong;
      sum.exact += kind.known.exact;
      sum.differ += kind.known.differ;
    }
  }
  EXPECT_FALSE(sums.empty());
  for (const auto& [name, sum] : sums) {
    const std::uint64_t calls = sum.right + sum.wrong, missed = sum.wrong + sum.differ;
    EXPECT_LE(missed, std::max<std::uint64_t>(calls / 1000, 1)) << name;
    RecordProperty(name, static_cast<int>(calls));
  }
}

}  // namespace
}  // namespace tlblab
