// SPDX-License-Identifier: GPL-2.0-or-later
// Three CPUs of one address space that take turns: a schedule by hand, the same in both worlds.
#pragma once

#include <gtest/gtest.h>

#include "tests/oracle/rig.h"

namespace tlblab::inline TLBLAB_WORLD {

using Kinds = std::set<std::string>;

inline Kinds kinds_of(std::initializer_list<std::string_view> names) {
  return {names.begin(), names.end()};
}

inline constexpr vaddr_t x = arena_start, y = arena_start + page_size;

template <class A>
struct OracleCase {
  explicit OracleCase(struct fixes fixes = {}) : fixes_(fixes) {}

  // Three CPUs: `act`, `other`, `user`, each with the mm in use and x, y mapped. They come after
  // turn 0, which maps, and end when all are through.
  template <class Act, class Other, class User>
  void run(Act act, Other other, User user) {
    rig_.run(fixes_, [&](unsigned cpu) {
      use_mm<A>(mm());
      if (cpu == 0) turns_.turn(0, [&] { map(x, 8); });
      if (cpu == 0)
        act();
      else if (cpu == 1)
        other();
      else
        user();
      unuse_mm<A>();
    });
  }
  mm_struct& mm() noexcept { return rig_.mm(); }
  template <class Do>
  void turn(unsigned n, Do act) noexcept {
    turns_.turn(n, act);
  }
  void map(vaddr_t va, std::uint64_t pages) {
    EXPECT_EQ(do_mmap<A>(mm(), {.address = va,
                                .length = pages * page_size,
                                .flags = VM_READ | VM_WRITE,
                                .fixed = true}),
              static_cast<std::int64_t>(va));
  }
  void write(vaddr_t va) noexcept { EXPECT_EQ(user_write<A>(mm(), va, 1), AccessResult::done); }
  void read(vaddr_t va) noexcept {
    std::uint64_t value = 0;
    EXPECT_EQ(user_read<A>(mm(), va, value), AccessResult::done);
  }
  // The translation alone: what it leads to may be freed memory.
  void look(vaddr_t va) noexcept {
    const access_window_of<A> window;
    static_cast<void>(A::translate(va, Access::read));
  }
  // Outside of any call, so that RCU callbacks can run.
  void wait_until_freed(const page* table, std::uint32_t generation) noexcept {
    while (table->generation.load(order::acquire) == generation) {
      cpu_event(CpuEvent::tick);
      cpu_relax();
    }
  }

  Rig<A> rig_{{.cpus = 3}, small_tlb, 512};
  struct fixes fixes_;
  Turns turns_;
};

inline void nothing() noexcept {}

}  // namespace tlblab::inline TLBLAB_WORLD
