// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/lineage.h"

#include <gtest/gtest.h>

#include "harness/workload/attribution.h"
#include "tests/workload/trace_text.h"

namespace tlblab {
namespace {

// The birth that the first fork of the recording is.
Birth birth_of(const TraceText& text) {
  const Recording recording = text.recording();
  const Lineage lineage(recording);
  for (std::size_t index = 0; index < recording.records.size(); ++index)
    if (recording.records[index].event == Event::process_fork) return lineage.birth(index);
  return Birth::unseen;
}

TEST(Lineage, AChildThatAppearsInItsParentsProcessIsAThread) {
  TraceText text;
  text.as(10).fork(11).write(0x5000).as(10, 11).write(0x6000);
  EXPECT_EQ(birth_of(text), Birth::thread);
}

TEST(Lineage, AChildThatNeverAppearsIsUnseen) {
  EXPECT_EQ(birth_of(TraceText().fork(11).write(0x5000)), Birth::unseen);
}

TEST(Lineage, AParentThatGoesOnHasForked) {
  TraceText text;
  text.as(10).fork(11).write_present(0x5000).as(11).enter_execve().exec().exit();
  EXPECT_EQ(birth_of(text), Birth::fork);
}

TEST(Lineage, AChildThatCopiesOnWriteWasForked) {
  TraceText text;
  text.as(10).fork(11).as(11).write_present(0x5000).enter_execve().exec().exit().as(10).write(
      0x5000);
  EXPECT_EQ(birth_of(text), Birth::fork);
}

TEST(Lineage, AParentThatWaitsForExecHasVforked) {
  TraceText text;
  text.as(10).fork(11).as(11).write(0x5000).enter_execve().kernel_fault(0x9000, 2).exec().exit();
  text.as(10).write(0x5000);
  EXPECT_EQ(birth_of(text), Birth::vfork);
}

TEST(Lineage, TheParentOfAVforkGoesOnInsideTheExecve) {
  TraceText text;
  text.as(10).fork(11).as(11).enter_execve().as(10).write(0x5000).as(11).exec().exit();
  EXPECT_EQ(birth_of(text), Birth::vfork);
}

TEST(Lineage, AVforkedChildMayFailToExecManyTimesOrExit) {
  TraceText text;
  text.as(10).fork(11).as(11).enter_execve().enter_execve().enter_execve().exec().as(10).write(
      0x5000);
  EXPECT_EQ(birth_of(text), Birth::vfork);
  EXPECT_EQ(birth_of(TraceText().as(10).fork(11).as(11).enter_execve().exit().as(10).write(0x5000)),
            Birth::vfork);
}

TEST(Lineage, FlushesAreNoEvidence) {
  TraceText text;
  text.as(10).fork(11).flush(-1).as(11).flush(1).enter_execve().exec().as(10).write(0x5000);
  EXPECT_EQ(birth_of(text), Birth::vfork);
}

TEST(Lineage, ANumberUsedAgainIsSomebodyElse) {
  TraceText text;
  text.as(10).fork(11).as(11).write_present(0x5000).exit();   // a process
  text.as(10).fork(11).as(10, 11).write(0x6000).exit(false);  // then a thread
  const Recording recording = text.recording();
  const Lineage lineage(recording);
  EXPECT_EQ(lineage.birth(0), Birth::fork);
  EXPECT_EQ(lineage.birth(3), Birth::thread);
}

TEST(Lineage, AnExecveSucceededIfAnExecIsNext) {
  TraceText text;
  text.enter_execve()
      .enter_execve()
      .kernel_fault(0x9000, 0, "strncpy_from_user")
      .flush(1)
      .kernel_fault(0x9000, 2)
      .exec();
  text.kernel_fault(0xa000, 2).enter_execve().write(0x5000);
  const Lineage lineage(text.recording());
  EXPECT_FALSE(lineage.before_exec(0));
  EXPECT_TRUE(lineage.before_exec(1));
  EXPECT_TRUE(lineage.before_exec(2));
  EXPECT_TRUE(lineage.before_exec(4));
  EXPECT_FALSE(lineage.before_exec(6));
  EXPECT_FALSE(lineage.before_exec(7));
}

TEST(Lineage, AnExecveByAnotherThreadIsMatchedByItsTid) {
  TraceText text;
  text.as(10, 12).enter_execve().as(10, 10).exit(false).exec(12);
  EXPECT_TRUE(Lineage(text.recording()).before_exec(0));
}

// ---- attribution --------------------------------------------------------------------------------

struct Attributed {
  explicit Attributed(const TraceText& text)
      : recording(text.recording()), lineage(recording), attribution(recording, lineage) {}
  std::vector<std::int64_t> of(std::size_t index) const {
    const auto flushes = attribution.flushes(index);
    return {flushes.begin(), flushes.end()};
  }
  Recording recording;
  Lineage lineage;
  Attribution attribution;
};
using Pages = std::vector<std::int64_t>;

TEST(Attribution, WithinACallItIsTheCalls) {
  TraceText text;
  text.write(0x5000)
      .enter_munmap(0x5000, 0x1000)
      .flush(1)
      .write(0x6000)
      .flush(2)
      .leave("munmap", 0)
      .flush(3);
  const Attributed attributed(text);
  EXPECT_EQ(attributed.of(0), Pages{});
  EXPECT_EQ(attributed.of(1), (Pages{1, 2}));
  EXPECT_EQ(attributed.of(3), (Pages{3}));  // the fault in the call is the last fault
}

TEST(Attribution, OtherwiseItIsTheLastFaultsHoweverLate) {
  TraceText text;
  text.write(0x5000).mmap(0x7000, 0x1000).flush(-1).as(10, 11).flush(5).write(0x6000).flush(6);
  const Attributed attributed(text);
  EXPECT_EQ(attributed.of(0), Pages{-1});
  EXPECT_EQ(attributed.of(5), Pages{6});  // 5 came before the thread's first event
}

TEST(Attribution, OnlyLocalShootdownsOfTheMmCount) {
  TraceText text;
  text.write(0x5000)
      .flush(1, "remote IPI send (4)")
      .flush(2, "remote shootdown (1)")
      .flush(3, "flush on task switch (0)");
  text.flush(4, "local shootdown (2)").flush(5);
  EXPECT_EQ(Attributed(text).of(0), Pages{5});
}

TEST(Attribution, ASuccessfulExecveOwnsWhatItFlushes) {
  TraceText text;
  text.write(0x5000)
      .enter_execve()
      .enter_execve()
      .flush(1)
      .kernel_fault(0x9000, 2)
      .flush(-1)
      .exec()
      .flush(7);
  const Attributed attributed(text);
  EXPECT_EQ(attributed.of(0), Pages{});
  EXPECT_EQ(attributed.of(1), Pages{});  // failed
  EXPECT_EQ(attributed.of(2), (Pages{1, -1}));
  EXPECT_EQ(attributed.of(4), Pages{7});
}

TEST(Attribution, AfterItsExitAThreadOwnsNothing) {
  TraceText text;
  text.write(0x5000).exit().flush(1);
  EXPECT_EQ(Attributed(text).of(0), Pages{});
}

TEST(Attribution, AForkHasASecondAccountOfTheFlushBeforeIt) {
  TraceText text;
  text.write(0x5000).flush(1).flush(-1).fork(11).fork(12);
  const Attributed attributed(text);
  EXPECT_EQ(attributed.of(0), (Pages{1, -1}));
  EXPECT_EQ(attributed.of(3), Pages{-1});
  EXPECT_EQ(attributed.of(4), Pages{});
}

}  // namespace
}  // namespace tlblab
