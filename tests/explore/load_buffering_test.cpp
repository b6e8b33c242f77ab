// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <utility>

#include "tests/explore/load_buffering_compare.h"

namespace tlblab {
namespace {

using enum OpKind;

// Locations.
constexpr unsigned x = 0, y = 1;

SmallOp reads(unsigned where, order o = order::relaxed) {
  return {.kind = load, .where = where, .o = o};
}
SmallOp writes(unsigned where, order o = order::relaxed) {
  return {.kind = store, .where = where, .value = 1, .o = o};
}

bool exact(std::vector<std::vector<SmallOp>> threads) {
  const SmallProgram program{.locations = 2, .locks = 1, .threads = std::move(threads)};
  return asked(program).pairs().empty();
}

TEST(LoadBuffering, APairOfEachThread) {
  const SmallProgram program{.locations = 2,
                             .threads = {{reads(x), writes(y)}, {reads(y), writes(x)}}};
  const std::vector<LoadBuffering::Pair> pairs = asked(program).pairs();
  ASSERT_EQ(pairs.size(), 2U);
  const LoadBuffering::Pair first{
      0, {.place = 0, .nth = 0, .location = x}, {.place = 1, .nth = 0, .location = y}};
  EXPECT_EQ(pairs[0], first);
  EXPECT_EQ(pairs[1].thread, 1U);
  EXPECT_EQ(pairs[1].read.location, y);
}

// On both sides, for the rule has to be missed on one of them only.
TEST(LoadBuffering, WhatKeepsAReadBeforeAWrite) {
  SmallOp depends = writes(x), controlled = writes(x), addressed = writes(x);
  depends.data_from = controlled.control_from = addressed.address_from = 1;
  const std::vector<std::vector<SmallOp>> kept{
      {reads(y), {.kind = mb}, writes(x)},
      {reads(y, order::acquire), writes(x)},
      {reads(y), writes(x, order::release)},
      {reads(y), {.kind = synchronize}, writes(x)},
      {{.kind = await, .where = y, .value = 1}, writes(x)},
      {{.kind = exchange, .where = y, .o = order::full}, writes(x)},
      {reads(y), depends},
      {reads(y), controlled},
      {reads(y), addressed},
  };
  const std::vector<std::vector<SmallOp>> not_kept{
      {reads(y), {.kind = rmb}, writes(x)},
      {reads(y), {.kind = wmb}, writes(x)},
      {{.kind = cmpxchg, .where = y, .value = 1, .expected = 2, .o = order::full}, writes(x)},
      {{.kind = exchange, .where = y, .o = order::release}, writes(x)},
      {{.kind = lock}, reads(y), {.kind = unlock}, writes(x)},
      {reads(y), {.kind = lock}, writes(x), {.kind = unlock}},
  };
  const std::vector<SmallOp> ordered{reads(x), {.kind = mb}, writes(y)};
  for (const auto& thread : kept) EXPECT_TRUE(exact({ordered, thread}));
  for (const auto& thread : not_kept) EXPECT_FALSE(exact({ordered, thread}));
}

// The read comes first in coherence of x, by which the cycle is closed in the other thread.
TEST(LoadBuffering, CoherenceClosesACycleToo) {
  const std::vector<SmallOp> reader{reads(y), writes(x)};
  EXPECT_FALSE(exact({{writes(x), {.kind = wmb}, writes(y)}, reader}));
  EXPECT_TRUE(exact({{writes(x), writes(y)}, reader}));
}

// The axioms say so too.
bool exact_and_right(const SmallProgram& program) {
  const bool exact = asked(program).pairs().empty();
  const bool more =
      kernel_reference(program).states != search_graphs(program, MemoryModel::weak).states;
  EXPECT_NE(exact, more) << to_text(program);
  return exact;
}

// From the second read of a section back to the first: the grace period ends after the section.
TEST(LoadBuffering, ThroughASection) {
  constexpr unsigned z = 2;
  const auto program = [](OpKind between) {
    return SmallProgram{
        .locations = 3,
        .threads = {{{.kind = read_lock}, reads(z), reads(y), {.kind = read_unlock}},
                    {writes(z), {.kind = between}, writes(x)},
                    {reads(x), writes(y)}}};
  };
  EXPECT_FALSE(exact_and_right(program(synchronize)));
  EXPECT_TRUE(exact_and_right(program(mb)));
}

// By way of a store that is read back.
TEST(LoadBuffering, ThroughAnOwnStore) {
  constexpr unsigned z = 2, q = 3;
  const auto program = [](std::uint64_t from) {
    SmallOp between = writes(z);
    between.data_from = from;
    return SmallProgram{.locations = 4,
                        .threads = {{reads(x), writes(y)},
                                    {reads(y), between, reads(z, order::acquire), reads(q)},
                                    {writes(q), {.kind = mb}, writes(x)}}};
  };
  EXPECT_FALSE(exact_and_right(program(1)));
}

// The add takes the place that the cmpxchg would need: in no execution that is seen does that succeed,
// so its store is in none.
TEST(LoadBuffering, AnAddInTheWayOfACmpxchg) {
  const SmallOp add_x{.kind = add, .where = x, .value = 1};
  const SmallOp take_x{.kind = cmpxchg, .where = x, .value = 1, .expected = 0};
  const SmallOp wait{.kind = await, .where = y, .value = 1, .o = order::acquire};
  EXPECT_FALSE(exact_and_right({.locations = 2, .threads = {{add_x, writes(y)}, {wait, take_x}}}));
  EXPECT_TRUE(exact_and_right(
      {.locations = 2, .threads = {{add_x, {.kind = mb}, writes(y)}, {wait, take_x}}}));
}

// Where it fails it orders nothing, though it is always between.
TEST(LoadBuffering, ThroughTheStoreOfACmpxchg) {
  const SmallOp take_y{.kind = cmpxchg, .where = y, .value = 1, .expected = 0};
  EXPECT_FALSE(exact_and_right({.locations = 2,
                                .threads = {{reads(y), take_y, {.kind = wmb}, writes(x)},
                                            {reads(x), writes(y, order::release)}}}));
}

TEST(LoadBuffering, OtherPrograms) {
  EXPECT_TRUE(exact({{writes(x), writes(y)}, {reads(y), reads(x)}}));
  EXPECT_TRUE(exact({{writes(x), reads(y)}, {writes(y), reads(x)}}));
  EXPECT_TRUE(exact({{reads(x), writes(y)}, {reads(x), writes(y)}}));
  EXPECT_TRUE(exact({{reads(x), writes(x)}, {reads(x), writes(x)}}));
}

// Both under one lock: then there is no race. Under it on one side only there is.
TEST(LoadBuffering, SectionsOfOneLock) {
  const auto under = [](const SmallOp& first, const SmallOp& second) {
    return std::vector<SmallOp>{{.kind = lock}, first, second, {.kind = unlock}};
  };
  EXPECT_TRUE(exact({under(reads(x), writes(y)), under(reads(y), writes(x))}));
  EXPECT_FALSE(exact({under(reads(x), writes(y)), {reads(y), writes(x)}}));
}

TEST(LoadBuffering, RandomProgramsAgainstTheAxioms) {
  const BufferingScore sum = score_all_shapes(1, 40);
  EXPECT_GT(sum.more, 5U);
  EXPECT_LT(sum.not_exact, 4 * sum.more);
}

// Threads that run the same program stand for each other.
TEST(LoadBuffering, ThreadsThatChangePlaces) {
  unsigned not_exact = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SmallProgram program = random_program(seed, {.threads = 3, .ops = 3, .locks = 0});
    program.threads[1] = program.threads[0];
    const bool without = asked(program).pairs().empty();
    EXPECT_EQ(asked(program, {.same_program = 2}).pairs().empty(), without) << to_text(program);
    not_exact += without ? 0 : 1;
  }
  EXPECT_GT(not_exact, 5U);
}

// ---- put together of parts ------------------------------------------------------------------------

// Executions of one program, fed to two in turn.
TEST(LoadBuffering, PartsComeToTheWhole) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const SmallProgram program = random_program(seed, {.threads = 3, .ops = 3});
    LoadBuffering whole = asked(program), first(3), second(3);
    const auto parts = [&](const SmallProgram& of) { first.merge(asked(of).bytes()); };
    SmallProgram other = program;
    std::swap(other.threads[0], other.threads[1]);
    parts(program);
    parts(other);
    second.merge(asked(other));
    second.merge(whole);
    EXPECT_EQ(first.pairs(), second.pairs()) << to_text(program);
    first.tell_only_new();
    EXPECT_TRUE(first.pairs().empty());
  }
}

}  // namespace
}  // namespace tlblab
