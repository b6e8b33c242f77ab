// SPDX-License-Identifier: GPL-2.0-or-later
// What happened before what, by vector clocks: the judge of data races.
//
// A CPU's clock counts its releases; a release leaves a copy with the word, lock, interrupt or
// grace period, and whoever acquires from there joins it. Two uses of a Shared word, at least one
// of them a write and neither known to the other's CPU, are a data race. A handler counts as its
// CPU: a race of a CPU with its own interrupt is not looked for.
//
// The rules are the orders as written, not what sequentially consistent memory made of them: a
// relaxed store publishes nothing though everybody sees it at once. Fences count as in C++: what
// stood before a write barrier is published by later relaxed stores, and a read barrier acquires
// from earlier relaxed loads. smp_rmb and smp_wmb are taken a little too strong (as acquire and
// release fences), so a race can be missed there; none is invented.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "harness/world/explore/chooser.h"

namespace tlblab::inline TLBLAB_WORLD::detail {

class VectorClock {
 public:
  [[nodiscard]] std::uint32_t of(unsigned cpu) const noexcept { return time_[cpu]; }
  void set(unsigned cpu, std::uint32_t time) noexcept { time_[cpu] = time; }
  void tick(unsigned cpu) noexcept { ++time_[cpu]; }
  void join(const VectorClock& other, unsigned cpus) noexcept {
    for (unsigned cpu = 0; cpu < cpus; ++cpu) time_[cpu] = std::max(time_[cpu], other.time_[cpu]);
  }
  void copy(const VectorClock& other, unsigned cpus) noexcept {
    for (unsigned cpu = 0; cpu < cpus; ++cpu) time_[cpu] = other.time_[cpu];
  }
  [[nodiscard]] bool before(const VectorClock& other, unsigned cpus) const noexcept {
    for (unsigned cpu = 0; cpu < cpus; ++cpu)
      if (time_[cpu] > other.time_[cpu]) return false;
    return true;
  }

 private:
  std::array<std::uint32_t, max_explored_cpus> time_{};
};

// One use: which CPU, at which time of its clock. Times start at 1, so 0 is "none".
using Epoch = std::uint64_t;
constexpr Epoch epoch_of(unsigned cpu, std::uint32_t time) noexcept {
  return Epoch{cpu} << 32 | time;
}

// Uses of a Shared word, stored in the word. Belongs to one execution; older ones count as none.
struct UseHistory {
  std::uint32_t execution = 0;
  std::uint32_t readers = 0;  // 1 + index of a clock of readers; 0: at most one, `read`
  Epoch write = 0;
  Epoch read = 0;
};

// What was released into each word that anybody released into. By address, which is looked up and
// never walked: the order of addresses differs between runs.
class ReleaseTable {
 public:
  void forget_all() noexcept;
  [[nodiscard]] bool empty() const noexcept { return clocks_.empty(); }
  [[nodiscard]] VectorClock* find(const void* word) noexcept {
    if (clocks_.empty()) return nullptr;
    const Slot& slot = slots_[slot_of(word)];
    return slot.age == age_ ? &clocks_[slot.index] : nullptr;
  }
  // The clock of the word, all zero if it had none. Valid until the next obtain().
  [[nodiscard]] VectorClock& obtain(const void* word);

 private:
  struct Slot {
    const void* word = nullptr;
    std::uint32_t age = 0;  // an older one than age_ is empty
    std::uint32_t index = 0;
  };
  // The slot that holds the word, or the empty one where it belongs.
  [[nodiscard]] std::size_t slot_of(const void* word) const noexcept {
    const std::uint64_t key = reinterpret_cast<std::uintptr_t>(word);
    std::size_t at = key * 0x9e3779b97f4a7c15ULL >> shift_;
    while (slots_[at].age == age_ && slots_[at].word != word) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow();

  std::vector<Slot> slots_ = std::vector<Slot>(256);
  std::vector<VectorClock> clocks_;
  unsigned shift_ = 64 - 8;
  std::uint32_t age_ = 1;
};

}  // namespace tlblab::inline TLBLAB_WORLD::detail
