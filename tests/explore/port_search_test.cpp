// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search of programs on the machine, against the axioms: the same programs that the search
// of graphs is compared on, made of the world's own words and locks.
#include <gtest/gtest.h>

#include "tests/explore/port_search_run.h"
#include "tests/explore/program_text.h"
#include "tests/explore/random_program.h"
#include "tests/explore/reference.h"

namespace tlblab::inline TLBLAB_WORLD {
namespace {

constexpr MemoryModel models[] = {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak};

struct Memory {
  Atomic<std::int64_t> words[4];
  Spinlock locks[4];
  std::vector<std::int64_t> registers[4];
};

std::int64_t make(Memory& memory, const SmallOp& op) {
  Atomic<std::int64_t>& word = memory.words[op.where];
  std::int64_t expected = op.expected;
  switch (op.kind) {
    case OpKind::load: return word.load(op.o);
    case OpKind::store: word.store(op.value, op.o); break;
    case OpKind::exchange: return word.exchange(op.value, op.o);
    case OpKind::add: return word.fetch_add(op.value, op.o);
    case OpKind::void_add: word.fetch_add(op.value, order::relaxed); break;
    case OpKind::cmpxchg: word.compare_exchange(expected, op.value, op.o); return expected;
    case OpKind::await:
      while (word.load(op.o) != op.value) cpu_relax();
      return op.value;
    case OpKind::mb: smp_mb(); break;
    case OpKind::rmb: smp_rmb(); break;
    case OpKind::wmb: smp_wmb(); break;
    case OpKind::lock: memory.locks[op.where].lock(); break;
    case OpKind::unlock: memory.locks[op.where].unlock(); break;
    case OpKind::read_lock: rcu_read_lock(); break;
    case OpKind::read_unlock: rcu_read_unlock(); break;
    case OpKind::synchronize: synchronize_rcu(); break;
  }
  return 0;
}

// once: each execution of the axioms is one of the search's.
void compare(const SmallProgram& program, MemoryModel model, bool once) {
  FinalStates found;
  const SearchedProgram sum = search_all<Memory>(
      model, static_cast<unsigned>(program.threads.size()),
      [&](Memory& memory, unsigned cpu) {
        for (const SmallOp& op : program.threads[cpu]) {
          const std::int64_t value = make(memory, op);
          if (returns_value(op.kind)) memory.registers[cpu].push_back(value);
        }
      },
      [&](Memory& memory, const std::string& violation) {
        if (!violation.empty()) return;
        FinalState state;
        for (const auto& values : memory.registers)
          state.insert(state.end(), values.begin(), values.end());
        for (unsigned n = 0; n < program.locations; ++n)
          state.push_back(memory.words[n].load(order::relaxed));
        found.insert(std::move(state));
      });
  SCOPED_TRACE(to_text(program));
  SCOPED_TRACE(name_of(model));
  EXPECT_TRUE(sum.complete);
  EXPECT_EQ(sum.lost, 0U);
  const ReferenceResult expected = reference(program, model);
  EXPECT_EQ(found, expected.states);
  if (once) {
    EXPECT_EQ(sum.executions - sum.deadlocks, expected.executions);
  }
}

void compare(const ProgramShape& shape, std::uint64_t first_seed, unsigned programs) {
  for (unsigned n = 0; n < programs && !testing::Test::HasFailure(); ++n)
    for (const MemoryModel model : models)
      compare(random_program(first_seed + n, shape), model, !shape.rcu);
}

TEST(PortSearch, AgreesWithTheAxioms) {
  compare({.void_adds = false, .rcu = false}, 1, 100);
  compare(
      {.ops = 5, .locations = 1, .locks = 2, .void_adds = false, .rcu = false, .lock_cycles = true},
      1, 100);
  compare({.threads = 3, .ops = 3, .void_adds = false, .rcu = false}, 1, 100);
}

TEST(PortSearch, AgreesWithTheAxiomsAboutLoops) {
  compare({.void_adds = false, .rcu = false, .awaits = true}, 1, 100);
  compare({.threads = 3, .ops = 3, .locks = 0, .void_adds = false, .rcu = false, .awaits = true}, 1,
          100);
}

TEST(PortSearch, AgreesWithTheAxiomsAboutGracePeriods) {
  compare({.void_adds = false}, 1, 100);
  compare({.threads = 3, .ops = 3, .void_adds = false}, 1, 100);
}

}  // namespace
}  // namespace tlblab::inline TLBLAB_WORLD
