// SPDX-License-Identifier: GPL-2.0-or-later
// Litmus tests under the complete search: verdicts of the kernel's model that are easily got wrong.
#include "harness/explore/litmus/run.h"

#include <gtest/gtest.h>

#include "tests/explore/litmus/texts.h"

namespace tlblab {
namespace {

LitmusOutcome run(std::string_view text, MemoryModel model = MemoryModel::weak) {
  const std::atomic<bool> stop{false};
  return run_litmus(compiled(text), model, stop);
}

// Processes over x, y and z, locks s and t and a pointer p to x, and what is asked.
std::string verdict(const std::vector<std::string>& bodies,
                    std::string_view exists,
                    MemoryModel model = MemoryModel::weak) {
  std::string text = "C t\n{ int *p = &x; }\n";
  for (std::size_t n = 0; n < bodies.size(); ++n)
    text += "P" + std::to_string(n) +
            "(int *x, int *y, int *z, int **p, spinlock_t *s, spinlock_t *t)\n{ int r0; int r1; " +
            "int *q; " + bodies[n] + " }\n";
  const LitmusOutcome outcome = run(text + "exists (" + std::string(exists) + ")\n", model);
  return outcome.fault ? outcome.fault->wrong : std::string(outcome.tally.observation());
}

const std::string message = "WRITE_ONCE(*x, 1); smp_wmb(); WRITE_ONCE(*y, 1);";

TEST(LitmusRun, ModelsDiffer) {
  const std::vector<std::string> buffers{"WRITE_ONCE(*x, 1); r0 = READ_ONCE(*y);",
                                         "WRITE_ONCE(*y, 1); r0 = READ_ONCE(*x);"};
  EXPECT_EQ(verdict(buffers, "0:r0=0 /\\ 1:r0=0", MemoryModel::sc), "Never");
  EXPECT_EQ(verdict(buffers, "0:r0=0 /\\ 1:r0=0", MemoryModel::tso), "Sometimes");
  const std::vector<std::string> passing{"WRITE_ONCE(*x, 1); WRITE_ONCE(*y, 1);",
                                         "r0 = READ_ONCE(*y); r1 = READ_ONCE(*x);"};
  EXPECT_EQ(verdict(passing, "1:r0=1 /\\ 1:r1=0", MemoryModel::tso), "Never");
  EXPECT_EQ(verdict(passing, "1:r0=1 /\\ 1:r1=0"), "Sometimes");
}

// A load through a pointer comes after the load of the pointer; one that a condition guards does not.
TEST(LitmusRun, DependenciesOfLoads) {
  const std::string publish = "WRITE_ONCE(*z, 1); smp_wmb(); WRITE_ONCE(*p, z);";
  EXPECT_EQ(verdict({publish, "q = rcu_dereference(*p); r0 = READ_ONCE(*q); r1 = (q == z);"},
                    "1:r1=1 /\\ 1:r0=0"),
            "Never");
  EXPECT_EQ(verdict({publish, "q = READ_ONCE(*p); if (q == z) { r1 = 1; r0 = READ_ONCE(*z); }"},
                    "1:r1=1 /\\ 1:r0=0"),
            "Sometimes");
}

// A load that reads its process's own store comes after what that store was computed from.
TEST(LitmusRun, DependenciesThroughAnOwnStore) {
  const auto after = [](const std::string& store) {
    return verdict({message, "r0 = READ_ONCE(*y); " + store +
                                 " r1 = smp_load_acquire(z); r1 = READ_ONCE(*x);"},
                   "1:r0=1 /\\ 1:r1=0");
  };
  EXPECT_EQ(after("WRITE_ONCE(*z, r0);"), "Never");
  EXPECT_EQ(after("r1 = xchg_relaxed(z, r0);"), "Never");
  EXPECT_EQ(after("r1 = xchg_relaxed(z, 1);"), "Sometimes");
}

TEST(LitmusRun, SmpRmbAndTheReadOfAVoidAtomic) {
  const auto after = [](const std::string& read) {
    return verdict({message, read + " smp_rmb(); r1 = READ_ONCE(*x);"}, "y=2 /\\ 1:r1=0");
  };
  EXPECT_EQ(after("r0 = atomic_fetch_add_relaxed(1, y);"), "Never");
  EXPECT_EQ(after("atomic_inc(y);"), "Sometimes");
}

TEST(LitmusRun, AFailedCmpxchgOrdersNothing) {
  const auto after = [](const std::string& read) {
    return verdict({message, read + " r1 = READ_ONCE(*x);"}, "1:r0=1 /\\ 1:r1=0");
  };
  EXPECT_EQ(after("r0 = cmpxchg(y, 1, 2);"), "Never");
  EXPECT_EQ(after("r0 = cmpxchg(y, 5, 2);"), "Sometimes");
}

// Two sections on end order stores for everybody, not a store before a load.
TEST(LitmusRun, UnlockAndLock) {
  const std::string between = "spin_lock(s); WRITE_ONCE(*x, 1); spin_unlock(s); spin_lock(t); ";
  EXPECT_EQ(verdict({between + "WRITE_ONCE(*y, 1); spin_unlock(t);",
                     "r0 = READ_ONCE(*y); smp_rmb(); r1 = READ_ONCE(*x);"},
                    "1:r0=1 /\\ 1:r1=0"),
            "Never");
  const auto buffered = [&](const std::string& fence) {
    return verdict({between + fence + " r0 = READ_ONCE(*y); spin_unlock(t);",
                    "WRITE_ONCE(*y, 1); smp_mb(); r0 = READ_ONCE(*x);"},
                   "0:r0=0 /\\ 1:r0=0");
  };
  EXPECT_EQ(buffered(""), "Sometimes");
  EXPECT_EQ(buffered("smp_mb__after_unlock_lock();"), "Never");
}

TEST(LitmusRun, LocksThatAreTriedOrLookedAt) {
  const std::string holder = "spin_lock(s); WRITE_ONCE(*x, 1); spin_unlock(s);";
  const std::string trier =
      "r0 = spin_trylock(s); if (r0 == 1) { r1 = READ_ONCE(*x); spin_unlock(s); }";
  EXPECT_EQ(verdict({holder, trier}, "1:r0=0"), "Sometimes");
  EXPECT_EQ(verdict({holder, trier}, "1:r0=1 /\\ 1:r1=1"), "Sometimes");
  EXPECT_EQ(verdict({holder, "r0 = spin_is_locked(s);"}, "1:r0=1"), "Sometimes");
  EXPECT_EQ(verdict({"spin_lock(s); r0 = spin_is_locked(s); spin_unlock(s);"}, "0:r0=1"), "Always");
}

TEST(LitmusRun, FencesBesideAtomics) {
  const auto buffered = [](const std::string& first) {
    return verdict(
        {first + " r0 = READ_ONCE(*y);", "WRITE_ONCE(*y, 1); smp_mb(); r0 = READ_ONCE(*x);"},
        "0:r0=0 /\\ 1:r0=0");
  };
  EXPECT_EQ(buffered("atomic_inc(x);"), "Sometimes");
  EXPECT_EQ(buffered("atomic_inc(x); smp_mb__after_atomic();"), "Never");
  EXPECT_EQ(buffered("WRITE_ONCE(*x, 1); smp_mb__before_atomic(); atomic_inc(z);"), "Never");
  EXPECT_EQ(buffered("WRITE_ONCE(*x, 1); smp_mb__before_atomic();"), "Sometimes");
}

TEST(LitmusRun, AGracePeriodAndASection) {
  EXPECT_EQ(verdict({"rcu_read_lock(); r0 = READ_ONCE(*y); r1 = READ_ONCE(*x); rcu_read_unlock();",
                     "WRITE_ONCE(*x, 1); synchronize_rcu(); WRITE_ONCE(*y, 1);"},
                    "0:r0=1 /\\ 0:r1=0"),
            "Never");
  EXPECT_EQ(verdict({"rcu_read_lock(); r1 = READ_ONCE(*x); rcu_read_unlock(); rcu_read_lock(); "
                     "r0 = READ_ONCE(*y); rcu_read_unlock();",
                     "WRITE_ONCE(*x, 1); synchronize_rcu(); WRITE_ONCE(*y, 1);"},
                    "0:r0=1 /\\ 0:r1=0"),
            "Sometimes");
}

TEST(LitmusRun, PlainAccessesAreForOneProcess) {
  EXPECT_EQ(verdict({"*x = 1; r0 = *x;"}, "0:r0=1"), "Always");
  EXPECT_EQ(verdict({"*x = 1;", "r0 = READ_ONCE(*x);"}, "1:r0=1"),
            "a plain access to x, which another process uses");
}

TEST(LitmusRun, WhatIsTooLargeIsRefused) {
  std::string body;
  for (unsigned n = 0; n < 33; ++n) body += "rcu_read_lock(); rcu_read_unlock(); ";
  EXPECT_EQ(verdict({body}, "x=0"), "too many grace periods and read-side sections");
  body.clear();
  for (unsigned n = 0; n < 900; ++n) body += "WRITE_ONCE(*x, 1); ";
  EXPECT_EQ(verdict({body, body, body}, "x=0"), "a test that is too long for the explorer");
}

TEST(LitmusRun, AStopIsObeyed) {
  const std::atomic<bool> stop{true};
  const LitmusOutcome outcome =
      run_litmus(compiled("C t\n{}\nP0(int *x)\n{ WRITE_ONCE(*x, 1); }\nexists (x=1)\n"),
                 MemoryModel::weak, stop);
  EXPECT_TRUE(outcome.interrupted);
  EXPECT_EQ(outcome.executions, 0U);
}

}  // namespace
}  // namespace tlblab
