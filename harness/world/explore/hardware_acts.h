// SPDX-License-Identifier: GPL-2.0-or-later
// What the hardware of a CPU does unasked: it walks the tables ahead of any access and fills the TLB
// (a speculative walk), drops an entry (an eviction), or takes an invalidate that another CPU has
// issued before that one waits for it (an arrival). They are actors (chooser.h). The world knows no
// TLB: who has one says how (Machine::let_hardware_act), the machine says when, and for which of the
// addresses.
//
// An act is one step, like the access window of an access of that CPU. It is made at any moment at
// which the CPU is in none: interrupts off or on, while it runs, waits, sleeps or has ended. So no
// invalidate of the CPU comes between the look at an entry and the fill, and a fill never outlives an
// invalidate that came after it. A real walk may be slow, and read an upper entry long before the lower
// one. That is shown all the same: the upper one is what the walk cache keeps, and a later walk starts
// there.
//
// Each CPU has so many acts of a kind in an execution, or a search would have no end. Nothing waits for
// them: when nothing else is left to move the execution is over. Only a complete search makes them all;
// those that come when all is done change nothing.
#pragma once

#include <array>
#include <span>

#include "harness/world/explore/chooser.h"

namespace tlblab {

struct HardwareActs {
  // On the CPU that runs, inside an access window. Null: it has no such thing.
  using Act = void (*)(vaddr_t va);
  struct Kind {
    Act act = nullptr;
    unsigned times = 0;  // per CPU
    [[nodiscard]] bool is_on() const noexcept { return act != nullptr && times != 0; }
  };
  Kind walk, evict, arrive;
  std::span<const vaddr_t> addresses{};  // one of them each time

  [[nodiscard]] const Kind& of(ActorKind kind) const noexcept {
    if (kind == ActorKind::walker) return walk;
    return kind == ActorKind::evict ? evict : arrive;
  }
  [[nodiscard]] bool has(const Kind& kind) const noexcept {
    return !addresses.empty() && kind.is_on();
  }
  [[nodiscard]] bool any() const noexcept { return has(walk) || has(evict) || has(arrive); }
};
inline constexpr std::array hardware_kinds{ActorKind::walker, ActorKind::evict, ActorKind::arrive};

}  // namespace tlblab
