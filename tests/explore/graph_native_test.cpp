// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search over programs whose control flow depends on what they read: a ticket lock, a
// Treiber stack, the shape of GUP-fast against KSM. A thread is a coroutine that stands at each of its
// operations until the search makes it. (g++ 12 miscompiles a co_await within a condition.)
#include <coroutine>
#include <exception>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/explore/graph_search.h"

namespace tlblab {
namespace {

using enum order;
using testing::ElementsAre;

// Returns what was read, or nothing: the operation has to wait.
using Attempt = std::function<std::optional<std::uint64_t>()>;

class Task {
 public:
  struct promise_type {
    Attempt attempt;  // of the operation that the thread stands at
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
      [[nodiscard]] std::uint64_t await_resume() const noexcept { return promise->value; }
    };
    Stand await_transform(Attempt operation) {
      attempt = std::move(operation);
      return {this};
    }
  };

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  ThreadStep step() {
    if (!handle_.done() && !handle_.promise().attempt) handle_.resume();  // to its first operation
    if (handle_.done()) return ThreadStep::ended;
    const auto value = handle_.promise().attempt();
    if (!value) return ThreadStep::waits;
    handle_.promise().value = *value;
    handle_.resume();
    return ThreadStep::moved;
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

// The operations of one thread.
struct Cpu {
  GraphSearch& search;
  unsigned number;

  Attempt load(unsigned location, order o) {
    return [=, this] { return std::optional(search.load(access(location, o))); };
  }
  // Of an address that the thread's read number `from` gave.
  Attempt load_through(unsigned location, unsigned from) {
    return [=, this] {
      GraphSearch::Access through = access(location, relaxed);
      through.address_from = 1ULL << from;
      return std::optional(search.load(through));
    };
  }
  Attempt store(unsigned location, std::uint64_t value, order o) {
    return [=, this] {
      search.store(access(location, o), value);
      return std::optional<std::uint64_t>(0);
    };
  }
  Attempt fetch_add(unsigned location, order o) {
    return modify(location, {.op = Modify::add, .o = o, .operand = 1});
  }
  Attempt cmpxchg(unsigned location, std::uint64_t old, std::uint64_t value, order o) {
    return modify(location,
                  {.op = Modify::compare_exchange, .o = o, .operand = value, .expected = old});
  }
  Attempt await(unsigned location, std::uint64_t value, order o) {
    return [=, this] { return search.await(access(location, o), value); };
  }
  Attempt fence(GraphEventKind kind) {
    return [=, this] {
      search.fence(number, kind);
      return std::optional<std::uint64_t>(0);
    };
  }

 private:
  [[nodiscard]] GraphSearch::Access access(unsigned location, order o) const {
    return {.thread = number, .location = location, .o = o};
  }
  Attempt modify(unsigned location, const Modify& what) {
    return [=, this] { return std::optional(search.modify(access(location, relaxed), what)); };
  }
};

using Body = Task (*)(Cpu);

// Executions under sc, tso and weak; what is given up is reported beside.
std::vector<std::uint64_t> executions(unsigned locations, const std::vector<Body>& bodies) {
  const auto threads = static_cast<unsigned>(bodies.size());
  std::vector<std::uint64_t> counts;
  for (const MemoryModel model : {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak}) {
    GraphSearch search(model, threads);
    for (unsigned n = 0; n < locations; ++n) search.add_location(0);
    while (search.next()) {
      std::vector<Task> tasks;
      for (unsigned n = 0; n < threads; ++n) tasks.push_back(bodies[n]({search, n}));
      execute(search, threads, [&](unsigned thread) { return tasks[thread].step(); });
    }
    EXPECT_EQ(search.counts().deadlocks, 0U);
    counts.push_back(search.counts().executions);
    testing::Test::RecordProperty("given_up", std::to_string(search.counts().blocked));
  }
  return counts;
}

// ---- programs -------------------------------------------------------------------------------------

constexpr unsigned next_ticket = 0, owner = 1, guarded = 2;

Task takes_a_ticket(Cpu cpu) {
  const std::uint64_t ticket = co_await cpu.fetch_add(next_ticket, relaxed);
  co_await cpu.await(owner, ticket, acquire);
  const std::uint64_t value = co_await cpu.load(guarded, relaxed);
  co_await cpu.store(guarded, value + 1, relaxed);
  co_await cpu.store(owner, ticket + 1, release);
}

TEST(GraphNative, ATicketLock) {
  EXPECT_THAT(executions(3, {takes_a_ticket, takes_a_ticket, takes_a_ticket}),
              ElementsAre(6, 6, 6));
}

// head is 0 or the number of the topmost node; a node is where the number of the next one lies.
constexpr unsigned head = 0;

// Pushes the node, if it is one, then pops if it is to. A failed cmpxchg says what the next attempt
// begins with. It orders nothing: that a node's contents are seen then is due to the address.
Task uses_the_stack(Cpu cpu, unsigned node, bool pops) {
  unsigned reads = 0;
  if (node != 0) {
    std::uint64_t top = co_await cpu.load(head, relaxed);
    for (reads = 2;; ++reads) {
      co_await cpu.store(node, top, relaxed);
      const std::uint64_t found = co_await cpu.cmpxchg(head, top, node, release);
      if (found == top) break;
      top = found;
    }
  }
  std::uint64_t top = pops ? co_await cpu.load(head, acquire) : 0;
  for (; top != 0; reads += 2) {
    const std::uint64_t next = co_await cpu.load_through(static_cast<unsigned>(top), reads);
    const std::uint64_t found = co_await cpu.cmpxchg(head, top, next, acquire);
    if (found == top) co_return;
    top = found;
  }
}

Task pushes_1(Cpu cpu) { return uses_the_stack(cpu, 1, false); }
Task pushes_2(Cpu cpu) { return uses_the_stack(cpu, 2, false); }
Task pops(Cpu cpu) { return uses_the_stack(cpu, 0, true); }
Task pushes_1_and_pops(Cpu cpu) { return uses_the_stack(cpu, 1, true); }
Task pushes_2_and_pops(Cpu cpu) { return uses_the_stack(cpu, 2, true); }

TEST(GraphNative, ATreiberStack) {
  EXPECT_THAT(executions(3, {pushes_1, pushes_2, pops, pops}), ElementsAre(164, 164, 164));
  EXPECT_THAT(executions(3, {pushes_1_and_pops, pushes_2_and_pops}), ElementsAre(40, 40, 40));
}

// The four barriers of GUP-fast and KSM: the entry is cleared before pins are looked for, a pin is taken
// before the entry is looked at again.
constexpr unsigned entry = 0, pins = 1, exclusive = 2;

Task shares(Cpu cpu) {
  co_await cpu.store(entry, 1, relaxed);  // cleared
  co_await cpu.fence(GraphEventKind::mb);
  const std::uint64_t pinned = co_await cpu.load(pins, relaxed);
  if (pinned != 0) co_return;
  co_await cpu.store(exclusive, 1, relaxed);  // no more
  co_await cpu.fence(GraphEventKind::wmb);
  co_await cpu.store(entry, 2, relaxed);  // mapped again, read-only
}

Task takes_a_pin(Cpu cpu) {
  const std::uint64_t seen = co_await cpu.load(entry, relaxed);
  if (seen == 1) co_return;
  co_await cpu.fetch_add(pins, relaxed);
  co_await cpu.fence(GraphEventKind::mb);
  const std::uint64_t again = co_await cpu.load(entry, relaxed);
  if (again != seen) co_return;
  co_await cpu.fence(GraphEventKind::rmb);
  co_await cpu.load(exclusive, relaxed);
}

TEST(GraphNative, TheShapeOfGupFast) {
  EXPECT_THAT(executions(3, {shares, takes_a_pin}), ElementsAre(6, 6, 6));
}

}  // namespace
}  // namespace tlblab
