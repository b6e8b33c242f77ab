// SPDX-License-Identifier: GPL-2.0-or-later
// Random programs are well-formed, repeatable and of many kinds; their text is herd7's.
#include "tests/explore/random_program.h"

#include <map>

#include <gtest/gtest.h>

#include "tests/explore/program_text.h"

namespace tlblab {
namespace {

using enum OpKind;

constexpr std::uint64_t programs = 2000;

ProgramShape everything() {
  return {.threads = 3, .ops = 6, .locations = 3, .locks = 2, .awaits = true};
}

template <class Visit>
void for_each_thread(const ProgramShape& shape, Visit visit) {
  for (std::uint64_t seed = 0; seed < programs; ++seed)
    for (const auto& thread : random_program(seed, shape).threads) visit(thread);
}

TEST(RandomProgram, IsThatOfItsSeed) {
  unsigned different = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_EQ(random_program(seed, everything()).threads,
              random_program(seed, everything()).threads);
    different += random_program(seed, everything()).threads !=
                 random_program(seed + 1, everything()).threads;
  }
  EXPECT_EQ(different, 100U);
}

// So that a seed that was written down means the same program tomorrow.
TEST(RandomProgram, DoesNotChangeFromMachineToMachine) {
  EXPECT_EQ(to_text(random_program(7, {})), R"(C program

{}

P0(int *x, int *y, spinlock_t *s)
{
	int r0;
	int r1;
	r0 = smp_load_acquire(x);
	smp_rmb();
	r1 = READ_ONCE(*y);
	WRITE_ONCE(*y, 1);
}

P1(int *x, int *y, spinlock_t *s)
{
	int r0;
	int r1;
	int r2;
	r0 = xchg(y, 2);
	r1 = smp_load_acquire(x);
	r2 = xchg_relaxed(x, 2);
	smp_rmb();
}
)");
}

TEST(RandomProgram, HasItsShape) {
  const SmallProgram program = random_program(1, everything());
  EXPECT_EQ(program.locations, 3U);
  EXPECT_EQ(program.locks, 2U);
  EXPECT_EQ(program.threads.size(), 3U);
  for_each_thread(everything(), [](const auto& thread) { EXPECT_EQ(thread.size(), 6U); });
}

TEST(RandomProgram, UsesEveryPrimitiveOfItsShapeAndNoOther) {
  std::map<OpKind, unsigned> seen;
  for_each_thread(everything(), [&](const auto& thread) {
    for (const SmallOp& op : thread) ++seen[op.kind];
  });
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(synchronize) + 1);
  for (const auto& [kind, count] : seen) EXPECT_GT(count, 100U) << static_cast<int>(kind);

  const ProgramShape bare{
      .locks = 0, .rmws = false, .void_adds = false, .fences = false, .rcu = false};
  for_each_thread(bare, [](const auto& thread) {
    for (const SmallOp& op : thread) EXPECT_TRUE(op.kind == load || op.kind == store);
  });
}

// Locks held and read sections open after each operation of a thread.
struct Open {
  std::vector<unsigned> locks;
  int sections = 0;

  void step(const SmallOp& op) {
    if (op.kind == lock) locks.push_back(op.where);
    if (op.kind == unlock) {
      EXPECT_EQ(std::erase(locks, op.where), 1U);
    }
    if (op.kind == read_lock) ++sections;
    if (op.kind == read_unlock) --sections;
    EXPECT_GE(sections, 0);
  }
};

TEST(RandomProgram, ClosesItsSections) {
  for_each_thread(everything(), [](const auto& thread) {
    Open open;
    for (const SmallOp& op : thread) open.step(op);
    EXPECT_TRUE(open.locks.empty());
    EXPECT_EQ(open.sections, 0);
  });
}

TEST(RandomProgram, NeverDeadlocksOnItsOwnSections) {
  for_each_thread(everything(), [](const auto& thread) {
    Open open;
    for (const SmallOp& op : thread) {
      if (op.kind == lock) {
        for (unsigned held : open.locks) EXPECT_LT(held, op.where);
      }
      if (op.kind == synchronize) {
        EXPECT_TRUE(open.locks.empty() && open.sections == 0);
      }
      open.step(op);
    }
  });
}

TEST(RandomProgram, TakesLocksInAnyOrderWhenAsked) {
  ProgramShape shape = everything();
  shape.lock_cycles = true;
  unsigned descending = 0;
  for_each_thread(shape, [&](const auto& thread) {
    Open open;
    for (const SmallOp& op : thread) {
      if (op.kind == lock)
        for (unsigned held : open.locks) {
          EXPECT_NE(held, op.where);
          descending += held > op.where;
        }
      open.step(op);
    }
  });
  EXPECT_GT(descending, 0U);
}

TEST(ProgramText, OfStates) {
  const SmallProgram program{
      .locations = 2, .locks = 0, .threads = {{{.kind = load}}, {{.kind = mb}, {.kind = load}}}};
  EXPECT_EQ(to_text(program, FinalState{1, 2, 3, -4}), "0:r0=1; 1:r0=2; [x]=3; [y]=-4;");
  EXPECT_EQ(to_text(program, FinalStates{{0, 0, 0, 0}, {0, 0, 0, 1}}),
            "0:r0=0; 1:r0=0; [x]=0; [y]=0;\n0:r0=0; 1:r0=0; [x]=0; [y]=1;\n");
}

TEST(ProgramText, OfEveryOperation) {
  const SmallProgram program{
      .locations = 4,
      .locks = 3,
      .threads = {{{.kind = load},
                   {.kind = load, .where = 1, .o = order::acquire},
                   {.kind = store, .where = 2, .value = 1},
                   {.kind = store, .where = 3, .value = 2, .o = order::release},
                   {.kind = exchange, .value = 1, .o = order::full},
                   {.kind = add, .value = 1, .o = order::release},
                   {.kind = void_add, .value = 3},
                   {.kind = cmpxchg, .value = 2, .expected = 1},
                   {.kind = await, .value = 1, .o = order::acquire},
                   {.kind = mb},
                   {.kind = rmb},
                   {.kind = wmb},
                   {.kind = lock, .where = 1},
                   {.kind = unlock, .where = 2},
                   {.kind = read_lock},
                   {.kind = read_unlock},
                   {.kind = synchronize}}}};
  EXPECT_EQ(to_text(program), R"(C program

{}

P0(int *x, int *y, int *z, int *v3, spinlock_t *s, spinlock_t *t, spinlock_t *s2)
{
	int r0;
	int r1;
	int r2;
	int r3;
	int r4;
	int r5;
	r0 = READ_ONCE(*x);
	r1 = smp_load_acquire(y);
	WRITE_ONCE(*z, 1);
	smp_store_release(v3, 2);
	r2 = xchg(x, 1);
	r3 = atomic_fetch_add_release(1, x);
	atomic_add(3, x);
	r4 = cmpxchg_relaxed(x, 1, 2);
	r5 = smp_cond_load_acquire(x, VAL == 1);
	smp_mb();
	smp_rmb();
	smp_wmb();
	spin_lock(t);
	spin_unlock(s2);
	rcu_read_lock();
	rcu_read_unlock();
	synchronize_rcu();
}
)");
}

}  // namespace
}  // namespace tlblab
