// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/explore/graph_runner.h"

#include <algorithm>

namespace tlblab {

namespace {

// From which reads of a thread its values come, also through its own stores.
class Dependencies {
 public:
  explicit Dependencies(unsigned locations) : stores_(locations) {}
  [[nodiscard]] std::uint64_t of(std::uint64_t reads) const noexcept {
    std::uint64_t from = 0;
    for (std::size_t n = 0; n < reads_.size(); ++n)
      if ((reads >> n & 1) != 0) from |= reads_[n];
    return from;
  }
  void stored(const GraphSearch::Access& where) { stores_[where.location] = where.data_from; }
  void read(const GraphSearch::Access& where, bool own, bool modifies, bool computes) {
    std::uint64_t from = 1ULL << reads_.size();
    if (own) from |= stores_[where.location];
    reads_.push_back(from);
    if (modifies) stores_[where.location] = where.data_from | (computes ? from : 0);
  }

 private:
  std::vector<std::uint64_t> reads_;   // from 0, those of locks not counted
  std::vector<std::uint64_t> stores_;  // the last one, by location
};

bool has_dependencies(const SmallProgram& program) {
  return std::ranges::any_of(program.threads, [](const auto& thread) {
    return std::ranges::any_of(thread, [](const SmallOp& op) {
      return (op.address_from | op.data_from | op.control_from) != 0;
    });
  });
}

class Runner {
 public:
  Runner(const SmallProgram& program, MemoryModel model, const GraphRunOptions& options)
      : program_(program),
        options_(options),
        has_dependencies_(has_dependencies(program)),
        search_(model, static_cast<unsigned>(program.threads.size())),
        registers_(program.threads.size()),
        control_(program.threads.size()) {
    for (unsigned n = 0; n < program.locations + program.locks; ++n)
      names_.push_back(search_.add_location(0));
    search_.same_program(0, options.same_program);
    if (options.commute_additions) search_.commute_additions();
  }

  GraphOutcome run() {
    while (search_.next()) {
      if (search_.counts().executions == 0) outcome_ = {};  // it may begin anew
      for (auto& values : registers_) values.clear();
      dependencies_.assign(program_.threads.size(), Dependencies(program_.locations));
      for (auto& control : control_) control.clear();
      done_.assign(program_.threads.size(), 0);
      hidden_ = 0;
      execute(search_, static_cast<unsigned>(program_.threads.size()),
              [this](unsigned thread) { return step(thread); });
      if (options_.load_buffering != nullptr && !search_.is_cut()) feed(*options_.load_buffering);
      if (ended()) note();
    }
    outcome_.counts = search_.counts();
    return std::move(outcome_);
  }

 private:
  // Words whose additions commute have locations of their own for them.
  void feed(LoadBuffering& buffering) {
    while (names_.size() < search_.graph().locations().size()) names_.push_back(names_.size());
    buffering.add(search_.graph(), names_, control_);
  }

  [[nodiscard]] bool ended() const {
    for (std::size_t t = 0; t < done_.size(); ++t)
      if (done_[t] != program_.threads[t].size()) return false;
    return !search_.is_cut();
  }

  ThreadStep step(unsigned thread) {
    if (done_[thread] == program_.threads[thread].size()) return ThreadStep::ended;
    const SmallOp& op = program_.threads[thread][done_[thread]];
    std::int64_t value = 0;
    if (!make(thread, op, value) || search_.is_stuck(thread)) return ThreadStep::waits;
    control_[thread].resize(search_.made(thread), dependencies_[thread].of(op.control_from));
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
    Dependencies& values = dependencies_[thread];
    const GraphSearch::Access where{.thread = thread,
                                    .location = op.where,
                                    .o = op.o,
                                    .address_from = values.of(op.address_from),
                                    .data_from = values.of(op.data_from)};
    if (!make(where, op, value) || search_.is_stuck(thread)) return false;
    if (!has_dependencies_ || op.where == options_.hidden_location) return true;
    if (op.kind == OpKind::store) return values.stored(where), true;
    const GraphEvent& read = search_.last_read();
    const bool own =
        read.source != initial_write && search_.graph().event(read.source).thread == thread;
    values.read(where, own, read.modifies, read.modify.computes());
    return true;
  }

  bool make(const GraphSearch::Access& where, const SmallOp& op, std::int64_t& value) {
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
  bool has_dependencies_;
  GraphSearch search_;
  GraphOutcome outcome_;
  std::vector<std::vector<std::int64_t>> registers_;
  std::vector<Dependencies> dependencies_;  // of each thread
  LoadBuffering::Control control_;
  std::vector<std::size_t> done_;
  std::vector<LoadBuffering::Name> names_;  // locations
  std::int64_t hidden_ = 0;
};

}  // namespace

GraphOutcome search_graphs(const SmallProgram& program,
                           MemoryModel model,
                           const GraphRunOptions& options) {
  return Runner(program, model, options).run();
}

}  // namespace tlblab
