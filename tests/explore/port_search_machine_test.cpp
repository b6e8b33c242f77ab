// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search against every schedule, on programs that use what only the machine has: interrupts,
// sections without them, access windows, locks of readers and writers, grace periods, waiting loops,
// choices of the hardware, memory that is given back.
#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/explore/port_search_run.h"
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {
namespace {

enum class Act : unsigned {
  load,
  store,
  add,
  irq_off,  // a load and a store, in a section
  window,
  locked,
  try_locked,
  reading,
  writing,
  section,  // of RCU
  interrupt,
  post,  // an interrupt that is not waited for at once
  callback,
  synchronize,
  wait,
  choice,
  last = choice,
};

struct Step {
  Act act{};
  unsigned word = 0;
  int value = 0;
};
using Program = std::vector<std::vector<Step>>;

struct Machinery {
  Atomic<int> words[2];
  Spinlock lock;
  RwSem sem;
  rcu_head heads[3];
  std::vector<int> seen[3];     // by each CPU
  std::vector<int> handled[3];  // by its handlers
  std::vector<int> called[3];   // by its callbacks
};

Machinery* machinery = nullptr;

void handler(void* word) {
  Machinery& m = *machinery;
  auto& at = *static_cast<Atomic<int>*>(word);
  m.handled[smp_processor_id()].push_back(at.load(order::relaxed));
  at.store(5, order::relaxed);
}
void callback(rcu_head*) {
  Machinery& m = *machinery;
  m.called[smp_processor_id()].push_back(m.words[0].load(order::relaxed));
  m.words[1].store(6, order::relaxed);
}

void use(Machinery& m, unsigned cpu, const Step& step) {
  m.seen[cpu].push_back(m.words[step.word].load(order::relaxed));
  m.words[1 - step.word].store(step.value, order::relaxed);
}

void interrupt(Machinery& m, unsigned cpu, const Step& step, unsigned cpus, bool at_once) {
  cpumask others;
  for (unsigned id = 0; id < cpus; ++id)
    if (id != cpu) others.set(id);
  const ipi_ticket ticket = ipi_post(others, handler, &m.words[step.word]);
  if (!at_once) m.seen[cpu].push_back(m.words[1 - step.word].load(order::relaxed));
  ipi_wait(ticket);
}

void make(Machinery& m, unsigned cpu, const Step& step, unsigned cpus) {
  switch (step.act) {
    case Act::load: m.seen[cpu].push_back(m.words[step.word].load(order::relaxed)); break;
    case Act::store: m.words[step.word].store(step.value, order::relaxed); break;
    case Act::add: m.seen[cpu].push_back(m.words[step.word].fetch_add(1, order::full)); break;
    case Act::irq_off:
      local_irq_save();
      use(m, cpu, step);
      local_irq_restore();
      break;
    case Act::window: {
      const access_window<false> window;
      use(m, cpu, step);
      break;
    }
    case Act::locked:
      m.lock.lock();
      use(m, cpu, step);
      m.lock.unlock();
      break;
    case Act::try_locked:
      if (!m.lock.trylock()) {
        m.seen[cpu].push_back(-1);
        break;
      }
      use(m, cpu, step);
      m.lock.unlock();
      break;
    case Act::reading:
      m.sem.down_read();
      use(m, cpu, step);
      m.sem.up_read();
      break;
    case Act::writing:
      m.sem.down_write();
      use(m, cpu, step);
      m.sem.up_write();
      break;
    case Act::section:
      rcu_read_lock();
      use(m, cpu, step);
      rcu_read_unlock();
      break;
    case Act::interrupt: interrupt(m, cpu, step, cpus, true); break;
    case Act::post: interrupt(m, cpu, step, cpus, false); break;
    case Act::callback: call_rcu(&m.heads[cpu], callback); break;
    case Act::synchronize: synchronize_rcu(); break;
    case Act::wait:
      while (m.words[step.word].load(order::relaxed) == 0) cpu_relax();
      break;
    case Act::choice: m.seen[cpu].push_back(static_cast<int>(choose(2))); break;
  }
}

using Outcome = std::vector<std::vector<int>>;

Outcome outcome_of(Machinery& m, const std::string& violation) {
  if (!violation.empty()) return {{}};
  Outcome all(m.seen, m.seen + 3);
  all.insert(all.end(), m.handled, m.handled + 3);
  all.insert(all.end(), m.called, m.called + 3);
  all.push_back({m.words[0].load(order::relaxed), m.words[1].load(order::relaxed)});
  return all;
}

void run(Machinery& m, const Program& program, unsigned cpu) {
  machinery = &m;
  for (const Step& step : program[cpu]) make(m, cpu, step, static_cast<unsigned>(program.size()));
}

// Nothing if there are too many schedules.
std::optional<std::set<Outcome>> by_every_schedule(const Program& program) {
  constexpr unsigned most = 40'000;
  std::set<Outcome> found;
  EverySchedule chooser;
  unsigned schedules = 0;
  do {
    if (++schedules > most) return std::nullopt;
    Machinery state;
    MachineOptions options;
    options.cpus = static_cast<unsigned>(program.size());
    options.chooser = &chooser;
    Machine machine(options);
    machine.run([&](unsigned cpu) { run(state, program, cpu); });
    found.insert(outcome_of(state, machine.result().violation));
  } while (chooser.next());
  return found;
}

std::set<Outcome> by_search(const Program& program, MemoryModel model) {
  std::set<Outcome> found;
  const SearchedProgram sum = search_all<Machinery>(
      model, static_cast<unsigned>(program.size()),
      [&](Machinery& m, unsigned cpu) { run(m, program, cpu); },
      [&](Machinery& m, const std::string& violation) { found.insert(outcome_of(m, violation)); });
  EXPECT_TRUE(sum.complete);
  EXPECT_EQ(sum.lost, 0U);
  return found;
}

std::string text_of(const Program& program) {
  std::string text;
  for (const auto& steps : program) {
    text += "P:";
    for (const Step& step : steps)
      text += " " + std::to_string(static_cast<unsigned>(step.act)) + "(" +
              std::to_string(step.word) + "," + std::to_string(step.value) + ")";
    text += "\n";
  }
  return text;
}

Program random_machine_program(unsigned seed, unsigned cpus, unsigned steps) {
  std::mt19937 random(seed);
  Program program(cpus);
  for (auto& own : program) {
    bool calls_back = false;
    while (own.size() < steps) {
      const auto act = static_cast<Act>(random() % (static_cast<unsigned>(Act::last) + 1));
      if (act == Act::callback && std::exchange(calls_back, true)) continue;  // one head each
      own.push_back({act, static_cast<unsigned>(random() % 2), static_cast<int>(random() % 3) + 1});
    }
  }
  return program;
}

std::set<Outcome> without(const std::set<Outcome>& all, const std::set<Outcome>& those) {
  std::set<Outcome> left;
  std::ranges::set_difference(all, those, std::inserter(left, left.end()));
  return left;
}

void compare(unsigned first_seed, unsigned programs, unsigned cpus, unsigned steps) {
  unsigned compared = 0;
  for (unsigned seed = first_seed; seed < first_seed + programs; ++seed) {
    const Program program = random_machine_program(seed, cpus, steps);
    const auto expected = by_every_schedule(program);
    if (!expected) continue;
    ++compared;
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text_of(program));
    const std::set<Outcome> sc = by_search(program, MemoryModel::sc);
    EXPECT_EQ(without(*expected, sc), std::set<Outcome>{}) << "missed";
    EXPECT_EQ(without(sc, *expected), std::set<Outcome>{}) << "made up";
    const std::set<Outcome> tso = by_search(program, MemoryModel::tso);
    const std::set<Outcome> weak = by_search(program, MemoryModel::weak);
    EXPECT_EQ(without(sc, tso), std::set<Outcome>{});
    EXPECT_EQ(without(tso, weak), std::set<Outcome>{});
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(compared, programs / 2);
}

TEST(PortSearchOnTheMachine, FindsWhatEveryScheduleFinds) {
  compare(1, 60, 2, 1);
  compare(1, 120, 2, 2);
  compare(1, 100, 3, 1);
}

}  // namespace
}  // namespace tlblab::inline TLBLAB_WORLD
