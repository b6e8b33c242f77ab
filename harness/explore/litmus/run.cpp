// SPDX-License-Identifier: GPL-2.0-or-later
// Each step of a process is an operation of the complete search, so the verdict is that of the very
// models under which the port is explored. Plain accesses are made like marked ones, which is right
// for what one process has for itself, and nothing else is let pass.
#include "harness/explore/litmus/run.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "harness/explore/graph_search.h"
#include "harness/explore/litmus/hidden_flow.h"
#include "harness/explore/litmus/parser.h"
#include "harness/explore/load_buffering.h"

namespace tlblab {

namespace {

order order_of(AccessOrder given) noexcept {
  switch (given) {
    case AccessOrder::acquire: return order::acquire;
    case AccessOrder::release: return order::release;
    case AccessOrder::full: return order::full;
    default: return order::relaxed;
  }
}

GraphEventKind kind_of(FenceKind fence) noexcept {
  switch (fence) {
    case FenceKind::mb: return GraphEventKind::mb;
    case FenceKind::rmb: return GraphEventKind::rmb;
    case FenceKind::wmb: return GraphEventKind::wmb;
    case FenceKind::before_atomic: return GraphEventKind::before_atomic;
    case FenceKind::after_atomic: return GraphEventKind::after_atomic;
    case FenceKind::after_spinlock: return GraphEventKind::after_spinlock;
    default: return GraphEventKind::after_unlock_lock;
  }
}

Modify::Op op_of(RmwKind kind) noexcept {
  switch (kind) {
    case RmwKind::exchange: return Modify::exchange;
    case RmwKind::add: return Modify::add;
    case RmwKind::compare_exchange: return Modify::compare_exchange;
    default: return Modify::add_unless;
  }
}

class LitmusRun {
 public:
  LitmusRun(const LitmusProgram& program, MemoryModel model)
      : program_(program),
        model_(model),
        search_(model, static_cast<unsigned>(program.processes.size())),
        users_(program.locations.size()),
        buffering_(static_cast<unsigned>(program.processes.size())),
        control_(program.processes.size()) {
    for (const LitmusLocation& location : program.locations)
      names_.push_back(search_.add_location(static_cast<std::uint64_t>(location.initial)));
  }

  LitmusOutcome run(const std::atomic<bool>& stop) {
    LitmusOutcome outcome;
    while (!outcome.fault && search_.next()) {
      // Relaxed: nothing is published with it.
      if (stop.load(std::memory_order_relaxed)) {
        outcome.interrupted = true;
        break;
      }
      one_execution(outcome);
    }
    const GraphCounts& counts = search_.counts();
    outcome.executions = counts.executions - counts.deadlocks;
    outcome.blocked = counts.blocked + counts.deadlocks;
    outcome.steps = counts.steps;
    if (model_ == MemoryModel::weak && !outcome.interrupted) outcome.buffering = buffering();
    return outcome;
  }

 private:
  // Who has accessed a location in any execution, and where in the text somebody did plainly.
  struct Users {
    std::uint32_t processes = 0;
    unsigned plain_line = 0;
  };

  void one_execution(LitmusOutcome& outcome) {
    processes_.clear();
    for (auto& control : control_) control.clear();
    for (std::size_t n = 0; n < program_.processes.size(); ++n)
      processes_.emplace_back(program_, n);
    execute(search_, static_cast<unsigned>(processes_.size()),
            [&](unsigned process) { return step(process); });
    outcome.fault = fault();
    if (model_ == MemoryModel::weak && !outcome.fault && !search_.is_cut())
      buffering_.add(search_.graph(), names_, control_);
    if (outcome.fault || search_.is_cut() || !all_ended()) return;
    std::vector<LitmusValue> memory;
    for (unsigned n = 0; n < program_.locations.size(); ++n)
      memory.push_back(static_cast<LitmusValue>(search_.last_value(n)));
    outcome.tally.add(program_, final_state(program_, processes_, memory));
  }

  [[nodiscard]] LitmusBuffering buffering() const {
    LitmusBuffering found;
    for (const LoadBuffering::Pair& each : buffering_.pairs()) {
      LitmusBuffering::Pair pair{each.thread, program_.locations[each.read.location].name,
                                 program_.locations[each.write.location].name};
      if (std::ranges::find(found.pairs, pair) == found.pairs.end())
        found.pairs.push_back(std::move(pair));
    }
    for (std::size_t n = 0; n < program_.processes.size(); ++n)
      found.hidden |= has_hidden_flow(program_, n);
    return found;
  }

  [[nodiscard]] bool all_ended() {
    return std::ranges::none_of(processes_,
                                [](LitmusProcess& process) { return process.next().has_value(); });
  }

  [[nodiscard]] std::optional<LitmusFault> fault() const {
    for (const LitmusProcess& process : processes_)
      if (process.fault()) return process.fault();
    for (std::size_t n = 0; n < users_.size(); ++n)
      if (users_[n].plain_line != 0 && std::popcount(users_[n].processes) > 1)
        return LitmusFault{
            users_[n].plain_line,
            "a plain access to " + program_.locations[n].name + ", which another process uses",
            "READ_ONCE or WRITE_ONCE: plain accesses are for what one process has for itself"};
    return std::nullopt;
  }

  ThreadStep step(unsigned process) {
    const std::optional<LitmusStep> next = processes_[process].next();
    if (!next) return ThreadStep::ended;
    note_use(process, *next);
    LitmusLoaded loaded;
    if (!make(process, *next, loaded) || search_.is_stuck(process)) return ThreadStep::waits;
    control_[process].resize(search_.made(process), next->access.control);
    processes_[process].complete(loaded);
    return ThreadStep::moved;
  }

  void note_use(unsigned process, const LitmusStep& step) {
    const CodeOp op = step.instruction->op;
    if (op != CodeOp::load && op != CodeOp::store && op != CodeOp::rmw) return;
    Users& users = users_[step.access.location];
    users.processes |= 1U << process;
    if (step.access.order == AccessOrder::plain) users.plain_line = step.instruction->line;
  }

  // False: it has to wait.
  bool make(unsigned process, const LitmusStep& step, LitmusLoaded& loaded) {
    const unsigned location = step.access.location;
    switch (step.instruction->op) {
      case CodeOp::fence: search_.fence(process, kind_of(step.instruction->fence)); return true;
      case CodeOp::spin_lock: return search_.lock(process, location);
      case CodeOp::spin_unlock: search_.unlock(process, location); return true;
      case CodeOp::spin_trylock:
        loaded.value = search_.trylock(process, location) ? 1 : 0;
        return true;
      case CodeOp::spin_is_locked:
        loaded.value = search_.is_locked(process, location) ? 1 : 0;
        return true;
      case CodeOp::rcu_read_lock: search_.fence(process, GraphEventKind::read_lock); return true;
      case CodeOp::rcu_read_unlock:
        search_.fence(process, GraphEventKind::read_unlock);
        return true;
      case CodeOp::synchronize_rcu:
        search_.fence(process, GraphEventKind::grace_period);
        return true;
      default: access(process, step, loaded); return true;
    }
  }

  void access(unsigned process, const LitmusStep& step, LitmusLoaded& loaded) {
    const GraphSearch::Access access{.thread = process,
                                     .location = step.access.location,
                                     .o = order_of(step.access.order),
                                     .address_from = step.access.address,
                                     .data_from = step.access.data};
    const auto operand = static_cast<std::uint64_t>(step.operand);
    if (step.instruction->op == CodeOp::store) {
      search_.store(access, operand);
      return;
    }
    if (step.instruction->op == CodeOp::load) {
      search_.load(access);
    } else {
      search_.modify(access,
                     {.op = op_of(step.instruction->rmw),
                      .o = access.o,
                      .operand = operand,
                      .expected = static_cast<std::uint64_t>(step.expected)},
                     step.access.order == AccessOrder::noreturn);
    }
    if (search_.is_stuck(process)) return;
    const GraphEvent& read = search_.last_read();
    loaded.value = static_cast<LitmusValue>(read.value);
    loaded.own =
        read.source != initial_write && search_.graph().event(read.source).thread == process;
  }

  const LitmusProgram& program_;
  MemoryModel model_;
  GraphSearch search_;
  std::vector<LitmusProcess> processes_;
  std::vector<Users> users_;
  LoadBuffering buffering_;
  LoadBuffering::Control control_;
  std::vector<LoadBuffering::Name> names_;  // of locations: their numbers
};

}  // namespace

namespace {

bool is_rcu(CodeOp op) noexcept {
  return op == CodeOp::rcu_read_lock || op == CodeOp::rcu_read_unlock ||
         op == CodeOp::synchronize_rcu;
}

static_assert(LitmusLimits::processes <= max_graph_threads);

// What the explorer cannot hold. Each instruction runs at most once; a step on memory makes two events
// at most.
std::optional<LitmusFault> too_large(const LitmusProgram& program) {
  std::size_t events = 0, rcu = 0;
  for (const LitmusCode& code : program.processes) {
    events += 2 * static_cast<std::size_t>(std::ranges::count_if(
                      code.instructions,
                      [](const Instruction& each) { return each.op >= CodeOp::load; }));
    rcu += static_cast<std::size_t>(std::ranges::count_if(
        code.instructions, [](const Instruction& each) { return is_rcu(each.op); }));
  }
  if (events > max_graph_events)
    return LitmusFault{1, "a test that is too long for the explorer", "at most 2048 operations"};
  if (rcu > max_graph_rcu_events)
    return LitmusFault{1, "too many grace periods and read-side sections", "at most 64 calls"};
  return std::nullopt;
}

}  // namespace

LitmusOutcome run_litmus(const LitmusProgram& program,
                         MemoryModel model,
                         const std::atomic<bool>& stop) {
  if (std::optional<LitmusFault> fault = too_large(program))
    return {.tally = {}, .fault = std::move(fault)};
  return LitmusRun(program, model).run(stop);
}

}  // namespace tlblab
