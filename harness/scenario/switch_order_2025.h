// SPDX-License-Identifier: GPL-2.0-or-later
// A CPU that comes back to an mm says so and then looks how often the mm was flushed meanwhile; who flushes
// counts first and then looks whom to interrupt. Each stores and loads, so each needs a full barrier between,
// or neither sees the other: x86 too lets a load pass an earlier store.
//
//   CPU0 madvise(DONTNEED) x             CPU1 comes back to the mm
//                                        loaded_mm = switching: in the store buffer
//                                        generation is 1: nothing to flush
//   clear pte[x], generation = 2
//   CPU1 has another mm loaded, or is
//   idle: skip it, its bit stays
//   returns, frees the page
//                                        load x via TLB{x}
//
// switch-order-2025, from another mm: Linux had counted on joining the mm's set, an RMW; since the bit of a
// CPU stays when it leaves (209954cbc7d0) there is often nothing to set. 83b0177a6c48 puts the barrier where
// the RMW is not (switch-mb). lazy-order-2018, from idle, with the mm still loaded: leave-lazy-mb.
//
// Real threads: yes+delay; the window is a store buffer.
#pragma once

#include "harness/scenario/switch_race.h"

namespace tlblab::inline TLBLAB_WORLD {

template <GoneTo where>
struct switch_order {
  static constexpr bool idle = where == GoneTo::idle;
  static constexpr Expectation of_switch[]{
      {},
      {.set = "switch-mb", .kind = "frame_freed_while_cached"},
      {.set = "switch-mb", .arches = "x86@6.12,x86@2018", .masked_by = "joining the set is an RMW"},
  };
  static constexpr Expectation of_idle[]{
      {},
      {.set = "leave-lazy-mb", .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = idle ? "lazy-order-2018" : "switch-order-2025",
      .line = idle ? "a CPU wakes up and is passed over by a flush that it does not see either"
                   : "a CPU loads an mm and is passed over by a flush that it does not see either",
      .fixes = idle ? "leave-lazy-mb" : "switch-mb",
      .real_threads = "yes+delay",
      .cpus = 2,
      .crowd_role = 1,
      .arches = "x86,x86@6.12,x86@2018",
      .stalls = idle ? "anywhere" : "",
      .expected = idle ? std::span<const Expectation>(of_idle) : of_switch,
  };

  template <ArchBackend A>
  class Body : public SwitchRace<A, where> {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, 1);
      lab.write(x, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      this->act_as(lab, role, [&] { lab.madvise_dontneed(x, 1); });
    }

   private:
    using SwitchRace<A, where>::x;
  };
};
using switch_order_2025 = switch_order<GoneTo::child>;
using lazy_order_2018 = switch_order<GoneTo::idle>;

}  // namespace tlblab::inline TLBLAB_WORLD
