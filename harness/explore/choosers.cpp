// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/choosers.h"

#include <algorithm>

namespace tlblab {

unsigned RandomChooser::choose(const ChoicePoint& point) noexcept {
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  const std::uint64_t high = state_ * 0x2545f4914f6cdd1dULL >> 32;
  return static_cast<unsigned>(high * point.choices >> 32);
}

unsigned ReplayChooser::choose(const ChoicePoint& point) noexcept {
  if (const auto answer = asked_for(point)) return *answer;
  if (point.hardware() || !point.is_enabled(point.running)) return 0;
  return point.index_of(point.running);
}

std::optional<unsigned> ReplayChooser::asked_for(const ChoicePoint& point) const noexcept {
  if (point.position >= steps_.size()) return std::nullopt;
  const ScheduleStep& step = steps_[point.position];
  if (step.hardware != point.hardware()) return std::nullopt;
  if (step.hardware)
    return step.value < point.choices ? std::optional<unsigned>(step.value) : std::nullopt;
  return point.is_enabled(step.actor) ? std::optional(point.index_of(step.actor)) : std::nullopt;
}

std::optional<std::size_t> first_departure(std::span<const ScheduleStep> asked,
                                           std::span<const ScheduleStep> executed) noexcept {
  const auto [a, e] = std::ranges::mismatch(asked, executed);
  if (a == asked.end()) return std::nullopt;
  return static_cast<std::size_t>(a - asked.begin());
}

}  // namespace tlblab
