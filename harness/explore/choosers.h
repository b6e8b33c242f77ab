// SPDX-License-Identifier: GPL-2.0-or-later
// Who chooses: chance, or a schedule that is to be repeated.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "harness/world/explore/chooser.h"

namespace tlblab {

// A well-mixed 64-bit number from another (splitmix64): the seeds of a search's executions.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// A random walk: every answer is as likely as every other, at every choice. Only what the hardware does
// unasked is rarer, in each execution by another factor: it can be done at every step, and would be done
// before anything else.
class RandomChooser final : public Chooser {
 public:
  explicit RandomChooser(std::uint64_t seed) noexcept : first_(mixed(seed) | 1) { draw_first(); }
  [[nodiscard]] unsigned choose(const ChoicePoint& point) noexcept override;
  void restart() noexcept override { draw_first(); }

 private:
  static constexpr unsigned factors = 9;  // powers of two
  void draw_first() noexcept;
  void draw() noexcept;
  [[nodiscard]] unsigned take(unsigned choices) noexcept;

  std::uint64_t first_;
  std::uint64_t state_ = 0;  // of xorshift64*, never 0
  std::uint64_t drawn_ = 0;  // of 32 bits
};

// Repeats a schedule. Where it ends, or where it asks for what cannot be (it was edited, or the
// program has changed), the running CPU goes on as long as it can and the hardware chooses 0.
class ReplayChooser final : public Chooser {
 public:
  explicit ReplayChooser(std::vector<ScheduleStep> steps) noexcept : steps_(std::move(steps)) {}
  [[nodiscard]] unsigned choose(const ChoicePoint& point) noexcept override;

 private:
  [[nodiscard]] std::optional<unsigned> asked_for(const ChoicePoint& point) const noexcept;
  std::vector<ScheduleStep> steps_;
};

// Where an execution left the schedule that it was to repeat: index of the first entry that was
// not obeyed, or that was left over because the execution ended; nothing if all was obeyed.
[[nodiscard]] std::optional<std::size_t> first_departure(
    std::span<const ScheduleStep> asked, std::span<const ScheduleStep> executed) noexcept;

}  // namespace tlblab
