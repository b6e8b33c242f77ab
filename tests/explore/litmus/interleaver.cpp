// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/litmus/interleaver.h"

#include <algorithm>
#include <utility>

namespace tlblab {
namespace {

using Values = std::vector<LitmusValue>;

struct Reader {
  unsigned depth = 0, section = 0;
};

// Everything at one moment.
struct Moment {
  std::vector<LitmusProcess> processes;
  Values memory;
  std::vector<int> writers;  // of what is in memory; -1: the initial state
  std::vector<Reader> readers;
  // Of a process in synchronize_rcu: the section of each reader that it waits for, or 0.
  std::vector<std::vector<unsigned>> waits;
  std::vector<Values> histories;  // what each process was told: it decides all it does

  [[nodiscard]] Values key() const {
    Values key = memory;
    for (const int writer : writers) key.push_back(writer);
    for (const Reader& reader : readers) key.push_back(reader.depth);
    for (const auto& list : waits) {
      key.push_back(static_cast<LitmusValue>(list.size()));
      key.insert(key.end(), list.begin(), list.end());
    }
    for (const Values& history : histories) {
      key.push_back(static_cast<LitmusValue>(history.size()));
      key.insert(key.end(), history.begin(), history.end());
    }
    return key;
  }
};

class Interleaver {
 public:
  explicit Interleaver(const LitmusProgram& program) : program_(program) {}

  LitmusOutcome run() {
    Moment begin;
    for (const LitmusLocation& location : program_.locations)
      begin.memory.push_back(location.initial);
    begin.writers.assign(program_.locations.size(), -1);
    for (std::size_t n = 0; n < program_.processes.size(); ++n)
      begin.processes.emplace_back(program_, n);
    begin.readers.resize(begin.processes.size());
    begin.waits.resize(begin.processes.size());
    begin.histories.resize(begin.processes.size());
    visit(std::move(begin));
    return std::move(outcome_);
  }

 private:
  void visit(Moment moment) {
    bool ended = true;
    for (LitmusProcess& process : moment.processes) {
      if (process.next()) ended = false;
      if (process.fault()) outcome_.fault = process.fault();
    }
    if (outcome_.fault || !visited_.insert(moment.key()).second) return;
    if (ended) {
      ++outcome_.executions;
      outcome_.tally.add(program_, final_state(program_, moment.processes, moment.memory));
      return;
    }
    bool moved = false;
    for (std::size_t n = 0; n < moment.processes.size(); ++n) {
      Moment later = moment;
      if (!step(later, n)) continue;
      moved = true;
      visit(std::move(later));
    }
    if (!moved) ++outcome_.blocked;
  }

  // False: the process has ended or has to wait.
  static bool step(Moment& m, std::size_t n) {
    const std::optional<LitmusStep> step = m.processes[n].next();
    if (!step) return false;
    LitmusLoaded loaded;
    const std::size_t where = step->access.location;
    switch (step->instruction->op) {
      case CodeOp::load: loaded = read(m, n, where); break;
      case CodeOp::store: write(m, n, where, step->operand); break;
      case CodeOp::rmw: loaded = rmw(m, n, *step); break;
      case CodeOp::spin_lock:
        if (m.memory[where] != 0) return false;
        m.memory[where] = 1;
        break;
      case CodeOp::spin_unlock: m.memory[where] = 0; break;
      case CodeOp::spin_trylock:
        loaded.value = std::exchange(m.memory[where], 1) == 0 ? 1 : 0;
        break;
      case CodeOp::spin_is_locked: loaded.value = m.memory[where]; break;
      case CodeOp::rcu_read_lock:
        if (m.readers[n].depth++ == 0) ++m.readers[n].section;
        break;
      case CodeOp::rcu_read_unlock: --m.readers[n].depth; break;
      case CodeOp::synchronize_rcu:
        if (m.waits[n].empty()) return begin_to_wait(m, n);
        if (!readers_are_gone(m, n)) return false;
        m.waits[n].clear();
        break;
      default:  // fences: one memory, one order
        break;
    }
    m.histories[n].push_back(loaded.value);
    m.processes[n].complete(loaded);
    return true;
  }

  // A step of its own: sections that begin after it are not waited for.
  static bool begin_to_wait(Moment& m, std::size_t n) {
    for (const Reader& reader : m.readers)
      m.waits[n].push_back(reader.depth != 0 ? reader.section : 0);
    return true;
  }

  static bool readers_are_gone(const Moment& m, std::size_t n) {
    for (std::size_t r = 0; r < m.readers.size(); ++r)
      if (m.readers[r].depth != 0 && m.readers[r].section == m.waits[n][r]) return false;
    return true;
  }

  static LitmusLoaded read(const Moment& m, std::size_t n, std::size_t where) {
    return {.value = m.memory[where], .own = m.writers[where] == static_cast<int>(n)};
  }

  static void write(Moment& m, std::size_t n, std::size_t where, LitmusValue value) {
    m.memory[where] = value;
    m.writers[where] = static_cast<int>(n);
  }

  static LitmusLoaded rmw(Moment& m, std::size_t n, const LitmusStep& step) {
    const std::size_t where = step.access.location;
    const LitmusLoaded old = read(m, n, where);
    switch (step.instruction->rmw) {
      case RmwKind::exchange: write(m, n, where, step.operand); break;
      case RmwKind::add: write(m, n, where, old.value + step.operand); break;
      case RmwKind::compare_exchange:
        if (old.value == step.expected) write(m, n, where, step.operand);
        break;
      case RmwKind::add_unless:
        if (old.value != step.expected) write(m, n, where, old.value + step.operand);
        break;
    }
    return old;
  }

  const LitmusProgram& program_;
  std::set<Values> visited_;
  LitmusOutcome outcome_;
};

}  // namespace

LitmusOutcome interleave(const LitmusProgram& program) { return Interleaver(program).run(); }

}  // namespace tlblab
