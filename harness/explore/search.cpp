// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/search.h"

#include <utility>

#include "harness/explore/choosers.h"

namespace tlblab {

namespace {

using Clock = std::chrono::steady_clock;

void count(SearchResult& sum, ExecutionResult&& one) {
  sum.steps += one.steps;
  sum.choices += one.choices;
  if (!one.ok()) {
    ++sum.violations;
    if (!sum.first) sum.first = FoundViolation{sum.executions, std::move(one)};
  }
  ++sum.executions;
}

}  // namespace

double SearchResult::ns_per_step() const noexcept {
  return steps == 0 ? 0 : static_cast<double>(elapsed.count()) / static_cast<double>(steps);
}

SearchResult RandomSearch::run(const Execute& execute, const std::atomic<bool>& stop) const {
  SearchResult sum;
  const Clock::time_point start = Clock::now();
  const auto reason_to_end = [&]() -> std::optional<SearchEnd> {
    sum.elapsed = Clock::now() - start;
    if (sum.violations != 0 && options_.stop_at_violation) return SearchEnd::violation;
    if (sum.executions >= options_.max_executions) return SearchEnd::executions;
    // Relaxed: nothing is published with it.
    if (stop.load(std::memory_order_relaxed)) return SearchEnd::stopped;
    if (sum.elapsed >= options_.time_budget) return SearchEnd::time;
    return std::nullopt;
  };
  std::optional<SearchEnd> end;
  while (!(end = reason_to_end())) {
    const std::uint64_t seed = mixed(options_.seed) + sum.executions;
    RandomChooser walk(seed);
    count(sum, execute(options_.strategy != nullptr ? options_.strategy->begin(seed) : walk));
  }
  sum.end = *end;
  return sum;
}

}  // namespace tlblab
