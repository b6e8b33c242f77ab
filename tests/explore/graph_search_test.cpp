// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search: as many executions as there are classes, counted by others too (GenMC, herd7,
// Nidhugg), each of them once, and what the search says of deadlocks.
#include "harness/explore/graph_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/explore/graph_runner.h"
#include "bench/explore/known_programs.h"
#include "bench/explore/small_ops.h"

namespace tlblab {
namespace {

using namespace small_ops;
using enum MemoryModel;
using enum order;
using testing::ElementsAre;

// Executions under sc, tso and weak; each class must come once.
std::vector<std::uint64_t> executions(const SmallProgram& tested) {
  std::vector<std::uint64_t> counts;
  for (const MemoryModel model : {sc, tso, weak}) {
    const GraphOutcome outcome = search_graphs(tested, model, {.classes = true});
    EXPECT_EQ(outcome.classes.size(), outcome.counts.executions - outcome.counts.deadlocks);
    counts.push_back(outcome.counts.executions);
  }
  return counts;
}
std::vector<std::uint64_t> executions(Threads threads) {
  return executions(program(std::move(threads)));
}

TEST(GraphSearch, CountsOfTheClassicalTests) {
  EXPECT_THAT(executions({{w(x, 1), r(y)}, {w(y, 1), r(x)}}), ElementsAre(3, 4, 4));  // SB
  EXPECT_THAT(executions({{w(x, 1), w(y, 1)}, {r(y), r(x)}}), ElementsAre(3, 3, 4));  // MP
  EXPECT_THAT(executions({{w(x, 1), w(y, 1, release)}, {r(y, acquire), r(x)}}),
              ElementsAre(3, 3, 3));
  EXPECT_THAT(executions({{r(x), w(y, 1)}, {r(y), w(x, 1)}}), ElementsAre(3, 3, 3));  // LB
  EXPECT_THAT(executions({{w(x, 1)}, {w(y, 1)}, {r(x), r(y)}, {r(y), r(x)}}),
              ElementsAre(15, 15, 16));  // IRIW
}

// Each order of three, in every model.
TEST(GraphSearch, OrdersOfAtomicsAndLocks) {
  EXPECT_THAT(executions({{add(x, 1)}, {add(x, 1)}, {add(x, 1)}}), ElementsAre(6, 6, 6));
  EXPECT_THAT(executions({{lock(s), w(x, 1), unlock(s)},
                          {lock(s), w(x, 2), unlock(s)},
                          {lock(s), r(x), unlock(s)}}),
              ElementsAre(6, 6, 6));
}

// The order of the atomics says nothing of that of the sections.
TEST(GraphSearch, IndependentOrdersMultiply) {
  Threads threads;
  for (unsigned t = 0; t < 3; ++t) threads.push_back({add(x, 1, relaxed)});
  for (std::vector<SmallOp>& ops : threads)
    for (const SmallOp& op : {lock(s), r(y), w(y, 1), unlock(s)}) ops.push_back(op);
  EXPECT_THAT(executions(std::move(threads)), ElementsAre(36, 36, 36));
}

// Three rounds of slots: also GenMC's and CDSChecker's count. Four are in bench/explore.
TEST(GraphSearch, CountsOfKnownPrograms) {
  EXPECT_THAT(executions(private_rounds(5)), ElementsAre(7776, 7776, 7776));
  EXPECT_THAT(executions(slots_in_a_ring(2)), ElementsAre(151, 215, 215));
  EXPECT_THAT(executions(slots_in_a_ring(3)), ElementsAre(4411, 7784, 7784));
  EXPECT_THAT(executions(sections_of_one_lock(2)), ElementsAre(90, 90, 90));
}

// Nidhugg's count.
TEST(GraphSearch, AdditionsThatReturnNothingCommute) {
  for (const MemoryModel model : {sc, tso, weak}) {
    const GraphRunOptions commute{.classes = true, .commute_additions = true};
    EXPECT_EQ(search_graphs(private_rounds(5, false), model, commute).counts.executions, 1U);
    const GraphOutcome fences =
        search_graphs(program({{w(x, 1), void_add(z, 2), r(y)}, {w(y, 1), void_add(z, 3), r(x)}}),
                      model, commute);
    EXPECT_EQ(fences.counts.executions, model == weak ? 4U : 3U);  // on x86 they are fences
    for (const FinalState& state : fences.states) EXPECT_EQ(state[4], 5);
  }
}

// Not where somebody looks, which may turn up after some executions: the second thread waits in the first.
TEST(GraphSearch, AdditionsToAWordThatIsReadDoNot) {
  const SmallProgram tested =
      program({{void_add(x, 1)}, {await(y, 1), r(x)}, {void_add(x, 2), w(y, 1)}});
  for (const MemoryModel model : {sc, tso, weak}) {
    const GraphOutcome commuted =
        search_graphs(tested, model, {.classes = true, .commute_additions = true});
    const GraphOutcome ordered = search_graphs(tested, model, {.classes = true});
    EXPECT_EQ(commuted.states, ordered.states);
    EXPECT_EQ(commuted.classes, ordered.classes);
    EXPECT_EQ(commuted.counts.executions, ordered.counts.executions);
  }
}

TEST(GraphSearch, NothingIsGivenUpForLocks) {
  for (const MemoryModel model : {sc, tso, weak})
    EXPECT_EQ(search_graphs(sections_of_one_lock(2), model).counts.blocked, 0U);
}

TEST(GraphSearch, ALockOrderThatDeadlocks) {
  const SmallProgram tested =
      program({{lock(s), lock(t), unlock(t), unlock(s)}, {lock(t), lock(s), unlock(s), unlock(t)}});
  for (const MemoryModel model : {sc, tso, weak}) {
    const GraphOutcome outcome = search_graphs(tested, model);
    EXPECT_EQ(outcome.counts.deadlocks, 1U);
    EXPECT_EQ(outcome.counts.executions, 3U);
  }
}

TEST(GraphSearch, AnAwaitWaitsOrDeadlocks) {
  const GraphOutcome passed =
      search_graphs(program({{await(y, 1, acquire), r(x)}, {w(x, 1), w(y, 1, release)}}), weak);
  EXPECT_THAT(passed.states, ElementsAre(FinalState{1, 1, 1, 1, 0, 0}));
  EXPECT_EQ(passed.counts.deadlocks, 0U);
  const GraphOutcome never = search_graphs(program({{await(y, 2)}, {w(y, 1)}}), weak);
  EXPECT_EQ(never.counts.deadlocks, never.counts.executions);
}

// A section that reads what was there before the grace period ends before it does.
TEST(GraphSearch, AGracePeriodWaitsForSections) {
  const GraphOutcome outcome = search_graphs(
      program({{read_lock, r(x), r(y), read_unlock}, {w(x, 1), synchronize, w(y, 1)}}), weak);
  EXPECT_FALSE(outcome.states.contains({0, 1, 1, 1, 0, 0}));
  EXPECT_EQ(outcome.states.size(), 3U);
}

}  // namespace
}  // namespace tlblab
