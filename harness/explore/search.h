// SPDX-License-Identifier: GPL-2.0-or-later
// A search by random walks: executions whose seeds come from one seed, until one ends in a
// violation or a budget is spent. The same seed, options and program give the same result, but for
// the times, and for where a time budget or a stop falls; whatever the number of processes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "harness/world/explore/chooser.h"

namespace tlblab {

// Says who chooses in each execution of a search; a function of the seeds it was given so far. What
// it learns from executions it uses from the next round on: rounds begin at the executions 0, 1, 2, 4,
// 8 and so on. So those of one round may be made in any order, by several processes.
class Strategy {
 public:
  virtual ~Strategy() = default;
  // Lives until the next call.
  [[nodiscard]] virtual Chooser& begin(std::uint64_t seed) = 0;

  // ---- for those that share a round ----
  // The next execution has this number. REQUIRES: a round begins there, or this one of the same.
  virtual void go_on_at(std::uint64_t number) = 0;
  struct Lesson {
    std::uint64_t longest = 0;  // most choices that an execution had
    std::uint64_t reached = 0;  // executions that used all that they may
  };
  // Of all executions so far, and of what it was told of others.
  [[nodiscard]] virtual Lesson lesson() const = 0;
  virtual void learn(const Lesson& lesson) = 0;
};
[[nodiscard]] constexpr bool begins_round(std::uint64_t execution) noexcept {
  return (execution & (execution - 1)) == 0;
}

struct SearchOptions {
  std::uint64_t seed = 1;
  std::uint64_t max_executions = std::numeric_limits<std::uint64_t>::max();
  std::chrono::nanoseconds time_budget = std::chrono::nanoseconds::max();
  Strategy* strategy = nullptr;    // null: a random walk
  bool stop_at_violation = true;   // else they are counted, and the first one kept
  unsigned jobs = 1;               // processes that share the rounds (workers.h)
  std::uint64_t share_from = 128;  // executions in a round; a smaller one is made by one process
  // What executions leave beside their results, as Strategy has it: what is learnt in a round is used from
  // the next one on. tell() gives what came since it was asked last, hear() takes it from another process.
  std::function<void()> begin_round{};
  std::function<std::string()> tell{};
  std::function<void(const std::string&)> hear{};
  std::function<void(std::uint64_t executions)> on_progress{};  // often
};

enum class SearchEnd : std::uint8_t { violation, executions, time, stopped };

struct FoundViolation {
  std::uint64_t execution = 0;  // number of it, from 0
  ExecutionResult result;
};

struct SearchResult {
  SearchEnd end = SearchEnd::executions;
  std::uint64_t executions = 0;
  std::uint64_t violations = 0;
  std::uint64_t steps = 0;
  std::uint64_t choices = 0;
  std::chrono::nanoseconds elapsed{};
  std::optional<FoundViolation> first;

  [[nodiscard]] double ns_per_step() const noexcept;
};

// One execution of the program under search. Its result is the world's, or what an oracle added.
using Execute = std::function<ExecutionResult(Chooser&)>;

class RandomSearch {
 public:
  explicit RandomSearch(const SearchOptions& options) noexcept : options_(options) {}
  // `stop` is looked at between executions; a signal handler may set it.
  [[nodiscard]] SearchResult run(const Execute& execute, const std::atomic<bool>& stop) const;

 private:
  SearchOptions options_;
};

// ---- what a search is made of (search_jobs.cpp) ----

// Execution `number` of the search is made, and counted.
void make_execution(const SearchOptions& options,
                    const Execute& execute,
                    std::uint64_t number,
                    SearchResult& sum);
// All executions up to `end` are made, from the one that is next and begins a round; fewer, if time or
// `stop` ends it.
void make_round(const SearchOptions& options,
                const Execute& execute,
                const std::atomic<bool>& stop,
                std::chrono::steady_clock::time_point start,
                std::uint64_t end,
                SearchResult& sum);

}  // namespace tlblab
