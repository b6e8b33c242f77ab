// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/explore/machine_walk.h"

#include <array>
#include <optional>

#include "harness/explore/choosers.h"
#include "harness/explore/port_search.h"
#include "mm/world.h"

namespace tlblab {

namespace {

constexpr unsigned most = 16;  // locations, and locks

struct Words {
  std::array<Atomic<std::int64_t>, most> at;
  std::array<Spinlock, most> locks;
};

void make(Words& words, const SmallOp& op) {
  Atomic<std::int64_t>& word = words.at[op.where];
  switch (op.kind) {
    case OpKind::load: static_cast<void>(word.load(op.o)); break;
    case OpKind::store: word.store(op.value, op.o); break;
    case OpKind::exchange: static_cast<void>(word.exchange(op.value, op.o)); break;
    case OpKind::add:
    case OpKind::void_add: static_cast<void>(word.fetch_add(op.value, op.o)); break;
    case OpKind::cmpxchg: {
      std::int64_t expected = op.expected;
      static_cast<void>(word.compare_exchange(expected, op.value, op.o));
      break;
    }
    case OpKind::await:
      while (word.load(op.o) != op.value) cpu_relax();
      break;
    case OpKind::mb: smp_mb(); break;
    case OpKind::rmb: smp_rmb(); break;
    case OpKind::wmb: smp_wmb(); break;
    case OpKind::lock: words.locks[op.where].lock(); break;
    case OpKind::unlock: words.locks[op.where].unlock(); break;
    case OpKind::read_lock: rcu_read_lock(); break;
    case OpKind::read_unlock: rcu_read_unlock(); break;
    case OpKind::synchronize: synchronize_rcu(); break;
  }
}

// False: it is to be made again.
bool walk(const SmallProgram& program, PortSearch* memory, std::uint64_t seed, MachineWalks& sum) {
  static std::optional<Words> words;  // known by their addresses
  words.emplace();
  RandomChooser chooser(seed);
  MachineOptions options;
  options.cpus = static_cast<unsigned>(program.threads.size());
  options.chooser = &chooser;
  Machine machine(options);
  if (memory != nullptr) memory->begin_walk();
  machine.search_with(memory);
  machine.run([&](unsigned cpu) {
    for (const SmallOp& op : program.threads[cpu]) make(*words, op);
  });
  if (memory != nullptr && memory->is_to_be_repeated()) return false;
  ++sum.executions;
  sum.steps += machine.result().steps;
  return true;
}

}  // namespace

MachineWalks walk_machine(const SmallProgram& program,
                          MemoryModel model,
                          std::uint64_t executions) {
  PortSearch memory(model, static_cast<unsigned>(program.threads.size()));
  PortSearch* decides = model == MemoryModel::sc ? nullptr : &memory;
  MachineWalks sum;
  for (std::uint64_t seed = 1; sum.executions < executions;)
    if (walk(program, decides, seed, sum)) ++seed;
  return sum;
}

}  // namespace tlblab
