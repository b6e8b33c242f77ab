// SPDX-License-Identifier: GPL-2.0-or-later
// What a search sees of the explore world. Knows no world, so harness/explore, which implements
// Chooser, is compiled once.
//
// Everything that can move is an actor: a CPU (its body, or the handler that interrupted it), the
// delivery of the interrupt that waits for a CPU, the RCU callbacks of a CPU, and what its hardware
// does unasked (hardware_acts.h). An execution is the list of who moved and what the hardware chose;
// the same list is the same execution.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tlblab {

// Whatever comes from `walker` on is the hardware's: it is one step, and runs nothing of the CPU.
enum class ActorKind : std::uint8_t { cpu, irq, rcu, walker, evict, arrive };
inline constexpr unsigned actor_kinds = 6;
// Kinds of which every CPU has one; those of the hardware are there if they are asked for.
inline constexpr unsigned software_kinds = 3;
// The software's actors are bits of one word, the hardware's of another.
inline constexpr unsigned max_explored_cpus = 64 / software_kinds;
inline constexpr unsigned software_actors = software_kinds * max_explored_cpus;
inline constexpr unsigned max_actors = actor_kinds * max_explored_cpus;

// The higher interrupts the lower on one CPU, and is over before that goes on. Nothing holds up the
// hardware.
constexpr unsigned rank_of(ActorKind kind) noexcept {
  switch (kind) {
    case ActorKind::cpu: return 0;
    case ActorKind::rcu: return 1;
    case ActorKind::irq: return 2;
    default: return 3;
  }
}

constexpr unsigned actor_of(ActorKind kind, unsigned cpu) noexcept {
  return static_cast<unsigned>(kind) * max_explored_cpus + cpu;
}
// Nearly all steps are of bodies, and need no division.
constexpr ActorKind kind_of_actor(unsigned actor) noexcept {
  if (actor < max_explored_cpus) [[likely]]
    return ActorKind::cpu;
  return static_cast<ActorKind>(actor / max_explored_cpus);
}
constexpr unsigned cpu_of_actor(unsigned actor) noexcept {
  if (actor < max_explored_cpus) [[likely]]
    return actor;
  return actor % max_explored_cpus;
}
constexpr bool is_hardware(unsigned actor) noexcept { return actor >= software_actors; }

// Members of a word of actors: a few. (std::popcount is a call for what every x86 can do.)
constexpr unsigned count_actors(std::uint64_t actors) noexcept {
  unsigned count = 0;
  for (; actors != 0; actors &= actors - 1) ++count;
  return count;
}
// The n-th, from 0. Nothing can foretell which of the first few it is: no branch asks.
constexpr unsigned member_of(std::uint64_t actors, unsigned n) noexcept {
  std::array<std::uint64_t, 4> rest{actors};
  for (;; n -= 3, rest[0] = rest[3]) {
    for (unsigned i = 1; i < rest.size(); ++i) rest[i] = rest[i - 1] & (rest[i - 1] - 1);
    if (n < rest.size()) return static_cast<unsigned>(std::countr_zero(rest[n]));
  }
}

// In the order of their numbers.
struct ActorSet {
  std::uint64_t software = 0, hardware = 0;

  [[nodiscard]] static constexpr ActorSet of(unsigned actor) noexcept {
    if (is_hardware(actor)) return {0, 1ULL << (actor - software_actors)};
    return {1ULL << actor, 0};
  }
  // Of one kind, on the CPUs that are given by a bit each.
  [[nodiscard]] static constexpr ActorSet on_cpus(ActorKind kind, std::uint32_t cpus) noexcept {
    const unsigned first = actor_of(kind, 0);
    if (is_hardware(first)) return {0, std::uint64_t{cpus} << (first - software_actors)};
    return {std::uint64_t{cpus} << first, 0};
  }

  [[nodiscard]] constexpr bool empty() const noexcept { return (software | hardware) == 0; }
  [[nodiscard]] constexpr bool contains(unsigned actor) const noexcept {
    return !(*this & of(actor)).empty();
  }
  [[nodiscard]] constexpr unsigned size() const noexcept {
    return count_actors(software) + count_actors(hardware);
  }
  // REQUIRES: it is not empty.
  [[nodiscard]] constexpr unsigned first() const noexcept {
    return software != 0 ? static_cast<unsigned>(std::countr_zero(software))
                         : software_actors + static_cast<unsigned>(std::countr_zero(hardware));
  }
  // The n-th, from 0.
  [[nodiscard]] constexpr unsigned member(unsigned n) const noexcept {
    if (hardware == 0) [[likely]]
      return member_of(software, n);
    const unsigned others = count_actors(software);
    return n < others ? member_of(software, n) : software_actors + member_of(hardware, n - others);
  }
  // How many come before it.
  [[nodiscard]] constexpr unsigned place_of(unsigned actor) const noexcept {
    const ActorSet self = of(actor);
    if (is_hardware(actor))
      return count_actors(software) + count_actors(hardware & (self.hardware - 1));
    return static_cast<unsigned>(std::popcount(software & (self.software - 1)));
  }

  friend constexpr ActorSet operator|(const ActorSet& a, const ActorSet& b) noexcept {
    return {a.software | b.software, a.hardware | b.hardware};
  }
  friend constexpr ActorSet operator&(const ActorSet& a, const ActorSet& b) noexcept {
    return {a.software & b.software, a.hardware & b.hardware};
  }
  // Without those of the other.
  friend constexpr ActorSet operator-(const ActorSet& a, const ActorSet& b) noexcept {
    return {a.software & ~b.software, a.hardware & ~b.hardware};
  }
  constexpr ActorSet& operator|=(const ActorSet& other) noexcept { return *this = *this | other; }
  constexpr ActorSet& operator-=(const ActorSet& other) noexcept { return *this = *this - other; }
};

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
  std::uint64_t position = 0;              // entries of the schedule so far
  ActorSet enabled{};                      // actors that can move; none: the hardware chooses
  unsigned choices = 0;                    // how many answers there are
  unsigned running = 0;                    // actor of the CPU that asks
  std::span<const ScheduleStep> so_far{};  // the schedule up to here; until the answer is given

  [[nodiscard]] bool hardware() const noexcept { return enabled.empty(); }
  [[nodiscard]] bool is_enabled(unsigned actor) const noexcept { return enabled.contains(actor); }
  // The actor that the answer `index` means.
  [[nodiscard]] unsigned actor(unsigned index) const noexcept { return enabled.member(index); }
  // The answer that means `actor`, which is enabled.
  [[nodiscard]] unsigned index_of(unsigned actor) const noexcept { return enabled.place_of(actor); }
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
