// SPDX-License-Identifier: GPL-2.0-or-later
// I18 against forged events: mm cannot be made to break it without being rewritten. Each sequence is
// right but for one event. And what all oracles have in common: the log, reset, two listeners.
#include <vector>

#include <gmock/gmock.h>

#include "harness/oracle/kinds.h"
#include "harness/oracle/oracles.h"
#include "harness/oracle/tee.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class OracleConservation : public ::testing::Test {
 protected:
  void send(EventKind kind, std::uint64_t a = 0, std::uint64_t b = 0, unsigned cpu = 0) {
    oracles_.sink(cpu)->event({kind, cpu, 1, a, b, 0, 0});
  }
  void begin() { send(EventKind::gather_begin); }
  void queue(pfn_t pfn, std::uint64_t nr = 1) { send(EventKind::gather_queue, pfn, nr); }
  void flush() { send(EventKind::gather_flush); }
  void put(pfn_t pfn) { send(EventKind::gather_put, pfn); }
  void free(pfn_t pfn, unsigned cpu = 0) { send(EventKind::page_free, pfn, 0, cpu); }
  void end() { send(EventKind::gather_end); }
  void queue_table(pfn_t pfn) { send(EventKind::table_queue, pfn); }
  void free_table(pfn_t pfn, unsigned cpu = 0) { send(EventKind::table_free, pfn, 0, cpu); }

  std::vector<std::string> kinds() {
    std::vector<std::string> found;
    for (const Violation& seen : oracles_.examples()) found.push_back(seen.kind);
    return found;
  }

  Oracles oracles_{OracleTable{.cpus = 2}};
};

// An access that is made ends it, a fault elsewhere too.
TEST_F(OracleConservation, AnAccessDoesNotFaultForEver) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto faults = [this](std::uint64_t times, vaddr_t va) {
    for (; times > 0; --times) send(EventKind::page_fault, va);
  };
  faults(Progress::most_faults - 1, 0x4000);
  send(EventKind::user_read, 0x4000);
  faults(Progress::most_faults - 1, 0x4000);
  faults(Progress::most_faults - 1, 0x5000);
  EXPECT_DEATH(faults(1, 0x5000), "faults_without_end");
}

TEST_F(OracleConservation, AGatherThatKeepsTheRules) {
  begin();
  queue(5);
  queue(6, 3);
  queue(5);  // mapped twice
  flush();
  for (const pfn_t pfn : {5U, 6U, 7U, 8U, 5U}) put(pfn);
  free(5);
  free(7, 1);  // somebody else had the last reference
  queue(9);
  queue_table(20);
  flush();
  put(9);
  end();
  free_table(20, 1);  // by RCU
  free_table(21);     // never hooked
  begin();
  end();
  oracles_.finish();
  EXPECT_THAT(kinds(), IsEmpty());
}

TEST_F(OracleConservation, FreedBeforeTheFlush) {
  begin();
  queue(5);
  free(5, 1);
  EXPECT_THAT(kinds(), ElementsAre(kind::page_freed_before_flush));
}
TEST_F(OracleConservation, GivenBackBeforeTheFlush) {
  begin();
  queue(5);
  flush();
  queue(6);
  put(5);
  EXPECT_THAT(kinds(), ElementsAre(kind::page_freed_before_flush));
}
TEST_F(OracleConservation, LeftInTheGather) {
  begin();
  queue(5, 2);
  flush();
  put(5);
  end();
  EXPECT_THAT(kinds(), ElementsAre(kind::page_left_in_gather));
}
TEST_F(OracleConservation, PutTwice) {
  begin();
  queue(5);
  flush();
  put(5);
  put(5);
  end();
  EXPECT_THAT(kinds(), ElementsAre(kind::page_put_twice));
}
TEST_F(OracleConservation, PutInAnothersPlace) {
  begin();
  queue(5);
  queue(6);
  flush();
  put(5);
  put(5);
  end();
  EXPECT_THAT(kinds(), ElementsAre(kind::page_put_twice));
}
TEST_F(OracleConservation, TableFreedBeforeTheFlush) {
  begin();
  queue_table(20);
  free_table(20, 1);
  EXPECT_THAT(kinds(), ElementsAre(kind::table_freed_before_flush));
}
TEST_F(OracleConservation, TableQueuedTwice) {
  begin();
  queue_table(20);
  queue_table(20);
  EXPECT_THAT(kinds(), ElementsAre(kind::table_queued_twice));
}
TEST_F(OracleConservation, TableNeverFreed) {
  begin();
  queue_table(20);
  flush();
  end();
  oracles_.finish();
  EXPECT_THAT(kinds(), ElementsAre(kind::table_left_in_gather));
}
TEST_F(OracleConservation, GatherInsideGather) {
  begin();
  begin();
  EXPECT_THAT(kinds(), ElementsAre(kind::gather_out_of_order));
}
TEST_F(OracleConservation, GatherNeverEnded) {
  begin();
  oracles_.finish();
  EXPECT_THAT(kinds(), ElementsAre(kind::gather_out_of_order));
}
TEST_F(OracleConservation, EverythingOutsideOfAGather) {
  queue(5);
  flush();
  put(5);
  end();
  queue_table(20);
  EXPECT_THAT(kinds(), SizeIs(5));
  EXPECT_THAT(kinds(), Each(kind::gather_out_of_order));
}
TEST_F(OracleConservation, FramesOfAllSizesOfMachine) {
  begin();
  std::vector<pfn_t> pfns;
  for (pfn_t pfn = 1; pfn < 1ULL << 22; pfn = pfn * 2 + 255) pfns.push_back(pfn);
  for (const pfn_t pfn : pfns) queue(pfn);
  for (const pfn_t pfn : pfns) free(pfn);
  EXPECT_THAT(oracles_.total(), pfns.size());
}

// ---- the log --------------------------------------------------------------------------------------

TEST_F(OracleConservation, AllAreCountedAndTheFirstFewKept) {
  unsigned reports = 0;
  oracles_.call_on_report([&] { ++reports; });
  for (unsigned i = 0; i < 100; ++i) end();
  EXPECT_EQ(oracles_.total(), 100U);
  EXPECT_EQ(reports, 100U);
  EXPECT_THAT(oracles_.examples(), SizeIs(ViolationLog::examples_kept));
  EXPECT_EQ(oracles_.examples().front().text, "cpu0 ends without an open gather");
}

TEST_F(OracleConservation, ResetForgetsEverything) {
  begin();
  queue(5);
  queue_table(20);
  end();
  EXPECT_NE(oracles_.total(), 0U);
  oracles_.reset();
  EXPECT_EQ(oracles_.total(), 0U);
  begin();
  free(5);
  free_table(20);
  end();
  oracles_.finish();
  EXPECT_THAT(kinds(), IsEmpty());
}

TEST_F(OracleConservation, TwoListeners) {
  Oracles other{OracleTable{.cpus = 1}};
  TeeSink both(oracles_.sink(0), other.sink(0));
  both.event({EventKind::gather_end, 0, 1});
  TeeSink one(nullptr, other.sink(0));
  one.event({EventKind::gather_end, 0, 1});
  EXPECT_EQ(oracles_.total(), 1U);
  EXPECT_EQ(other.total(), 2U);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
