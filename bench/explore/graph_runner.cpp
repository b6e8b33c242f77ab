// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/explore/graph_runner.h"

#include <algorithm>

namespace tlblab {

namespace {

class Runner {
 public:
  Runner(const SmallProgram& program, MemoryModel model, const GraphRunOptions& options)
      : program_(program),
        options_(options),
        search_(model, static_cast<unsigned>(program.threads.size())),
        registers_(program.threads.size()) {
    for (unsigned n = 0; n < program.locations + program.locks; ++n) search_.add_location(0);
    search_.same_program(0, options.same_program);
    if (options.commute_additions) search_.commute_additions();
  }

  GraphOutcome run() {
    while (search_.next()) {
      if (search_.counts().executions == 0) outcome_ = {};  // it may begin anew
      for (auto& values : registers_) values.clear();
      done_.assign(program_.threads.size(), 0);
      hidden_ = 0;
      execute(search_, static_cast<unsigned>(program_.threads.size()),
              [this](unsigned thread) { return step(thread); });
      if (ended()) note();
    }
    outcome_.counts = search_.counts();
    return std::move(outcome_);
  }

 private:
  [[nodiscard]] bool ended() const {
    for (std::size_t t = 0; t < done_.size(); ++t)
      if (done_[t] != program_.threads[t].size()) return false;
    return !search_.is_cut();
  }

  ThreadStep step(unsigned thread) {
    if (done_[thread] == program_.threads[thread].size()) return ThreadStep::ended;
    const SmallOp& op = program_.threads[thread][done_[thread]];
    std::int64_t value = 0;
    if (!make(thread, op, value)) return ThreadStep::waits;
    if (returns_value(op.kind)) registers_[thread].push_back(value);
    ++done_[thread];
    return ThreadStep::moved;
  }

  bool make(unsigned thread, const SmallOp& op, std::int64_t& value) {
    const unsigned lock = program_.locations + op.where;
    switch (op.kind) {
      case OpKind::mb: search_.fence(thread, GraphEventKind::mb); return true;
      case OpKind::rmb: search_.fence(thread, GraphEventKind::rmb); return true;
      case OpKind::wmb: search_.fence(thread, GraphEventKind::wmb); return true;
      case OpKind::read_lock: search_.fence(thread, GraphEventKind::read_lock); return true;
      case OpKind::read_unlock: search_.fence(thread, GraphEventKind::read_unlock); return true;
      case OpKind::synchronize: search_.fence(thread, GraphEventKind::grace_period); return true;
      case OpKind::lock: return search_.lock(thread, lock);
      case OpKind::unlock: search_.unlock(thread, lock); return true;
      default: return access(thread, op, value);
    }
  }

  bool access(unsigned thread, const SmallOp& op, std::int64_t& value) {
    const GraphSearch::Access where{.thread = thread, .location = op.where, .o = op.o};
    if (op.where == options_.hidden_location && bypass(op, value)) return true;
    switch (op.kind) {
      case OpKind::load: value = static_cast<std::int64_t>(search_.load(where)); return true;
      case OpKind::store: search_.store(where, static_cast<std::uint64_t>(op.value)); return true;
      case OpKind::exchange: value = modify(where, op, Modify::exchange); return true;
      case OpKind::add:
      case OpKind::void_add: value = modify(where, op, Modify::add); return true;
      case OpKind::cmpxchg: value = modify(where, op, Modify::compare_exchange); return true;
      default: break;
    }
    const auto awaited = search_.await(where, static_cast<std::uint64_t>(op.value));
    value = op.value;
    return awaited.has_value();
  }

  bool bypass(const SmallOp& op, std::int64_t& value) {
    if (op.kind == OpKind::load)
      value = hidden_;
    else if (op.kind == OpKind::store)
      hidden_ = op.value;
    else
      return false;
    return true;
  }

  std::int64_t modify(const GraphSearch::Access& where, const SmallOp& op, Modify::Op what) {
    const Modify modify{.op = what,
                        .o = op.kind == OpKind::void_add ? order::relaxed : op.o,
                        .operand = static_cast<std::uint64_t>(op.value),
                        .expected = static_cast<std::uint64_t>(op.expected)};
    return static_cast<std::int64_t>(search_.modify(where, modify, op.kind == OpKind::void_add));
  }

  void note() {
    if (options_.classes) ++outcome_.classes[execution_class()];
    if (!options_.states) return;
    FinalState state;
    for (const auto& values : registers_) state.insert(state.end(), values.begin(), values.end());
    for (unsigned n = 0; n < program_.locations; ++n)
      state.push_back(n == options_.hidden_location
                          ? hidden_
                          : static_cast<std::int64_t>(search_.last_value(n)));
    outcome_.states.insert(std::move(state));
  }

  [[nodiscard]] std::vector<std::uint32_t> execution_class() const {
    const ExecutionGraph& graph = search_.graph();
    const auto name = [&](EventId id) {
      return id == initial_write ? 0 : graph.event(id).thread * 0x10000U + graph.event(id).po + 1;
    };
    std::vector<std::uint32_t> all;
    for (unsigned t = 0; t < graph.threads(); ++t)
      for (const EventId id : graph.thread(t))
        if (graph.event(id).is_read()) all.push_back(name(graph.event(id).source));
    for (const GraphLocation& location : graph.locations())
      for (const EventId id : location.writes) all.push_back(name(id));
    return all;
  }

  const SmallProgram& program_;
  GraphRunOptions options_;
  GraphSearch search_;
  GraphOutcome outcome_;
  std::vector<std::vector<std::int64_t>> registers_;
  std::vector<std::size_t> done_;
  std::int64_t hidden_ = 0;
};

}  // namespace

GraphOutcome search_graphs(const SmallProgram& program,
                           MemoryModel model,
                           const GraphRunOptions& options) {
  return Runner(program, model, options).run();
}

}  // namespace tlblab
