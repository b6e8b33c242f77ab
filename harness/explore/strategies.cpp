// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/strategies.h"

namespace tlblab {

namespace {

// Below this are the priorities that are given at the changes.
constexpr std::uint64_t initial = std::uint64_t{1} << 63;

std::uint64_t below(std::uint64_t bound, std::uint64_t seed) noexcept {
  return mixed(seed) % bound;
}

constexpr ActorSet actors_of_cpu(unsigned cpu) noexcept {
  ActorSet own;
  for (unsigned kind = 0; kind < actor_kinds; ++kind)
    own |= ActorSet::of(actor_of(static_cast<ActorKind>(kind), cpu));
  return own;
}

}  // namespace

// ---- PCT ----------------------------------------------------------------------------------------

PctChooser::PctChooser(std::uint64_t seed, unsigned depth, std::uint64_t length) noexcept
    : seed_(seed), length_(length), random_(seed), changes_(depth - 1) {
  std::uint64_t state = mixed(seed);
  constexpr unsigned first_drawn = 64;
  const auto draw = [&](unsigned actor) { priority_[actor] = initial | (state = mixed(state)); };
  for (unsigned actor = 0; actor < first_drawn; ++actor) draw(actor);
  for (unsigned n = 0; n < changes_; ++n) change_at_[n] = below(length, state = mixed(state));
  // Last, so that what all others do does not depend on whether there are any.
  for (unsigned actor = first_drawn; actor < max_actors; ++actor) draw(actor);
}

void PctChooser::restart() noexcept { *this = PctChooser(seed_, changes_ + 1, length_); }

unsigned PctChooser::choose(const ChoicePoint& point) noexcept {
  if (point.hardware()) return random_.choose(point);
  unsigned actor = highest(point.enabled);
  // The one that is to fall lowest falls last, so that two changes at one choice count as such.
  for (unsigned n = changes_; n-- > 0;) {
    if (change_at_[n] != choices_) continue;
    priority_[actor] = n;
    actor = highest(point.enabled);
  }
  ++choices_;
  return point.index_of(actor);
}

unsigned PctChooser::highest(const ActorSet& enabled) const noexcept {
  unsigned best = enabled.first();
  for (ActorSet rest = enabled - ActorSet::of(best); !rest.empty();) {
    const unsigned actor = rest.first();
    if (priority_[actor] > priority_[best]) best = actor;
    rest -= ActorSet::of(actor);
  }
  return best;
}

Chooser& PctStrategy::choose(std::uint64_t seed, std::uint64_t number, std::uint64_t length) {
  chooser_ = PctChooser(seed, static_cast<unsigned>(number % depths) + 1, length);
  return chooser_;
}

// ---- the bound ----------------------------------------------------------------------------------

BoundedChooser::BoundedChooser(std::uint64_t seed, unsigned bound, std::uint64_t length)
    : random_(seed) {
  std::uint64_t state = mixed(seed);
  for (unsigned n = 0; n < bound; ++n) preempt_at_.push_back(below(length, state = mixed(state)));
  std::ranges::sort(preempt_at_);
}

void BoundedChooser::restart() noexcept {
  random_.restart();
  choices_ = 0;
  preemptions_ = 0;
}

unsigned BoundedChooser::choose(const ChoicePoint& point) noexcept {
  if (point.hardware()) return random_.choose(point);
  const ActorSet own = actors_of_cpu(cpu_of_actor(point.running));
  // Two preemptions drawn for one choice are two: the second comes at the next.
  const bool preempt = preemptions_ < preempt_at_.size() && preempt_at_[preemptions_] <= choices_;
  ++choices_;
  if (!point.is_enabled(point.running)) return any_of(point.enabled, point);
  const ActorSet others = point.enabled - own;
  if (!preempt || others.software == 0) return any_of(point.enabled & own, point);
  ++preemptions_;
  return any_of(others, point);
}

unsigned BoundedChooser::any_of(const ActorSet& actors, const ChoicePoint& point) noexcept {
  const ChoicePoint among{point.position, actors, actors.size(), point.running};
  return point.index_of(among.actor(random_.choose(among)));
}

Chooser& BoundedStrategy::choose(std::uint64_t seed, std::uint64_t, std::uint64_t length) {
  chooser_ = BoundedChooser(seed, bound_, length);
  return chooser_;
}

// ---- what executions teach ------------------------------------------------------------------------

Strategy::Lesson LearningStrategy::lesson() const {
  if (!began_) return taught_;
  const Lesson last = last_lesson();
  return {std::max(taught_.longest, last.longest), taught_.reached + last.reached};
}

void LearningStrategy::learn(const Lesson& lesson) {
  taught_ = {std::max(taught_.longest, lesson.longest), taught_.reached + lesson.reached};
}

Chooser& LearningStrategy::begin(std::uint64_t seed) {
  go_on_at(number_);
  began_ = true;
  return choose(seed, number_++, length_);
}

void LearningStrategy::go_on_at(std::uint64_t number) {
  taught_ = lesson();
  began_ = false;
  number_ = number;
  if (begins_round(number)) length_ = std::max(length_, taught_.longest);
}

}  // namespace tlblab
