// SPDX-License-Identifier: GPL-2.0-or-later
// What is said of load buffering in litmus tests: where the control dependencies are, and values that go
// other ways.
#include <gtest/gtest.h>

#include "harness/explore/litmus/hidden_flow.h"
#include "harness/explore/litmus/report.h"
#include "harness/explore/litmus/run.h"
#include "tests/explore/litmus/texts.h"

namespace tlblab {
namespace {

LitmusOutcome run(const std::vector<std::string>& bodies, MemoryModel model = MemoryModel::weak) {
  std::string text = "C t\n{ int *p = &x; }\n";
  for (std::size_t n = 0; n < bodies.size(); ++n)
    text += "P" + std::to_string(n) + "(int *x, int *y, int *z, int **p, spinlock_t *s)\n" +
            "{ int r0; int r1; int *q; " + bodies[n] + " }\n";
  const std::atomic<bool> stop{false};
  return run_litmus(compiled(text + "exists (x=1)\n"), model, stop);
}

const std::string mb = "r0 = READ_ONCE(*x); smp_mb(); WRITE_ONCE(*y, 1);";

bool exact_beside_mb(const std::string& body) { return run({mb, body}).buffering->is_exact(); }

TEST(LitmusBuffering, SaysWhichProcessesMay) {
  const LitmusOutcome outcome =
      run({"r0 = READ_ONCE(*x); WRITE_ONCE(*y, 1);", "r0 = READ_ONCE(*y); WRITE_ONCE(*x, 1);"});
  const std::vector<LitmusBuffering::Pair> pairs{{0, "x", "y"}, {1, "y", "x"}};
  EXPECT_EQ(outcome.buffering->pairs, pairs);
  EXPECT_FALSE(outcome.buffering->hidden);
  EXPECT_EQ(buffering_text(outcome),
            "Load buffering: P0 may write y before it reads x\n"
            "Load buffering: P1 may write x before it reads y\n\n");
  EXPECT_EQ(buffering_text(run({mb, mb})), "");
  EXPECT_FALSE(run({mb, mb}, MemoryModel::tso).buffering.has_value());
}

TEST(LitmusBuffering, Dependencies) {
  EXPECT_TRUE(exact_beside_mb("r0 = READ_ONCE(*y); WRITE_ONCE(*x, r0);"));
  EXPECT_TRUE(
      exact_beside_mb("r0 = READ_ONCE(*y); WRITE_ONCE(*z, r0); r1 = READ_ONCE(*z); "
                      "WRITE_ONCE(*x, r1);"));
  EXPECT_TRUE(exact_beside_mb("r0 = smp_load_acquire(y); WRITE_ONCE(*x, 1);"));
  EXPECT_TRUE(exact_beside_mb("r0 = READ_ONCE(*y); smp_store_release(x, 1);"));
  EXPECT_FALSE(exact_beside_mb("r0 = READ_ONCE(*y); WRITE_ONCE(*x, 1);"));
  // The address is not where the value was read.
  const std::string publish = "r0 = READ_ONCE(*x); smp_mb(); WRITE_ONCE(*p, x);";
  EXPECT_TRUE(run({publish, "q = READ_ONCE(*p); WRITE_ONCE(*q, 1);"}).buffering->is_exact());
}

// A condition orders stores in its arms, not those behind them.
TEST(LitmusBuffering, ControlDependencies) {
  EXPECT_TRUE(exact_beside_mb("r0 = READ_ONCE(*y); if (r0) WRITE_ONCE(*x, 1);"));
  EXPECT_TRUE(
      exact_beside_mb("r0 = READ_ONCE(*y); if (r0) WRITE_ONCE(*x, 1); else WRITE_ONCE(*x, 2);"));
  EXPECT_TRUE(exact_beside_mb(
      "r0 = READ_ONCE(*y); if (1) { if (r0 == 1) { r1 = 2; WRITE_ONCE(*x, 1); } }"));
  EXPECT_FALSE(exact_beside_mb("r0 = READ_ONCE(*y); if (r0) r1 = 2; WRITE_ONCE(*x, 1);"));
  EXPECT_FALSE(exact_beside_mb(
      "r0 = READ_ONCE(*y); if (r0) { WRITE_ONCE(*z, 1); } else { r1 = 2; } WRITE_ONCE(*x, 1);"));
}

// Without a word on these, the search would not even see the store to which they lead.
TEST(LitmusBuffering, ValuesThatAreCarriedByNoDependency) {
  const std::string back = "r0 = READ_ONCE(*y); if (r0) WRITE_ONCE(*x, 1);";
  const auto hidden = [&](const std::string& body) { return run({back, body}).buffering->hidden; };
  EXPECT_TRUE(hidden("r0 = READ_ONCE(*x); r1 = 0; if (r0) r1 = 1; WRITE_ONCE(*y, r1);"));
  EXPECT_TRUE(
      hidden("r0 = READ_ONCE(*x); if (r0) WRITE_ONCE(*z, 1); r1 = READ_ONCE(*z); "
             "if (r1) WRITE_ONCE(*y, 1);"));
  EXPECT_TRUE(hidden("r0 = cmpxchg_relaxed(x, 1, 2); r1 = READ_ONCE(*x); WRITE_ONCE(*y, r1);"));
  EXPECT_TRUE(
      hidden("q = READ_ONCE(*p); WRITE_ONCE(*q, 1); r1 = READ_ONCE(*z); "
             "WRITE_ONCE(*y, r1);"));
  EXPECT_FALSE(
      hidden("r0 = READ_ONCE(*x); if (r0) { WRITE_ONCE(*z, 1); r1 = 1; } "
             "WRITE_ONCE(*y, 1);"));
  EXPECT_FALSE(hidden("r0 = READ_ONCE(*x); if (r0) { r1 = READ_ONCE(*z); WRITE_ONCE(*y, r1); }"));
  EXPECT_FALSE(hidden("r0 = cmpxchg_relaxed(x, 1, 2); r1 = READ_ONCE(*x); WRITE_ONCE(*y, 1);"));
  const LitmusOutcome outcome =
      run({back, "r0 = READ_ONCE(*x); r1 = 0; if (r0) r1 = 1; WRITE_ONCE(*y, r1);"});
  EXPECT_FALSE(outcome.buffering->is_exact());
  EXPECT_NE(buffering_text(outcome).find("a value may depend on a load"), std::string::npos);
}

// The search sees it succeed only; reading what the other would then store, it fails.
TEST(LitmusBuffering, ACmpxchgMayFailWhereItNeverDid) {
  const std::string other = "r0 = READ_ONCE(*y); WRITE_ONCE(*z, r0);";
  EXPECT_FALSE(run({"r0 = cmpxchg(z, 0, 5); WRITE_ONCE(*y, 1);", other}).buffering->is_exact());
  EXPECT_TRUE(run({"r0 = xchg(z, 5); WRITE_ONCE(*y, 1);", other}).buffering->is_exact());
}

// Where it succeeds, which it always does, nobody who comes behind its fence reads x as it was: the store
// to x is never seen.
TEST(LitmusBuffering, ACmpxchgInTheWayOfALoad) {
  const std::string other =
      "r0 = smp_load_acquire(y); r1 = READ_ONCE(*x); if (r0 == 1) { if (r1 == 0) WRITE_ONCE(*x, "
      "5); }";
  EXPECT_FALSE(run({"r0 = cmpxchg_relaxed(x, 0, 1); smp_wmb(); WRITE_ONCE(*y, 1);", other})
                   .buffering->is_exact());
}

TEST(LitmusBuffering, LocksThatAreTriedOrderNothingIfTheyAreNotTaken) {
  const std::string plain = "r0 = READ_ONCE(*y); WRITE_ONCE(*x, 1);";
  const auto under = [](const std::string& first, const std::string& second) {
    return "spin_lock(s); r0 = READ_ONCE(*" + first + "); WRITE_ONCE(*" + second +
           ", 1); spin_unlock(s);";
  };
  EXPECT_TRUE(run({under("x", "y"), under("y", "x")}).buffering->is_exact());
  EXPECT_FALSE(run({under("x", "y"), plain}).buffering->is_exact());
  EXPECT_FALSE(run({"r0 = READ_ONCE(*x); r1 = spin_trylock(s); WRITE_ONCE(*y, 1);", plain})
                   .buffering->is_exact());
}

}  // namespace
}  // namespace tlblab
