// SPDX-License-Identifier: GPL-2.0-or-later
// Strategies of a random search that do better than a walk. Both need to know how many choices an
// execution has, and take the most that one has had so far: so the first executions teach it.
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
  [[nodiscard]] unsigned highest(std::uint64_t enabled) const noexcept;

  std::uint64_t seed_;
  std::uint64_t length_;
  RandomChooser random_;
  std::array<std::uint64_t, 64> priority_{};
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
  [[nodiscard]] unsigned any_of(std::uint64_t actors, const ChoicePoint& point) noexcept;

  RandomChooser random_;
  std::vector<std::uint64_t> preempt_at_;  // sorted
  std::uint64_t choices_ = 0;
  unsigned preemptions_ = 0;
};

// Depths 1 to 4 in turn.
class PctStrategy final : public Strategy {
 public:
  static constexpr unsigned depths = 4;
  [[nodiscard]] Chooser& begin(std::uint64_t seed) override;

 private:
  PctChooser chooser_{1, 1, 1};
  std::uint64_t length_ = 1;
  std::uint64_t executions_ = 0;
};

class BoundedStrategy final : public Strategy {
 public:
  explicit BoundedStrategy(unsigned bound) : bound_(bound) {}
  [[nodiscard]] Chooser& begin(std::uint64_t seed) override;
  // Executions, up to the one that began last, in which a CPU was preempted as often as may be.
  [[nodiscard]] std::uint64_t bound_reached() const noexcept;

 private:
  void learn() noexcept;

  unsigned bound_;
  BoundedChooser chooser_{1, 0, 1};
  bool began_ = false;
  std::uint64_t length_ = 1;
  std::uint64_t reached_ = 0;
};

}  // namespace tlblab
