// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/instances/explore_memory.h"

#include <utility>

#include "harness/explore/guide.h"
#include "harness/explore/litmus_export.h"
#include "harness/explore/stale_reads.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr std::uint64_t usual_limit = MachineOptions{}.step_limit;

// What a program reads has no name but its address, which is in the row.
void mark(Execution& execution, StaleRead& stale) {
  for (TraceStep& row : execution.trace) {
    const bool is_it = row.step == stale.read.step && row.cpu == stale.read.cpu &&
                       (row.what == "user_read" || row.object == stale.object);
    if (!is_it) continue;
    if (stale.object.empty()) stale.object = row.object;
    row.text += " (stale)";
    row.key = true;
    return;
  }
}

std::vector<StaleRead> stale_texts(const PortSearch& walk, Recorder& recorder) {
  std::vector<StaleRead> texts;
  const auto place = [](const StaleUse::Made& made) {
    return StaleRead::Place{made.cpu, made.step};
  };
  const auto fence = [](const char* name) { return std::string(name == nullptr ? "" : name); };
  for (const StaleUse& use : stale_reads(walk)) {
    StaleRead& text = texts.emplace_back(
        StaleRead{.read = place(use.read), .missed = place(use.missed), .source = {}});
    if (use.source) text.source = place(*use.source);
    const Recorder::WordText seen = recorder.word_text(use.word, use.read.value);
    text.object = seen.name;
    text.saw = seen.value;
    text.missed_value = recorder.word_text(use.word, use.missed.value).value;
    text.after_missed = fence(use.after_missed);
    text.before_read = fence(use.before_read);
  }
  return texts;
}

}  // namespace

Weakness weakness_of(const PortSearch& walk, Recorder& recorder) {
  LitmusExport litmus = litmus_of(walk.graph(), "found", [&](unsigned location) {
    return recorder.word_text(walk.word_at(location), 0).name;
  });
  Weakness weakness{
      stale_texts(walk, recorder), std::move(litmus.test), std::move(litmus.why_not), {}};
  for (const std::uint64_t name : walk.location_names())
    weakness.words.emplace_back(name, recorder.word_text(PortSearch::word_of(name), 0).name);
  return weakness;
}

Execution walk(const ExploreCalls& calls,
               PortSearch& search,
               Chooser& chooser,
               std::uint64_t step_limit) {
  for (;;) {
    search.begin_walk();
    Execution execution = calls.walked(search, chooser, step_limit, false);
    if (search.is_given_up() && !search.is_to_be_repeated()) {
      execution.result.violation.clear();
      execution.violation = {};
    }
    if (!search.is_to_be_repeated()) return execution;
    chooser.restart();
  }
}

ExploreCalls with_memory(const ExploreCalls& calls, MemoryModel model, PortSearch& search) {
  ExploreCalls all = calls;
  all.memory = name_of(model);
  all.search = [&calls, &search](Chooser& chooser) {
    return walk(calls, search, chooser, usual_limit).result;
  };
  all.again = [&calls, &search](std::uint64_t step_limit) {
    return [&calls, &search, step_limit](Chooser& chooser) {
      return walk(calls, search, chooser, step_limit).result;
    };
  };
  all.record = [&calls, model](Chooser& chooser) {
    PortSearch fresh(model, calls.cpus, calls.hardware);
    static_cast<void>(walk(calls, fresh, chooser, usual_limit));
    chooser.restart();
    fresh.begin_walk();
    Execution execution = calls.walked(fresh, chooser, usual_limit, true);
    for (StaleRead& stale : execution.weakness.stale) mark(execution, stale);
    return execution;
  };
  return all;
}

ExecutionResult as_schedule(const ExploreCalls& calls,
                            MemoryModel model,
                            const ExecutionResult& made,
                            const PortSearch& search) {
  PortSearch same(model, calls.cpus, calls.hardware);
  same.learn_from(search);
  GuideChooser guide(made.schedule, search.graph(), same);
  return walk(calls, same, guide, usual_limit).result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
