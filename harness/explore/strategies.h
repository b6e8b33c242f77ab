// SPDX-License-Identifier: GPL-2.0-or-later
// Strategies of a random search that do better than a walk. Both need to know how many choices an
// execution has, and take the most that one had in the rounds before (search.h): so the first
// executions teach it.
//
// Choices are counted, not steps: where only one actor can move, who has which priority makes no
// difference. The setup of a scenario, made by one CPU while the others wait, so costs nothing.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "harness/explore/choosers.h"
#include "harness/explore/search.h"

namespace tlblab {

// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010).
// Every actor (CPUs, deliveries of interrupts, RCU callbacks) has a random priority and the highest
// that can move does; at depth - 1 random choices the one that would go on falls below all others.
// A bug that needs `depth` ordered steps, of n actors and k choices, is found with a probability of
// at least 1 / (n * k^(depth - 1)) in each execution.
class PctChooser final : public Chooser {
 public:
  static constexpr unsigned most_depth = 8;

  // REQUIRES: 1 <= depth <= most_depth, 1 <= length.
  PctChooser(std::uint64_t seed, unsigned depth, std::uint64_t length) noexcept;
  [[nodiscard]] unsigned choose(const ChoicePoint& point) noexcept override;
  void restart() noexcept override;
  // Choices between actors so far.
  [[nodiscard]] std::uint64_t choices() const noexcept { return choices_; }

 private:
  [[nodiscard]] unsigned highest(const ActorSet& enabled) const noexcept;

  std::uint64_t seed_;
  std::uint64_t length_;
  RandomChooser random_;
  std::array<std::uint64_t, max_actors> priority_{};
  std::array<std::uint64_t, most_depth> change_at_{};  // the first depth - 1 count
  unsigned changes_;
  std::uint64_t choices_ = 0;
};

// A CPU that can go on does, but at no more than `bound` random choices: there another CPU may
// move. Where it cannot, any may. Its own interrupts and callbacks come at any of its steps.
class BoundedChooser final : public Chooser {
 public:
  // REQUIRES: 1 <= length.
  BoundedChooser(std::uint64_t seed, unsigned bound, std::uint64_t length);
  [[nodiscard]] unsigned choose(const ChoicePoint& point) noexcept override;
  void restart() noexcept override;
  [[nodiscard]] std::uint64_t choices() const noexcept { return choices_; }
  // Times that a CPU that could go on did not.
  [[nodiscard]] unsigned preemptions() const noexcept { return preemptions_; }

 private:
  [[nodiscard]] unsigned any_of(const ActorSet& actors, const ChoicePoint& point) noexcept;

  RandomChooser random_;
  std::vector<std::uint64_t> preempt_at_;  // sorted
  std::uint64_t choices_ = 0;
  unsigned preemptions_ = 0;
};

// Knows the number of the execution, and how many choices one may have.
class LearningStrategy : public Strategy {
 public:
  [[nodiscard]] Chooser& begin(std::uint64_t seed) final;
  void go_on_at(std::uint64_t number) final;
  [[nodiscard]] Lesson lesson() const final;
  void learn(const Lesson& lesson) final;

 protected:
  // Of the execution `number`, which has that many choices at most.
  virtual Chooser& choose(std::uint64_t seed, std::uint64_t number, std::uint64_t length) = 0;
  // Of the execution that began last.
  [[nodiscard]] virtual Lesson last_lesson() const = 0;

 private:
  bool began_ = false;  // one of those that are not in taught_ yet
  std::uint64_t number_ = 0, length_ = 1;
  Lesson taught_;
};

// Depths 1 to 4 in turn.
class PctStrategy final : public LearningStrategy {
 public:
  static constexpr unsigned depths = 4;

 private:
  Chooser& choose(std::uint64_t seed, std::uint64_t number, std::uint64_t length) override;
  [[nodiscard]] Lesson last_lesson() const override { return {chooser_.choices(), 0}; }

  PctChooser chooser_{1, 1, 1};
};

class BoundedStrategy final : public LearningStrategy {
 public:
  explicit BoundedStrategy(unsigned bound) : bound_(bound) {}
  // Executions, up to the one that began last, in which a CPU was preempted as often as may be.
  [[nodiscard]] std::uint64_t bound_reached() const { return lesson().reached; }

 private:
  Chooser& choose(std::uint64_t seed, std::uint64_t number, std::uint64_t length) override;
  [[nodiscard]] Lesson last_lesson() const override {
    return {chooser_.choices(), chooser_.preemptions() == bound_ ? 1U : 0U};
  }

  unsigned bound_;
  BoundedChooser chooser_{1, 0, 1};
};

}  // namespace tlblab
