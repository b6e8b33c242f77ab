// SPDX-License-Identifier: GPL-2.0-or-later
// Scripts on the ported mm: who makes an operation where, who is told of a flush, what is seen of
// the parent and of the child. Expectations are rules of the measured data; how the port compares
// with all of them is in script_truth_test.cpp.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/instances/table.h"
#include "harness/workload/replay_event.h"
#include "harness/workload/script_run.h"

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ScriptReport run(const std::string& text, unsigned cpus) {
  const Script script = parse_script(text, "FILE");
  check_script(script, cpus);
  ScriptOptions options;
  options.cpus = cpus;
  const ScriptRunReport report = find_backend("x86")->script(script, options);
  EXPECT_EQ(report.violations, 0U);
  return report.script;
}

std::vector<std::string> flushes(const ScriptOpReport& op) {
  std::vector<std::string> all;
  for (const ScriptFlush& flush : op.flushes)
    all.push_back(std::string(name_of(flush.who)) + " " +
                  std::string(reason_name(flush.what.reason)) + " " +
                  std::to_string(flush.what.pages));
  return all;
}
std::vector<std::string> states(const ScriptSpaceReport& space) {
  std::vector<std::string> all;
  for (const PageRun& run : space.pages.at(0).second)
    all.push_back(std::to_string(run.offset) + "+" + std::to_string(run.count) + " " + run.state);
  return all;
}

TEST(ScriptOnThePort, TheSecondThreadIsToldUnlessItSleeps) {
  const ScriptReport report =
      run("mmap A 64 rw\ntouch A 0 64 w\ndontneed A 0 1\nsleep1\ndontneed A 1 1\nwake1\n"
          "dontneed A 2 1\nthread 1: dontneed A 3 2\nt1exit\ndontneed A 8 1\n",
          2);
  EXPECT_THAT(flushes(report.ops[2]), ElementsAre("t0 remote_send_ipi 1", "t0 local_mm_shootdown 1",
                                                  "t1 remote_shootdown 1"));
  EXPECT_THAT(flushes(report.ops[4]),
              ElementsAre("t0 remote_send_ipi 1", "t0 local_mm_shootdown 1"));
  EXPECT_THAT(flushes(report.ops[5]), IsEmpty());
  EXPECT_THAT(flushes(report.ops[6]), ElementsAre("t0 remote_send_ipi 1", "t0 local_mm_shootdown 1",
                                                  "t1 remote_shootdown 1"));
  EXPECT_THAT(flushes(report.ops[7]), ElementsAre("t1 remote_send_ipi 2", "t1 local_mm_shootdown 2",
                                                  "t0 remote_shootdown 2"));
  EXPECT_THAT(flushes(report.ops[9]),
              ElementsAre("t0 remote_send_ipi 1", "t0 local_mm_shootdown 1"));
}

TEST(ScriptOnThePort, TheChildHasPagesOfItsOwn) {
  const ScriptReport report =
      run("mmap A 3 rw\nwrite A 0 2\nfork\nwrite A 0\nchild: write A 1\nexit\nwrite A 1\n", 1);
  EXPECT_EQ(report.ops[1].write_faults, 2U);
  EXPECT_THAT(flushes(report.ops[2]), ElementsAre("t0 local_mm_shootdown -1"));
  EXPECT_THAT(
      states(report.ops[4].space),
      ElementsAre("0+1 rw-p P w4 anon excl same", "1+1 rw-p P w2 anon excl same", "2+1 rw-p -"));
  EXPECT_THAT(states(report.ops[4].child),
              ElementsAre("0+1 rw-p P w2 anon excl same", "1+1 rw-p P w5 anon excl newframe",
                          "2+1 rw-p -"));
  EXPECT_THAT(flushes(report.ops[4]), ElementsAre("child local_mm_shootdown 1"));
  EXPECT_FALSE(report.ops[5].has_child);
  EXPECT_THAT(flushes(report.ops[6]), IsEmpty()) << "reused: the other side is gone";
  EXPECT_THAT(report.final_read.at(0).second,
              ElementsAre(PageRun{0, 1, "w4"}, PageRun{1, 1, "w7"}, PageRun{2, 1, "zero"}));
}

TEST(ScriptOnThePort, AChildOnAnotherCpuWasOnItsParentsFirst) {
  const ScriptReport report =
      run("option child-cpu 1\nmmap A 2 rw\nwrite A 0\nfork\nchild: write A 0\nexit\n", 1);
  EXPECT_THAT(flushes(report.ops[3]),
              ElementsAre("child remote_send_ipi 1", "child local_mm_shootdown 1"));
}

TEST(ScriptOnThePort, AFatalAccessEndsTheOperationAndNotTheScript) {
  const ScriptReport report = run("mmap A 4 r\nwrite A 2 2\nread A 2 5\nmmap A 4 r\nread A 0\n", 1);
  EXPECT_EQ(report.ops[1].signal, "SIGSEGV/BUS at A+2");
  EXPECT_EQ(report.ops[1].ret, 0);
  EXPECT_EQ(report.ops[1].write_faults, 1U);
  EXPECT_EQ(report.ops[2].signal, "SIGSEGV/BUS at A+4");
  EXPECT_EQ(report.ops[3].error, "EEXIST") << "not fixed, and something is there";
  EXPECT_EQ(report.ops[4].signal, "");
}

// The table of 512 GiB begins 4 GiB below the page: with it the range becomes a full flush.
TEST(ScriptOnThePort, TheKeeperKeepsTheUpperTable) {
  const std::string text = "area B 1\nmmap A 1 rw\nwrite A 0\nmunmap A 0 1\n";
  EXPECT_THAT(flushes(run(text, 1).ops[2]), ElementsAre("t0 local_mm_shootdown 1"));
  EXPECT_THAT(flushes(run("option no-keeper\n" + text, 1).ops[2]),
              ElementsAre("t0 local_mm_shootdown -1"));
}

TEST(ScriptOnThePort, AMachineThatIsFullIsLeftEmpty) {
  EXPECT_ANY_THROW(static_cast<void>(run("mmap A 300000 rw\nwrite A 0 300000\n", 1)));
  EXPECT_THAT(states(run("mmap A 1 rw\n", 1).ops[0].space), ElementsAre("0+1 rw-p -"));
}

}  // namespace
}  // namespace tlblab
