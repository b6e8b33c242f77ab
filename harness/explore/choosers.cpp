// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/choosers.h"

#include <algorithm>

namespace tlblab {

void RandomChooser::draw_first() noexcept {
  state_ = first_;
  draw();
}

// For the next question: who asks now need not wait for it.
void RandomChooser::draw() noexcept {
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  drawn_ = state_ * 0x2545f4914f6cdd1dULL >> 32;
}

unsigned RandomChooser::take(unsigned choices) noexcept {
  const auto answer = static_cast<unsigned>(drawn_ * choices >> 32);
  draw();
  return answer;
}

unsigned RandomChooser::choose(const ChoicePoint& point) noexcept {
  if (point.enabled.hardware == 0) [[likely]]
    return take(point.choices);
  const unsigned hardware = count_actors(point.enabled.hardware), rest = point.choices - hardware;
  if (rest == 0) return take(hardware);
  const unsigned one_in = 1U << first_ % factors;
  return take(one_in) == 0 ? rest + take(hardware) : take(rest);
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
