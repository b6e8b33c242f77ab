// SPDX-License-Identifier: GPL-2.0-or-later
// The reference against what is known of each model: the classical litmus tests and the kernel's
// own (tools/memory-model/litmus-tests, their Result lines), and counts of executions.
#include "tests/explore/reference.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/explore/program_text.h"
#include "tests/explore/small_ops.h"

namespace tlblab {
namespace {

using namespace small_ops;
using enum MemoryModel;
using enum order;

constexpr std::array models{sc, tso, weak};

bool can(const SmallProgram& tested, MemoryModel model, const std::string& outcome) {
  const auto has_outcome = [&](const FinalState& state) {
    const std::string text = " " + to_text(tested, state);
    std::istringstream clauses(outcome);
    for (std::string clause; clauses >> clause;)
      if (text.find(" " + clause) == std::string::npos) return false;
    return true;
  };
  const FinalStates states = reference(tested, model).states;
  return std::any_of(states.begin(), states.end(), has_outcome);
}

// The models that allow an outcome, clauses as herd7 writes them.
std::string allowed(Threads threads, const std::string& outcome) {
  const SmallProgram tested = program(std::move(threads));
  std::string result;
  if (can(tested, sc, outcome)) result += "sc ";
  if (can(tested, tso, outcome)) result += "tso ";
  if (can(tested, weak, outcome)) result += "weak";
  return result;
}

const std::string everywhere = "sc tso weak";
const std::string nowhere;
const std::string in_weak = "weak";
const std::string not_in_sc = "tso weak";

using Counts = std::array<std::uint64_t, models.size()>;

Counts executions(Threads threads) {
  const SmallProgram tested = program(std::move(threads));
  Counts counts{};
  for (std::size_t i = 0; i < models.size(); ++i)
    counts[i] = reference(tested, models[i]).executions;
  return counts;
}

TEST(Reference, StoreBuffering) {
  const std::string stale = "0:r0=0; 1:r0=0;";
  EXPECT_EQ(allowed({{w(x, 1), r(y)}, {w(y, 1), r(x)}}, stale), not_in_sc);
  EXPECT_EQ(allowed({{w(x, 1), mb, r(y)}, {w(y, 1), mb, r(x)}}, stale), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), mb, r(y)}, {w(y, 1), r(x)}}, stale), not_in_sc);
  EXPECT_EQ(allowed({{w(x, 1, release), r(y, acquire)}, {w(y, 1, release), r(x, acquire)}}, stale),
            not_in_sc);
  EXPECT_EQ(allowed({{w(x, 1), wmb, rmb, r(y)}, {w(y, 1), wmb, rmb, r(x)}}, stale), not_in_sc);
  EXPECT_EQ(
      allowed({{w(x, 1), r(x), r(y)}, {w(y, 1), r(y), r(x)}}, "0:r0=1; 0:r1=0; 1:r0=1; 1:r1=0;"),
      not_in_sc);
}

TEST(Reference, MessagePassing) {
  const std::string stale = "1:r0=1; 1:r1=0;";
  EXPECT_EQ(allowed({{w(x, 1), w(y, 1)}, {r(y), r(x)}}, stale), in_weak);
  EXPECT_EQ(allowed({{w(x, 1), wmb, w(y, 1)}, {r(y), r(x)}}, stale), in_weak);
  EXPECT_EQ(allowed({{w(x, 1), w(y, 1)}, {r(y), rmb, r(x)}}, stale), in_weak);
  EXPECT_EQ(allowed({{w(x, 1), wmb, w(y, 1)}, {r(y), rmb, r(x)}}, stale), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), mb, w(y, 1)}, {r(y), mb, r(x)}}, stale), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), w(y, 1, release)}, {r(y, acquire), r(x)}}, stale), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), w(y, 1, release)}, {r(y), rmb, r(x)}}, stale), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), rmb, w(y, 1)}, {r(y), wmb, r(x)}}, stale), in_weak);
  EXPECT_EQ(allowed({{w(x, 1, release), w(y, 1)}, {r(y), r(x, acquire)}}, stale), in_weak);
}

TEST(Reference, NoLoadBuffering) {
  const std::string early = "0:r0=1; 1:r0=1;";
  EXPECT_EQ(allowed({{r(x), w(y, 1)}, {r(y), w(x, 1)}}, early), nowhere);
  EXPECT_EQ(
      allowed({{lock(s), r(x), unlock(s), lock(t), w(y, 1), unlock(t)}, {r(y, acquire), w(x, 1)}},
              early),
      nowhere);
}

TEST(Reference, IndependentReads) {
  const std::string differ = "1:r0=1; 1:r1=0; 3:r0=1; 3:r1=0;";
  const auto with = [](const SmallOp& fence) {
    return Threads{{w(x, 1)}, {r(x), fence, r(y)}, {w(y, 1)}, {r(y), fence, r(x)}};
  };
  EXPECT_EQ(allowed(with(mb), differ), nowhere);
  EXPECT_EQ(allowed(with(rmb), differ), in_weak);  // stores are not seen by all at once
  EXPECT_EQ(allowed({{w(x, 1)}, {r(x, acquire), r(y)}, {w(y, 1)}, {r(y, acquire), r(x)}}, differ),
            in_weak);
}

TEST(Reference, ShapeS) {
  const std::string late = "1:r0=1; [x]=2;";
  EXPECT_EQ(allowed({{w(x, 2), w(y, 1)}, {r(y), w(x, 1)}}, late), in_weak);
  EXPECT_EQ(allowed({{w(x, 2), wmb, w(y, 1)}, {r(y, acquire), w(x, 1)}}, late), nowhere);
  // Every load stays before later stores.
  EXPECT_EQ(allowed({{w(x, 2), wmb, w(y, 1)}, {r(y), w(x, 1)}}, late), nowhere);
}

TEST(Reference, ShapeR) {
  const std::string stale = "1:r0=0; [y]=2;";
  EXPECT_EQ(allowed({{w(x, 1), w(y, 1)}, {w(y, 2), r(x)}}, stale), not_in_sc);
  EXPECT_EQ(allowed({{w(x, 1), mb, w(y, 1)}, {w(y, 2), mb, r(x)}}, stale), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), w(y, 1)}, {w(y, 2), mb, r(x)}}, stale), in_weak);
}

TEST(Reference, TwoStoresTwice) {
  const std::string crossed = "[x]=2; [y]=2;";
  EXPECT_EQ(allowed({{w(x, 2), w(y, 1)}, {w(y, 2), w(x, 1)}}, crossed), in_weak);
  EXPECT_EQ(allowed({{w(x, 2), mb, w(y, 1)}, {w(y, 2), mb, w(x, 1)}}, crossed), nowhere);
}

TEST(Reference, CoherenceOfOneLocation) {
  EXPECT_EQ(allowed({{w(x, 1)}, {r(x), r(x)}}, "1:r0=1; 1:r1=0;"), nowhere);
  EXPECT_EQ(allowed({{r(x), w(x, 1)}}, "0:r0=1;"), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), r(x)}, {w(x, 2)}}, "0:r0=2; [x]=1;"), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), w(x, 2)}}, "[x]=1;"), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), w(x, 2)}}, "[x]=2;"), everywhere);
}

// A release store carries what its thread has read; smp_wmb only what it has written itself.
TEST(Reference, OnlyReleaseIsCumulative) {
  const std::string stale = "1:r0=1; 2:r0=1; 2:r1=0;";
  EXPECT_EQ(allowed({{w(x, 1)}, {r(x), w(y, 1)}, {r(y), r(x)}}, stale), in_weak);
  EXPECT_EQ(allowed({{w(x, 1)}, {r(x), w(y, 1, release)}, {r(y), rmb, r(x)}}, stale), nowhere);
  EXPECT_EQ(allowed({{w(x, 1)}, {r(x), mb, w(y, 1)}, {r(y), rmb, r(x)}}, stale), nowhere);
  EXPECT_EQ(allowed({{w(x, 1)}, {r(x), wmb, w(y, 1)}, {r(y), rmb, r(x)}}, stale), in_weak);
  EXPECT_EQ(allowed({{w(x, 1)}, {r(x, acquire), w(y, 1)}, {r(y, acquire), r(x)}}, stale), in_weak);
}

TEST(Reference, ChainsOfReleases) {
  const std::string stale = "1:r0=1; 2:r0=1; 2:r1=0;";
  EXPECT_EQ(allowed({{w(x, 1), w(y, 1)}, {r(y), w(z, 1)}, {r(z), r(x)}}, stale), in_weak);
  EXPECT_EQ(
      allowed(
          {{w(x, 1), w(y, 1, release)}, {r(y, acquire), w(z, 1, release)}, {r(z, acquire), r(x)}},
          stale),
      nowhere);
  EXPECT_EQ(
      allowed({{w(x, 1), w(y, 1, release)}, {r(y, acquire), w(z, 1, release)}, {w(z, 2), mb, r(x)}},
              "1:r0=1; [z]=2; 2:r0=0;"),
      in_weak);
}

TEST(Reference, ReleaseSequencesGoOnOverRmwsOnly) {
  const SmallOp flag = w(y, 1, release);
  EXPECT_EQ(allowed({{w(x, 1), flag}, {add(y, 1, relaxed)}, {r(y, acquire), r(x)}},
                    "1:r0=1; 2:r0=2; 2:r1=0;"),
            nowhere);
  EXPECT_EQ(allowed({{w(x, 1), flag}, {xchg(y, 2, relaxed)}, {r(y, acquire), r(x)}},
                    "1:r0=1; 2:r0=2; 2:r1=0;"),
            nowhere);
  EXPECT_EQ(
      allowed({{w(x, 1), flag}, {r(y), w(y, 2)}, {r(y, acquire), r(x)}}, "1:r0=1; 2:r0=2; 2:r1=0;"),
      in_weak);
  EXPECT_EQ(allowed({{w(x, 1), flag, w(y, 2)}, {r(y, acquire), r(x)}}, "1:r0=2; 1:r1=0;"), in_weak);
}

TEST(Reference, OnlyFullRmwsAreFences) {
  const std::string stale = "0:r1=0; 1:r1=0;";
  const auto with = [](order o) {
    return Threads{{w(x, 1), xchg(z, 1, o), r(y)}, {w(y, 1), xchg(v3, 1, o), r(x)}};
  };
  EXPECT_EQ(allowed(with(full), stale), nowhere);
  for (order o : {relaxed, acquire, release}) EXPECT_EQ(allowed(with(o), stale), in_weak);
  // The fences are around it, not within.
  EXPECT_EQ(allowed({{xchg(x, 1), r(y)}, {xchg(y, 1), r(x)}}, "0:r1=0; 1:r1=0;"), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), xchg(y, 1)}, {r(y), rmb, r(x)}}, "1:r0=1; 1:r1=0;"), nowhere);
}

TEST(Reference, AcquireIsOfTheReadReleaseOfTheWrite) {
  const std::string stale = "1:r0=1; 1:r1=0;";
  const auto writer = [](order o) { return std::vector{w(x, 1), void_add(z, 1), xchg(y, 1, o)}; };
  EXPECT_EQ(allowed({writer(release), {xchg(y, 2, acquire), r(x)}}, stale), nowhere);
  EXPECT_EQ(allowed({writer(acquire), {xchg(y, 2, acquire), r(x)}}, stale), in_weak);
  EXPECT_EQ(allowed({writer(release), {xchg(y, 2, release), r(x)}}, stale), in_weak);
}

// In the kernel's model; on x86 it is a locked instruction all the same.
TEST(Reference, AFailedCmpxchgOrdersNothing) {
  const auto with = [](std::int64_t expected) {
    return Threads{{w(x, 1), cmpxchg(z, expected, 1), r(y)}, {w(y, 1), mb, r(x)}};
  };
  EXPECT_EQ(allowed(with(1), "0:r0=0; 0:r1=0; 1:r0=0;"), in_weak);
  EXPECT_EQ(allowed(with(0), "0:r0=0; 0:r1=0; 1:r0=0;"), nowhere);
  EXPECT_EQ(
      allowed({{w(x, 1), wmb, w(y, 1)}, {cmpxchg(y, 2, 3, acquire), r(x)}}, "1:r0=1; 1:r1=0;"),
      in_weak);
}

TEST(Reference, RmbDoesNotSeeTheReadOfAVoidAtomic) {
  const std::vector writer{w(x, 1), wmb, w(y, 1)};
  EXPECT_EQ(allowed({writer, {void_add(y, 1), rmb, r(x)}}, "1:r0=0; [y]=2;"), in_weak);
  EXPECT_EQ(allowed({writer, {add(y, 1, relaxed), rmb, r(x)}}, "1:r0=1; 1:r1=0;"), nowhere);
  EXPECT_EQ(allowed({writer, {void_add(y, 1), mb, r(x)}}, "1:r0=0; [y]=2;"), nowhere);
}

TEST(Reference, RmwsAreAtomic) {
  const Threads adds{{add(x, 1, relaxed)}, {add(x, 1, relaxed)}, {add(x, 1, relaxed)}};
  EXPECT_EQ(allowed(adds, "[x]=3;"), everywhere);
  EXPECT_EQ(executions(adds), (Counts{6, 6, 6}));
  EXPECT_EQ(reference(program(adds), weak).states.size(), 6U);
  EXPECT_EQ(allowed({{cmpxchg(x, 0, 1, relaxed)}, {cmpxchg(x, 0, 2, relaxed)}}, "0:r0=0; 1:r0=0;"),
            nowhere);
  EXPECT_EQ(allowed({{add(x, 1, relaxed)}, {w(x, 5)}}, "0:r0=0; [x]=1;"), nowhere);
}

TEST(Reference, CriticalSections) {
  const std::vector producer{lock(s), w(x, 1), w(y, 1), unlock(s)};
  const std::string stale = "1:r0=1; 1:r1=0;";
  EXPECT_EQ(allowed({producer, {lock(s), r(y), r(x), unlock(s)}}, stale), nowhere);
  EXPECT_EQ(allowed({producer, {lock(t), r(y), r(x), unlock(t)}}, stale), in_weak);
  EXPECT_EQ(
      allowed({{lock(s), w(x, 1), unlock(s), w(y, 1)}, {r(y), lock(s), r(x), unlock(s)}}, stale),
      nowhere);
}

TEST(Reference, SectionsOnEndOfOneThread) {
  const std::vector writer{lock(s), w(x, 1), unlock(s), lock(t), w(y, 1), unlock(t)};
  EXPECT_EQ(allowed({writer, {r(y), rmb, r(x)}}, "1:r0=1; 1:r1=0;"), nowhere);
  EXPECT_EQ(allowed({{w(x, 1), wmb, w(y, 1)}, {lock(s), r(y), unlock(s), lock(t), r(x), unlock(t)}},
                    "1:r0=1; 1:r1=0;"),
            nowhere);
  EXPECT_EQ(allowed({{lock(s), w(x, 1), unlock(s), lock(t), r(y), unlock(t)}, {w(y, 1), mb, r(x)}},
                    "0:r0=0; 1:r0=0;"),
            in_weak);  // but not an earlier store from a later load
}

TEST(Reference, SectionsOnEndAreCumulativeLikeWmb) {
  const std::vector first{lock(s), w(x, 1), w(y, 1), unlock(s)};
  const std::vector second{lock(s), r(y), w(z, 1), unlock(s)};
  EXPECT_EQ(allowed({first, second, {r(z), mb, r(x)}}, "1:r0=1; 2:r0=1; 2:r1=0;"), nowhere);
  EXPECT_EQ(allowed({first, second, {w(z, 2), mb, r(x)}}, "1:r0=1; [z]=2; 2:r0=0;"), in_weak);
}

TEST(Reference, GracePeriods) {
  const std::vector updater{w(x, 1), synchronize, w(y, 1)};
  EXPECT_EQ(allowed({updater, {read_lock, r(y), r(x), read_unlock}}, "1:r0=1; 1:r1=0;"), nowhere);
  EXPECT_EQ(allowed({updater, {read_lock, r(x), r(y), read_unlock}}, "1:r0=0; 1:r1=1;"), nowhere);
  EXPECT_EQ(allowed({updater, {r(y), r(x)}}, "1:r0=1; 1:r1=0;"), in_weak);
  EXPECT_EQ(allowed({updater, {r(x), r(y)}}, "1:r0=0; 1:r1=1;"), everywhere);
  EXPECT_EQ(allowed({updater, {read_lock, r(x), read_unlock, read_lock, r(y), read_unlock}},
                    "1:r0=0; 1:r1=1;"),
            everywhere);
  EXPECT_EQ(allowed({updater, {read_lock, read_lock, r(x), read_unlock, r(y), read_unlock}},
                    "1:r0=0; 1:r1=1;"),
            nowhere);  // the outermost section counts
}

// Around a ring, each thread writes its location and reads the next one's old value: impossible if
// there are at least as many grace periods as read sections.
TEST(Reference, AsManyGracePeriodsAsSections) {
  const auto gp = [](unsigned a, unsigned b) { return std::vector{w(a, 1), synchronize, r(b)}; };
  const auto section = [](unsigned a, unsigned b) {
    return std::vector{read_lock, w(a, 1), r(b), read_unlock};
  };
  EXPECT_EQ(allowed({gp(x, y), section(y, x)}, "0:r0=0; 1:r0=0;"), nowhere);
  EXPECT_EQ(allowed({section(x, y), section(y, x)}, "0:r0=0; 1:r0=0;"), not_in_sc);
  const std::string three = "0:r0=0; 1:r0=0; 2:r0=0;";
  EXPECT_EQ(allowed({gp(x, y), section(y, z), section(z, x)}, three), not_in_sc);
  EXPECT_EQ(allowed({gp(x, y), gp(y, z), section(z, x)}, three), nowhere);
  const auto fence = [](unsigned a, unsigned b) { return std::vector{w(a, 1), mb, r(b)}; };
  EXPECT_EQ(allowed({gp(x, y), fence(y, z), section(z, x)}, three), nowhere);
  EXPECT_EQ(allowed({gp(x, y), section(y, z), fence(z, x)}, three), nowhere);
  EXPECT_EQ(allowed({fence(x, y), section(y, z), fence(z, x)}, three), not_in_sc);
  const std::string four = three + " 3:r0=0;";
  EXPECT_EQ(allowed({gp(x, y), gp(y, z), section(z, v3), section(v3, x)}, four), nowhere);
  EXPECT_EQ(allowed({gp(x, y), section(y, z), gp(z, v3), section(v3, x)}, four), nowhere);
  EXPECT_EQ(allowed({gp(x, y), section(y, z), section(z, v3), section(v3, x)}, four), not_in_sc);
}

TEST(Reference, AwaitsAreReadsOfTheirValue) {
  EXPECT_EQ(executions({{w(x, 1)}, {await(x, 1)}}), (Counts{1, 1, 1}));
  EXPECT_EQ(executions({{w(x, 1)}, {await(x, 2)}}), (Counts{0, 0, 0}));  // waits for ever
  EXPECT_EQ(allowed({{w(x, 1), w(y, 1, release)}, {await(y, 1), r(x)}}, "1:r1=0;"), in_weak);
  EXPECT_EQ(allowed({{w(x, 1), w(y, 1, release)}, {await(y, 1, acquire), r(x)}}, "1:r1=0;"),
            nowhere);
}

// Three threads take a ticket each and count in turn; a ticket is what the program guesses.
TEST(Reference, TicketLock) {
  std::array<std::int64_t, 3> ticket{0, 1, 2};
  std::uint64_t executed = 0;
  do {
    Threads threads;
    for (std::int64_t mine : ticket)
      threads.push_back({add(x, 1, relaxed), await(y, mine, acquire), r(z), w(z, mine + 1),
                         w(y, mine + 1, release)});
    const SmallProgram tested = program(std::move(threads));
    for (const FinalState& state : reference(tested, weak).states) {
      const std::array taken{state[0], state[3], state[6]};
      if (taken != ticket) continue;
      ++executed;
      for (std::size_t i = 0; i < ticket.size(); ++i) EXPECT_EQ(state[3 * i + 2], ticket[i]);
    }
  } while (std::ranges::next_permutation(ticket).found);
  EXPECT_EQ(executed, 6U);
}

TEST(Reference, CountsExecutions) {
  EXPECT_EQ(executions({{w(x, 1), r(y)}, {w(y, 1), r(x)}}), (Counts{3, 4, 4}));
  EXPECT_EQ(executions({{w(x, 1), mb, r(y)}, {w(y, 1), mb, r(x)}}), (Counts{3, 3, 3}));
  EXPECT_EQ(executions({{w(x, 1), w(y, 1)}, {r(y), r(x)}}), (Counts{3, 3, 4}));
  EXPECT_EQ(executions({{w(x, 1), w(y, 1, release)}, {r(y, acquire), r(x)}}), (Counts{3, 3, 3}));
  EXPECT_EQ(executions({{w(x, 1)}, {w(y, 1)}, {r(x), r(y)}, {r(y), r(x)}}), (Counts{15, 15, 16}));
  EXPECT_EQ(executions({{r(x), w(y, 1)}, {r(y), w(x, 1)}}), (Counts{3, 3, 3}));
  EXPECT_EQ(executions({{w(x, 1)}, {w(x, 1)}, {r(x)}}), (Counts{6, 6, 6}));  // equal values too
  const std::vector counted{lock(s), r(x), w(x, 1), unlock(s)};
  EXPECT_EQ(executions({counted, counted, counted}), (Counts{6, 6, 6}));
  EXPECT_EQ(executions({{cmpxchg(x, 0, 1)}, {cmpxchg(x, 0, 1)}}), (Counts{2, 2, 2}));
}

TEST(Reference, DeadlocksAreNoExecutions) {
  const Threads crossed{{lock(s), lock(t), unlock(t), unlock(s)},
                        {lock(t), lock(s), unlock(s), unlock(t)}};
  EXPECT_EQ(executions(crossed), (Counts{2, 2, 2}));  // one after the other
  EXPECT_EQ(executions({{lock(s), lock(s)}}), (Counts{0, 0, 0}));
}

TEST(Reference, RefusesProgramsAboveItsSize) {
  const std::vector many(59, mb);  // four locations, two locks
  EXPECT_THROW(static_cast<void>(reference(program({many}), weak)), std::length_error);
  EXPECT_EQ(reference(program({{many.begin() + 1, many.end()}}), weak).executions, 1U);
  EXPECT_THROW(static_cast<void>(reference(program({std::vector(64, cmpxchg(x, 0, 1))}), weak)),
               std::length_error);
  EXPECT_EQ(reference({}, weak).executions, 1U);
}

}  // namespace
}  // namespace tlblab
