// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/search.h"

#include <algorithm>
#include <utility>

#include "harness/explore/choosers.h"

namespace tlblab {

namespace {

using Clock = std::chrono::steady_clock;

void count(SearchResult& sum, std::uint64_t number, ExecutionResult&& one) {
  sum.steps += one.steps;
  sum.choices += one.choices;
  if (!one.ok()) {
    ++sum.violations;
    if (!sum.first) sum.first = FoundViolation{number, std::move(one)};
  }
  ++sum.executions;
}

}  // namespace

double SearchResult::ns_per_step() const noexcept {
  return steps == 0 ? 0 : static_cast<double>(elapsed.count()) / static_cast<double>(steps);
}

void make_execution(const SearchOptions& options,
                    const Execute& execute,
                    std::uint64_t number,
                    SearchResult& sum) {
  const std::uint64_t seed = mixed(options.seed) + number;
  RandomChooser walk(seed);
  count(sum, number, execute(options.strategy != nullptr ? options.strategy->begin(seed) : walk));
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
    const std::uint64_t number = sum.executions;
    if (begins_round(number) && options_.begin_round) options_.begin_round();
    const std::uint64_t round = std::min(number, options_.max_executions - number);
    if (options_.jobs > 1 && begins_round(number) && round != 0 && round >= options_.share_from)
      make_round(options_, execute, stop, start, number + round, sum);
    else
      make_execution(options_, execute, number, sum);
    if (options_.on_progress) options_.on_progress(sum.executions);
  }
  sum.end = *end;
  return sum;
}

}  // namespace tlblab
