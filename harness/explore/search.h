// SPDX-License-Identifier: GPL-2.0-or-later
// A search by random walks: executions whose seeds come from one seed, until one ends in a
// violation or a budget is spent. The same seed, options and program give the same result, but for
// the times, and for where a time budget or a stop falls.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "harness/world/explore/chooser.h"

namespace tlblab {

// Says who chooses in each execution of a search; a function of the seeds it was given so far.
class Strategy {
 public:
  virtual ~Strategy() = default;
  // Lives until the next call.
  [[nodiscard]] virtual Chooser& begin(std::uint64_t seed) = 0;
};

struct SearchOptions {
  std::uint64_t seed = 1;
  std::uint64_t max_executions = std::numeric_limits<std::uint64_t>::max();
  std::chrono::nanoseconds time_budget = std::chrono::nanoseconds::max();
  Strategy* strategy = nullptr;   // null: a random walk
  bool stop_at_violation = true;  // else they are counted, and the first one kept
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

}  // namespace tlblab
