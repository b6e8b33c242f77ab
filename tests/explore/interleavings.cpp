// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/interleavings.h"

#include <algorithm>
#include <array>
#include <compare>
#include <deque>
#include <functional>
#include <iterator>
#include <utility>

namespace tlblab {

namespace {

using Word = std::int64_t;

// A store, or the end of a read section, on its way to memory.
struct Entry {
  bool ends_section = false;
  unsigned where = 0;
  Word value = 0;
  friend auto operator<=>(const Entry&, const Entry&) = default;
};

struct Cpu {
  std::size_t done = 0;  // operations
  std::vector<Word> returned;
  std::deque<Entry> buffer;        // oldest first
  unsigned nesting = 0;            // of read sections
  unsigned begun = 0, ended = 0;   // outermost read sections; ended for all to see
  std::vector<unsigned> awaiting;  // in a grace period: how many sections of each CPU must end
  friend auto operator<=>(const Cpu&, const Cpu&) = default;
};

struct Machine {
  std::vector<Word> memory;  // locations, then locks: 1 is held
  std::vector<Cpu> cpus;
  friend auto operator<=>(const Machine&, const Machine&) = default;
};

class Interleavings {
 public:
  Interleavings(const SmallProgram& program, MemoryModel model) noexcept
      : program_(&program), buffered_(model == MemoryModel::tso) {}

  FinalStates all() {
    visit({.memory = std::vector<Word>(program_->locations + program_->locks),
           .cpus = std::vector<Cpu>(program_->threads.size())});
    return std::move(states_);
  }

 private:
  void visit(const Machine& machine) {
    if (!seen_.insert(machine).second) return;
    bool over = true;
    for (unsigned cpu = 0; cpu < machine.cpus.size(); ++cpu) {
      const bool drained = machine.cpus[cpu].buffer.empty();
      if (!drained) drain(machine, cpu);
      const bool finished = machine.cpus[cpu].done == program_->threads[cpu].size();
      if (!finished) step(machine, cpu);
      over &= drained && finished;
    }
    if (over) states_.insert(state_of(machine));
  }

  void drain(Machine machine, unsigned cpu) {
    Cpu& its = machine.cpus[cpu];
    const Entry entry = its.buffer.front();
    its.buffer.pop_front();
    reaches_memory(machine, cpu, entry);
    visit(machine);
  }

  static void reaches_memory(Machine& machine, unsigned cpu, const Entry& entry) {
    if (entry.ends_section)
      ++machine.cpus[cpu].ended;
    else
      machine.memory[entry.where] = entry.value;
  }

  void step(Machine machine, unsigned cpu) {
    const SmallOp& op = program_->threads[cpu][machine.cpus[cpu].done];
    if (drains_first(op.kind) && !machine.cpus[cpu].buffer.empty()) return;
    if (op.kind == OpKind::synchronize && machine.cpus[cpu].awaiting.empty())
      return start_grace_period(machine, cpu);
    if (!execute(machine, cpu, op)) return;
    ++machine.cpus[cpu].done;
    visit(machine);
  }

  static bool drains_first(OpKind kind) noexcept {
    using enum OpKind;
    constexpr std::array kinds{exchange, add, void_add, cmpxchg, mb, lock, synchronize};
    return std::ranges::find(kinds, kind) != kinds.end();
  }

  // False if it must wait.
  bool execute(Machine& machine, unsigned cpu, const SmallOp& op) {
    Cpu& its = machine.cpus[cpu];
    const Word found = read(machine, cpu, op.where);
    switch (op.kind) {
      case OpKind::load: break;
      case OpKind::await:
        if (found != op.value) return false;
        break;
      case OpKind::store: put(machine, cpu, {.where = op.where, .value = op.value}); break;
      case OpKind::exchange: machine.memory[op.where] = op.value; break;
      case OpKind::add:
      case OpKind::void_add: machine.memory[op.where] += op.value; break;
      case OpKind::cmpxchg:
        if (found == op.expected) machine.memory[op.where] = op.value;
        break;
      case OpKind::lock:
        if (std::exchange(machine.memory[lock_word(op)], 1) != 0) return false;
        break;
      case OpKind::unlock: put(machine, cpu, {.where = lock_word(op)}); break;
      case OpKind::read_lock: its.begun += its.nesting++ == 0; break;
      case OpKind::read_unlock:
        if (--its.nesting == 0) put(machine, cpu, {.ends_section = true});
        break;
      case OpKind::synchronize: return end_grace_period(machine, cpu);
      case OpKind::mb:
      case OpKind::rmb:
      case OpKind::wmb: break;
    }
    if (returns_value(op.kind)) its.returned.push_back(found);
    return true;
  }

  [[nodiscard]] unsigned lock_word(const SmallOp& op) const noexcept {
    return program_->locations + op.where;
  }

  // A CPU sees its own stores at once.
  static Word read(const Machine& machine, unsigned cpu, unsigned where) {
    const auto& buffer = machine.cpus[cpu].buffer;
    const auto own = std::find_if(buffer.rbegin(), buffer.rend(), [&](const Entry& entry) {
      return !entry.ends_section && entry.where == where;
    });
    return own != buffer.rend() ? own->value : machine.memory[where];
  }

  void put(Machine& machine, unsigned cpu, const Entry& entry) const {
    if (buffered_)
      machine.cpus[cpu].buffer.push_back(entry);
    else
      reaches_memory(machine, cpu, entry);
  }

  void start_grace_period(Machine& machine, unsigned cpu) {
    for (const Cpu& other : machine.cpus) machine.cpus[cpu].awaiting.push_back(other.begun);
    visit(machine);
  }

  static bool end_grace_period(Machine& machine, unsigned cpu) {
    auto& awaiting = machine.cpus[cpu].awaiting;
    if (!std::ranges::equal(machine.cpus, awaiting, std::ranges::greater_equal(), &Cpu::ended))
      return false;
    awaiting.clear();
    return true;
  }

  [[nodiscard]] FinalState state_of(const Machine& machine) const {
    FinalState state;
    for (const Cpu& cpu : machine.cpus) std::ranges::copy(cpu.returned, std::back_inserter(state));
    std::copy_n(machine.memory.begin(), program_->locations, std::back_inserter(state));
    return state;
  }

  const SmallProgram* program_;
  bool buffered_;
  std::set<Machine> seen_;
  FinalStates states_;
};

}  // namespace

FinalStates interleavings(const SmallProgram& program, MemoryModel model) {
  return Interleavings(program, model).all();
}

}  // namespace tlblab
