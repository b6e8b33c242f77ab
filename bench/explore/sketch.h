// SPDX-License-Identifier: GPL-2.0-or-later
// Small programs whose control flow depends on what they read, under the complete search. A thread is a
// coroutine that stands at each of its operations until the search makes it:
//
//   Task takes_a_pin(Cpu cpu) {
//     const std::uint64_t seen = co_await cpu.load(entry);
//     if (seen == 0) co_return;
//     ...
//
// g++ 12 miscompiles a co_await within a condition.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "harness/explore/graph_search.h"

namespace tlblab {

struct Operation {
  enum Kind : std::uint8_t { load, store, modify, await, fence, lock, unlock } kind;
  GraphSearch::Access access{};
  std::uint64_t value = 0, most = 0;  // what is stored; what is awaited, up to `most`
  Modify modify_with{};
  bool noreturn = false;
  GraphEventKind fence_kind = GraphEventKind::mb;
};

// Returns what was read, or nothing: it has to wait.
[[nodiscard]] std::optional<std::uint64_t> make(GraphSearch& search, const Operation& operation);

class Task {
 public:
  struct promise_type {
    Operation operation{};  // that the thread stands at
    std::uint64_t value = 0;

    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static std::suspend_always final_suspend() noexcept { return {}; }
    static void return_void() noexcept {}
    static void unhandled_exception() noexcept { std::terminate(); }

    struct Stand {
      promise_type* promise;
      static bool await_ready() noexcept { return false; }
      static void await_suspend(std::coroutine_handle<>) noexcept {}
      std::uint64_t await_resume() const noexcept { return promise->value; }
    };
    Stand await_transform(const Operation& stands_at) noexcept {
      operation = stands_at;
      return {this};
    }
  };

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), begun_(other.begun_) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  ThreadStep step(GraphSearch& search) {
    if (!std::exchange(begun_, true)) handle_.resume();  // to its first operation
    if (handle_.done()) return ThreadStep::ended;
    const auto value = make(search, handle_.promise().operation);
    if (!value) return ThreadStep::waits;
    handle_.promise().value = *value;
    handle_.resume();
    return ThreadStep::moved;
  }

 private:
  std::coroutine_handle<promise_type> handle_;
  bool begun_ = false;
};

// The operations of one thread. What it reports is 0 before it does.
class Cpu {
 public:
  Cpu(unsigned number, std::uint64_t& result) : number_(number), result_(&result) {}
  void report(std::uint64_t result) const noexcept { *result_ = result; }

  [[nodiscard]] Operation load(unsigned location, order o = order::relaxed) const {
    return {.kind = Operation::load, .access = access(location, o)};
  }
  // Of an address that the thread's read number `from` gave.
  [[nodiscard]] Operation load_through(unsigned location, unsigned from) const {
    Operation operation = load(location);
    operation.access.address_from = 1ULL << from;
    return operation;
  }
  [[nodiscard]] Operation store(unsigned location,
                                std::uint64_t value,
                                order o = order::relaxed) const {
    return {.kind = Operation::store, .access = access(location, o), .value = value};
  }
  [[nodiscard]] Operation modify(unsigned location, const Modify& with) const {
    return {.kind = Operation::modify, .access = access(location), .modify_with = with};
  }
  [[nodiscard]] Operation fetch_add(unsigned location,
                                    std::uint64_t value,
                                    order o = order::relaxed) const {
    return modify(location, {.op = Modify::add, .o = o, .operand = value});
  }
  [[nodiscard]] Operation void_add(unsigned location, std::uint64_t value) const {
    Operation operation = fetch_add(location, value);
    operation.noreturn = true;
    return operation;
  }
  [[nodiscard]] Operation exchange(unsigned location,
                                   std::uint64_t value,
                                   order o = order::relaxed) const {
    return modify(location, {.op = Modify::exchange, .o = o, .operand = value});
  }
  [[nodiscard]] Operation cmpxchg(unsigned location,
                                  std::uint64_t old,
                                  std::uint64_t value,
                                  order o = order::relaxed) const {
    return modify(location,
                  {.op = Modify::compare_exchange, .o = o, .operand = value, .expected = old});
  }
  [[nodiscard]] Operation await(unsigned location,
                                std::uint64_t least,
                                std::uint64_t most,
                                order o = order::acquire) const {
    return {.kind = Operation::await, .access = access(location, o), .value = least, .most = most};
  }
  [[nodiscard]] Operation await(unsigned location, std::uint64_t value) const {
    return await(location, value, value);
  }
  [[nodiscard]] Operation fence(GraphEventKind kind) const {
    return {.kind = Operation::fence, .access = access(0), .fence_kind = kind};
  }
  [[nodiscard]] Operation lock(unsigned location) const {
    return {.kind = Operation::lock, .access = access(location)};
  }
  [[nodiscard]] Operation unlock(unsigned location) const {
    return {.kind = Operation::unlock, .access = access(location)};
  }

 private:
  [[nodiscard]] GraphSearch::Access access(unsigned location, order o = order::relaxed) const {
    return {.thread = number_, .location = location, .o = o};
  }
  unsigned number_;
  std::uint64_t* result_;
};

using Results = std::span<const std::uint64_t>;  // of each thread

struct Sketch {
  std::vector<std::uint64_t> words{};  // what each location holds at the beginning
  std::vector<std::function<Task(Cpu)>> threads{};
  unsigned daemons = 0;                      // the last of them, which may wait for ever
  bool commute_additions = false;            // GraphSearch's
  unsigned same_from = 0, same_program = 0;  // GraphSearch's: these threads are
  std::function<bool(Results)> is_wrong{};   // of an execution that has ended; none: nothing is
};

struct SketchOutcome {
  GraphCounts counts;
  std::uint64_t wrong = 0;  // executions
};

[[nodiscard]] SketchOutcome search_sketch(const Sketch& sketch, MemoryModel model);

}  // namespace tlblab
