// SPDX-License-Identifier: GPL-2.0-or-later
// Executions whose reads the chooser decides. All of them are what the complete search finds; each that
// the search finds becomes a schedule, and the schedule is that execution again.
#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "harness/explore/choosers.h"
#include "harness/explore/guide.h"
#include "tests/explore/machine_program.h"
#include "tests/explore/port_search_run.h"
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {
namespace {

constexpr MemoryModel models[] = {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak};

// Always in one place: what is tracked is known by its address.
std::optional<Machinery>& place() {
  static std::optional<Machinery> state;
  return state;
}

struct Walked {
  Outcome outcome;
  ExecutionResult result;
};

Walked make(const Program& program, MemorySearch& search, Chooser* chooser) {
  place().emplace();
  ExecutionResult result = run_with(search, chooser, static_cast<unsigned>(program.size()),
                                    [&](unsigned cpu) { run(*place(), program, cpu); });
  return {outcome_of(*place(), result.violation), std::move(result)};
}

Walked walk(const Program& program, PortSearch& walk, Chooser& chooser) {
  for (;;) {
    walk.begin_walk();
    Walked walked = make(program, walk, &chooser);
    if (!walk.is_to_be_repeated()) return walked;
    chooser.restart();
  }
}

// Nothing if there are too many.
std::optional<std::set<Outcome>> by_every_choice(const Program& program, MemoryModel model) {
  constexpr unsigned most = 10'000;
  PortSearch search(model, static_cast<unsigned>(program.size()));
  std::set<Outcome> found;
  EverySchedule chooser;
  unsigned executions = 0;
  for (;;) {
    if (++executions > most) return std::nullopt;
    search.begin_walk();
    const Walked walked = make(program, search, &chooser);
    if (search.is_to_be_repeated()) {
      chooser = {};
      found.clear();
      continue;
    }
    EXPECT_FALSE(walked.result.cut_short);
    found.insert(walked.outcome);
    if (!chooser.next()) return found;
  }
}

std::set<Outcome> by_search(const Program& program, MemoryModel model) {
  std::set<Outcome> found;
  search_all<Machinery>(
      model, static_cast<unsigned>(program.size()),
      [&](Machinery& m, unsigned cpu) { run(m, program, cpu); },
      [&](Machinery& m, const std::string& violation) { found.insert(outcome_of(m, violation)); });
  return found;
}

// Who may read an old value as often as it likes has no end of schedules.
bool waits(const Program& program) {
  return std::ranges::any_of(program, [](const std::vector<Step>& steps) {
    return std::ranges::any_of(steps, [](const Step& step) { return step.act == Act::wait; });
  });
}

void compare(unsigned first_seed, unsigned programs, unsigned cpus, unsigned steps) {
  unsigned compared = 0;
  for (unsigned seed = first_seed; seed < first_seed + programs; ++seed) {
    const Program program = random_machine_program(seed, cpus, steps);
    for (const MemoryModel model : models) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " model " +
                   std::to_string(static_cast<int>(model)) + "\n" + text_of(program));
      if (model != MemoryModel::sc && waits(program)) continue;
      const auto walked = by_every_choice(program, model);
      if (!walked) continue;
      ++compared;
      EXPECT_EQ(*walked, by_search(program, model));
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(compared, programs / 2);
}

TEST(PortWalk, EveryChoiceIsWhatTheSearchFinds) {
  compare(1, 40, 2, 1);
  compare(1, 30, 2, 2);
  compare(1, 15, 3, 1);
}

// The schedule of an execution that a search has made.
Walked guided(const Program& program,
              const ExecutionResult& made,
              const PortSearch& search,
              MemoryModel model) {
  PortSearch again(model, static_cast<unsigned>(program.size()));
  again.learn_from(search);
  GuideChooser guide(made.schedule, search.graph(), again);
  return walk(program, again, guide);
}

void repeat_all(const Program& program, MemoryModel model) {
  const auto cpus = static_cast<unsigned>(program.size());
  PortSearch search(model, cpus);
  for (unsigned executions = 0; executions < 300 && search.next();) {
    const Walked made = make(program, search, nullptr);
    if (search.is_given_up()) continue;
    ++executions;
    const Walked again = guided(program, made.result, search, model);
    ASSERT_EQ(again.outcome, made.outcome);
    PortSearch fresh(model, cpus);
    ReplayChooser replay(again.result.schedule);
    const Walked replayed = walk(program, fresh, replay);
    ASSERT_EQ(replayed.outcome, made.outcome);
    ASSERT_EQ(replayed.result.schedule, again.result.schedule);
  }
}

TEST(PortWalk, WhatASearchFindsIsASchedule) {
  for (unsigned seed = 1; seed <= 60; ++seed)
    for (const MemoryModel model : models) {
      const Program program = random_machine_program(seed, 2 + seed % 2, seed % 3 == 0 ? 2 : 1);
      SCOPED_TRACE("seed " + std::to_string(seed) + " model " +
                   std::to_string(static_cast<int>(model)) + "\n" + text_of(program));
      repeat_all(program, model);
      if (HasFatalFailure()) return;
    }
}

}  // namespace
}  // namespace tlblab::inline TLBLAB_WORLD
