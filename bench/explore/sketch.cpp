// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/explore/sketch.h"

namespace tlblab {

std::optional<std::uint64_t> make(GraphSearch& search, const Operation& operation) {
  const GraphSearch::Access& access = operation.access;
  switch (operation.kind) {
    case Operation::load: return search.load(access);
    case Operation::store: search.store(access, operation.value); return 0;
    case Operation::modify: return search.modify(access, operation.modify_with, operation.noreturn);
    case Operation::await: return search.await(access, operation.value, operation.most);
    case Operation::fence: search.fence(access.thread, operation.fence_kind); return 0;
    case Operation::lock:
      if (!search.lock(access.thread, access.location)) return std::nullopt;
      return 0;
    case Operation::unlock: search.unlock(access.thread, access.location); return 0;
  }
  return std::nullopt;
}

SketchOutcome search_sketch(const Sketch& sketch, MemoryModel model) {
  const auto threads = static_cast<unsigned>(sketch.threads.size());
  const std::uint32_t daemons = (1U << threads) - (1U << (threads - sketch.daemons));
  GraphSearch search(model, threads);
  for (const std::uint64_t initial : sketch.words) search.add_location(initial);
  search.same_program(sketch.same_from, sketch.same_program);
  if (sketch.commute_additions) search.commute_additions();
  SketchOutcome outcome;
  std::vector<std::uint64_t> results;
  std::vector<Task> tasks;
  while (search.next()) {
    results.assign(threads, 0);
    tasks.clear();
    for (unsigned n = 0; n < threads; ++n) tasks.push_back(sketch.threads[n]({n, results[n]}));
    const std::uint64_t ended = search.counts().executions;
    if (ended == 0) outcome.wrong = 0;  // it may begin anew
    execute(search, threads, [&](unsigned thread) { return tasks[thread].step(search); }, daemons);
    if (search.counts().executions == ended) continue;
    if (sketch.is_wrong && sketch.is_wrong(results)) ++outcome.wrong;
  }
  outcome.counts = search.counts();
  return outcome;
}

}  // namespace tlblab
