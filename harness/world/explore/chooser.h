// SPDX-License-Identifier: GPL-2.0-or-later
// What a search sees of the explore world. Knows no world, so harness/explore, which implements
// Chooser, is compiled once.
//
// Everything that can move is an actor: a CPU (its body, or the handler that interrupted it), the
// delivery of the interrupt that waits for a CPU, and the RCU callbacks of a CPU. An execution is
// the list of who moved and what the hardware chose; the same list is the same execution.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tlblab {

// Actors are bits of one word, three to a CPU.
inline constexpr unsigned max_explored_cpus = 64 / 3;

enum class ActorKind : std::uint8_t { cpu, irq, rcu };
// The higher interrupts the lower on one CPU, and is over before that goes on.
constexpr unsigned rank_of(ActorKind kind) noexcept {
  return kind == ActorKind::irq ? 2 : kind == ActorKind::rcu ? 1 : 0;
}

constexpr unsigned actor_of(ActorKind kind, unsigned cpu) noexcept {
  return static_cast<unsigned>(kind) * max_explored_cpus + cpu;
}
constexpr ActorKind kind_of_actor(unsigned actor) noexcept {
  return static_cast<ActorKind>(actor / max_explored_cpus);
}
constexpr unsigned cpu_of_actor(unsigned actor) noexcept { return actor % max_explored_cpus; }
constexpr std::uint64_t actor_bit(unsigned actor) noexcept { return 1ULL << actor; }

// One entry of a schedule: an actor made a step, or a CPU had choose(n) answered with `value`.
struct ScheduleStep {
  std::uint8_t actor = 0;
  bool hardware = false;
  std::uint16_t value = 0;
  friend bool operator==(const ScheduleStep&, const ScheduleStep&) noexcept = default;
};
inline constexpr unsigned max_hardware_choices = 1U << 16;
// Value of a step that a complete search made and that without one is none.
inline constexpr std::uint16_t silent_step_value = 1;

// A question with more than one answer.
struct ChoicePoint {
  std::uint64_t position = 0;  // entries of the schedule so far
  std::uint64_t enabled = 0;   // actors that can move, a bit each; 0: the hardware chooses
  unsigned choices = 0;        // how many answers there are
  unsigned running = 0;        // actor of the CPU that asks
  std::span<const ScheduleStep> so_far{};  // the schedule up to here; until the answer is given

  [[nodiscard]] bool hardware() const noexcept { return enabled == 0; }
  [[nodiscard]] bool is_enabled(unsigned actor) const noexcept {
    return (enabled & actor_bit(actor)) != 0;
  }
  // The actor that the answer `index` means.
  [[nodiscard]] unsigned actor(unsigned index) const noexcept {
    std::uint64_t rest = enabled;
    while (index-- != 0) rest &= rest - 1;
    return static_cast<unsigned>(std::countr_zero(rest));
  }
  // The answer that means `actor`, which is enabled.
  [[nodiscard]] unsigned index_of(unsigned actor) const noexcept {
    return static_cast<unsigned>(std::popcount(enabled & (actor_bit(actor) - 1)));
  }
};

// Asked at every real choice, on the stack of a simulated CPU: touches nothing of the simulated
// kernel. A function of what it was asked so far and of nothing else, or replay breaks.
class Chooser {
 public:
  virtual ~Chooser() = default;
  // Less than point.choices.
  [[nodiscard]] virtual unsigned choose(const ChoicePoint& point) noexcept = 0;
  // The execution is made again, from its beginning.
  virtual void restart() noexcept {}
};

struct ExecutionResult {
  std::string violation;       // kind of the broken invariant that ended it; empty: ran to the end
  unsigned cpu = 0;            // where
  bool cut_short = false;      // the harness asked for the end (Machine::request_end)
  std::uint64_t steps = 0;     // visible steps
  std::uint64_t choices = 0;   // of them and of the hardware's: those with more than one answer
  std::uint64_t switches = 0;  // from one CPU to another
  std::vector<ScheduleStep> schedule;

  [[nodiscard]] bool ok() const noexcept { return violation.empty(); }
};

}  // namespace tlblab
