// SPDX-License-Identifier: GPL-2.0-or-later
// Small programs under exploration: a fresh State for each execution, body(state, cpu) on each CPU.
#pragma once

#include <atomic>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "harness/explore/choosers.h"
#include "harness/explore/search.h"
#include "mm/world.h"

namespace tlblab::inline TLBLAB_WORLD {

// Every schedule of a program, one after the other: the answers count up like an odometer.
class EverySchedule final : public Chooser {
 public:
  [[nodiscard]] unsigned choose(const ChoicePoint& point) noexcept override {
    if (at_ == digits_.size()) digits_.push_back({0, point.choices});
    return digits_[at_++].answer;
  }
  // False when all have been seen.
  [[nodiscard]] bool next() {
    at_ = 0;
    while (!digits_.empty() && digits_.back().answer + 1 == digits_.back().choices)
      digits_.pop_back();
    if (digits_.empty()) return false;
    ++digits_.back().answer;
    return true;
  }

 private:
  struct Digit {
    unsigned answer, choices;
  };
  std::vector<Digit> digits_;
  std::size_t at_ = 0;
};

// A step that nobody can see.
inline void step_by(const Atomic<int>& word) { static_cast<void>(word.load(order::relaxed)); }

// One execution. `done` sees the state after an execution that ran to its end.
template <class State, class Body, class Done>
ExecutionResult execute(Chooser* chooser, unsigned cpus, Body body, Done done) {
  State state;
  MachineOptions options;
  options.cpus = cpus;
  options.chooser = chooser;
  options.step_limit = 10'000;
  Machine machine(options);
  machine.run([&](unsigned cpu) { body(state, cpu); });
  if (machine.result().ok()) done(state);
  return machine.result();
}

template <class State, class Body>
ExecutionResult execute(Chooser* chooser, unsigned cpus, Body body) {
  return execute<State>(chooser, cpus, body, [](State&) {});
}

// How every schedule ends: kind of the violation (empty: none), and how many end so.
template <class State, class Body, class Done>
std::map<std::string, unsigned> every_end(unsigned cpus, Body body, Done done) {
  std::map<std::string, unsigned> ends;
  EverySchedule chooser;
  do ++ends[execute<State>(&chooser, cpus, body, done).violation];
  while (chooser.next());
  return ends;
}

template <class State, class Body>
std::map<std::string, unsigned> every_end(unsigned cpus, Body body) {
  return every_end<State>(cpus, body, [](State&) {});
}

// The same for n random walks.
template <class State, class Body>
std::map<std::string, unsigned> random_ends(unsigned walks, unsigned cpus, Body body) {
  std::map<std::string, unsigned> ends;
  for (unsigned seed = 1; seed <= walks; ++seed) {
    RandomChooser chooser(seed);
    ++ends[execute<State>(&chooser, cpus, body).violation];
  }
  return ends;
}

// Every end is this one.
inline void expect_only(const std::map<std::string, unsigned>& ends, const std::string& kind) {
  ASSERT_FALSE(ends.empty());
  for (const auto& [end, count] : ends) EXPECT_EQ(end, kind) << count << " schedules";
}

}  // namespace tlblab::inline TLBLAB_WORLD
