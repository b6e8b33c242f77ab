// SPDX-License-Identifier: GPL-2.0-or-later
// Final states, conditions over them and verdicts.
#include "harness/explore/litmus/outcome.h"

#include <gtest/gtest.h>

#include "tests/explore/litmus/interleaver.h"
#include "tests/explore/litmus/texts.h"

namespace tlblab {
namespace {

std::vector<std::string> states(const LitmusProgram& program, const LitmusTally& tally) {
  std::vector<std::string> list;
  for (const auto& state : tally.states()) list.push_back(state_text(program, state));
  return list;
}

TEST(LitmusOutcome, PlacesAreShownAsHerdSortsThem) {
  const LitmusProgram program = compiled(
      "C c\n{ z=3; }\nP0(int *x, int *z, int **p) { int r10 = 1; int r2 = 2; }\n"
      "P1(int *x) { int *r0 = x; }\n"
      "locations [z; 1:r0; x; 0:r10]\nexists (p=x /\\ 0:r2=1 /\\ x=1)\n");
  std::vector<std::string> names;
  for (const LitmusObservable& each : program.observables) names.push_back(each.name);
  EXPECT_EQ(names, (std::vector<std::string>{"0:r10", "0:r2", "1:r0", "p", "x", "z"}));
  EXPECT_EQ(program.shown, 6U);
  EXPECT_EQ(states(program, interleave(program).tally),
            (std::vector<std::string>{"0:r10=1; 0:r2=2; 1:r0=x; [p]=0; [x]=0; [z]=3;"}));
}

TEST(LitmusOutcome, StatesAreSortedByNumber) {
  const LitmusProgram program = compiled(
      "C c\n{ x=2; }\nP0(int *x) { WRITE_ONCE(*x, 10); WRITE_ONCE(*x, -1); }\n"
      "P1(int *x) { int r0 = READ_ONCE(*x); }\nexists (1:r0=2)\n");
  EXPECT_EQ(states(program, interleave(program).tally),
            (std::vector<std::string>{"1:r0=-1;", "1:r0=2;", "1:r0=10;"}));
}

LitmusTally tally_of(std::string_view condition) {
  const LitmusProgram program = compiled(
      "C c\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nP1(int *x) { int r0 = READ_ONCE(*x); }\n" +
      std::string(condition));
  return interleave(program).tally;
}

struct Asked {
  std::string condition, observation;
};

const Asked conditions[] = {{"true", "Always"},
                            {"false", "Never"},
                            {"x=1", "Always"},
                            {"1:r0=1", "Sometimes"},
                            {"1:r0=2", "Never"},
                            {"~(1:r0=2)", "Always"},
                            {"x=1 /\\ 1:r0=1", "Sometimes"},
                            {"x=1 /\\ 1:r0=2", "Never"},
                            {"1:r0=0 \\/ 1:r0=1", "Always"},
                            {"1:r0=2 \\/ x=0", "Never"},
                            {"1:r0=1 => x=1", "Always"},
                            {"x=1 => 1:r0=1", "Sometimes"},
                            {"x=1 => 1:r0=2", "Never"},
                            {"x=x", "Never"}};

TEST(LitmusOutcome, ConditionsAreEvaluated) {
  for (const Asked& asked : conditions) {
    EXPECT_EQ(tally_of("exists (" + asked.condition + ")").observation(), asked.observation);
  }
}

TEST(LitmusOutcome, QuantifiersHoldOrNot) {
  using Q = LitmusQuantifier;
  const LitmusTally never = tally_of("exists (x=7)");
  const LitmusTally sometimes = tally_of("exists (1:r0=1)");
  const LitmusTally always = tally_of("exists (x=1)");
  EXPECT_TRUE(!never.holds(Q::exists) && sometimes.holds(Q::exists) && always.holds(Q::exists));
  EXPECT_TRUE(never.holds(Q::not_exists) && !sometimes.holds(Q::not_exists));
  EXPECT_TRUE(!sometimes.holds(Q::forall) && always.holds(Q::forall) && !never.holds(Q::forall));
}

TEST(LitmusOutcome, TheFilterDropsExecutionsAndShowsNothing) {
  const LitmusProgram program = compiled(
      "C c\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nP1(int *x) { int r0 = READ_ONCE(*x); }\n"
      "filter (1:r0=1)\nexists (x=1)");
  const LitmusTally tally = interleave(program).tally;
  EXPECT_EQ(states(program, tally), std::vector<std::string>{"[x]=1;"});
  EXPECT_EQ(tally.positive(), 1U);
  EXPECT_EQ(tally.negative(), 0U);
}

TEST(LitmusOutcome, Merging) {
  LitmusTally one = tally_of("exists (1:r0=1)");
  const LitmusTally other = one;
  one.merge(other);
  EXPECT_EQ(one.states(), other.states());
  EXPECT_EQ(one.positive(), 2 * other.positive());
  EXPECT_EQ(one.negative(), 2 * other.negative());
}

// The interleaver itself: what must not be seen under SC, and what makes processes wait.
std::string_view observed(std::string_view text) {
  return interleave(compiled(text)).tally.observation();
}

TEST(LitmusInterleaver, StoreBufferingIsNotSequentiallyConsistent) {
  const std::string text =
      "C SB\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); int r0 = READ_ONCE(*y); }\n"
      "P1(int *x, int *y) { WRITE_ONCE(*y, 1); int r0 = READ_ONCE(*x); }\n";
  EXPECT_EQ(observed(text + "exists (0:r0=0 /\\ 1:r0=0)"), "Never");
  EXPECT_EQ(observed(text + "exists (0:r0=0 /\\ 1:r0=1)"), "Sometimes");
}

TEST(LitmusInterleaver, LocksExclude) {
  const std::string body = "{ spin_lock(s); int r0 = *x; *x = r0 + 1; spin_unlock(s); }\n";
  EXPECT_EQ(observed("C L\n{}\nP0(int *x, spinlock_t *s) " + body + "P1(int *x, spinlock_t *s) " +
                     body + "exists (x=2)"),
            "Always");
  const std::string bare = "{ int r0 = *x; *x = r0 + 1; }\n";
  EXPECT_EQ(observed("C L\n{}\nP0(int *x) " + bare + "P1(int *x) " + bare + "exists (x=2)"),
            "Sometimes");
}

TEST(LitmusInterleaver, AGracePeriodWaitsForReaders) {
  const std::string readers = "rcu_read_lock(); WRITE_ONCE(*x, 1); WRITE_ONCE(*y, 1);";
  const std::string text =
      "P1(int *x, int *y) { int r0 = READ_ONCE(*x); synchronize_rcu(); int r1 = READ_ONCE(*y); }\n"
      "exists (1:r0=1 /\\ 1:r1=0)";
  EXPECT_EQ(observed("C R\n{}\nP0(int *x, int *y) { " + readers + " rcu_read_unlock(); }\n" + text),
            "Never");
  EXPECT_EQ(
      observed("C R\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); WRITE_ONCE(*y, 1); }\n" + text),
      "Sometimes");
}

TEST(LitmusInterleaver, ALockThatIsKeptBlocks) {
  const LitmusOutcome outcome = interleave(
      compiled("C B\n{}\nP0(spinlock_t *s) { spin_lock(s); spin_lock(s); }\nforall (true)"));
  EXPECT_EQ(outcome.blocked, 1U);
  EXPECT_EQ(outcome.executions, 0U);
}

}  // namespace
}  // namespace tlblab
