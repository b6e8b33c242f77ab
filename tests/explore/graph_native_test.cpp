// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search over programs whose control flow depends on what they read: a ticket lock, a
// Treiber stack, the shape of GUP-fast against KSM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/explore/sketch.h"

namespace tlblab {
namespace {

using enum order;
using testing::ElementsAre;

using Body = Task (*)(Cpu);

// Executions under sc, tso and weak; what is given up is reported beside.
std::vector<std::uint64_t> executions(std::size_t locations, const std::vector<Body>& bodies) {
  const Sketch sketch{.words = std::vector<std::uint64_t>(locations),
                      .threads = {bodies.begin(), bodies.end()}};
  std::vector<std::uint64_t> counts;
  for (const MemoryModel model : {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak}) {
    const GraphCounts found = search_sketch(sketch, model).counts;
    EXPECT_EQ(found.deadlocks, 0U);
    counts.push_back(found.executions);
    testing::Test::RecordProperty("given_up", std::to_string(found.blocked));
  }
  return counts;
}

// ---- programs -------------------------------------------------------------------------------------

constexpr unsigned next_ticket = 0, owner = 1, guarded = 2;

Task takes_a_ticket(Cpu cpu) {
  const std::uint64_t ticket = co_await cpu.fetch_add(next_ticket, 1);
  co_await cpu.await(owner, ticket);
  const std::uint64_t value = co_await cpu.load(guarded, relaxed);
  co_await cpu.store(guarded, value + 1, relaxed);
  co_await cpu.store(owner, ticket + 1, release);
}

TEST(GraphNative, ATicketLock) {
  EXPECT_THAT(executions(3, {takes_a_ticket, takes_a_ticket, takes_a_ticket}),
              ElementsAre(6, 6, 6));
}

// head is 0 or the number of the topmost node; a node is where the number of the next one lies.
constexpr unsigned head = 0;

// Pushes the node, if it is one, then pops if it is to. A failed cmpxchg says what the next attempt
// begins with. It orders nothing: that a node's contents are seen then is due to the address.
Task uses_the_stack(Cpu cpu, unsigned node, bool pops) {
  unsigned reads = 0;
  if (node != 0) {
    std::uint64_t top = co_await cpu.load(head, relaxed);
    for (reads = 2;; ++reads) {
      co_await cpu.store(node, top, relaxed);
      const std::uint64_t found = co_await cpu.cmpxchg(head, top, node, release);
      if (found == top) break;
      top = found;
    }
  }
  std::uint64_t top = pops ? co_await cpu.load(head, acquire) : 0;
  for (; top != 0; reads += 2) {
    const std::uint64_t next = co_await cpu.load_through(static_cast<unsigned>(top), reads);
    const std::uint64_t found = co_await cpu.cmpxchg(head, top, next, acquire);
    if (found == top) co_return;
    top = found;
  }
}

Task pushes_1(Cpu cpu) { return uses_the_stack(cpu, 1, false); }
Task pushes_2(Cpu cpu) { return uses_the_stack(cpu, 2, false); }
Task pops(Cpu cpu) { return uses_the_stack(cpu, 0, true); }
Task pushes_1_and_pops(Cpu cpu) { return uses_the_stack(cpu, 1, true); }
Task pushes_2_and_pops(Cpu cpu) { return uses_the_stack(cpu, 2, true); }

TEST(GraphNative, ATreiberStack) {
  EXPECT_THAT(executions(3, {pushes_1, pushes_2, pops, pops}), ElementsAre(164, 164, 164));
  EXPECT_THAT(executions(3, {pushes_1_and_pops, pushes_2_and_pops}), ElementsAre(40, 40, 40));
}

// The four barriers of GUP-fast and KSM: the entry is cleared before pins are looked for, a pin is taken
// before the entry is looked at again.
constexpr unsigned entry = 0, pins = 1, exclusive = 2;

Task shares(Cpu cpu) {
  co_await cpu.store(entry, 1, relaxed);  // cleared
  co_await cpu.fence(GraphEventKind::mb);
  const std::uint64_t pinned = co_await cpu.load(pins, relaxed);
  if (pinned != 0) co_return;
  co_await cpu.store(exclusive, 1, relaxed);  // no more
  co_await cpu.fence(GraphEventKind::wmb);
  co_await cpu.store(entry, 2, relaxed);  // mapped again, read-only
}

Task takes_a_pin(Cpu cpu) {
  const std::uint64_t seen = co_await cpu.load(entry, relaxed);
  if (seen == 1) co_return;
  co_await cpu.fetch_add(pins, 1);
  co_await cpu.fence(GraphEventKind::mb);
  const std::uint64_t again = co_await cpu.load(entry, relaxed);
  if (again != seen) co_return;
  co_await cpu.fence(GraphEventKind::rmb);
  co_await cpu.load(exclusive, relaxed);
}

// Additions that commute until somebody looks.
constexpr unsigned counter = 0, shown = 1;

Task counts_and_shows(Cpu cpu) {
  co_await cpu.void_add(counter, 1);
  co_await cpu.store(shown, 1);
}

Task counts(Cpu cpu) { co_await cpu.void_add(counter, 1); }

// Not in the first execution.
Task looks(Cpu cpu) {
  const std::uint64_t is_shown = co_await cpu.load(shown);
  if (is_shown == 0) co_return;
  const std::uint64_t count = co_await cpu.load(counter);
  cpu.report(count);
}

TEST(GraphNative, WhoLooksLateSeesEveryCount) {
  Sketch sketch{.words = {0, 0},
                .threads = {looks, counts_and_shows, counts},
                .is_wrong = [](Results results) { return results[0] == 1; }};
  for (const MemoryModel model : {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak}) {
    sketch.commute_additions = false;
    const SketchOutcome ordered = search_sketch(sketch, model);
    sketch.commute_additions = true;
    const SketchOutcome commuted = search_sketch(sketch, model);
    EXPECT_GT(ordered.wrong, 0U);
    EXPECT_EQ(commuted.wrong, ordered.wrong);
    EXPECT_EQ(commuted.counts.executions, ordered.counts.executions);
  }
}

TEST(GraphNative, TheShapeOfGupFast) {
  EXPECT_THAT(executions(3, {shares, takes_a_pin}), ElementsAre(6, 6, 6));
}

}  // namespace
}  // namespace tlblab
