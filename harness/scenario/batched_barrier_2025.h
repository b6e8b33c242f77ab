// SPDX-License-Identifier: GPL-2.0-or-later
// arm64 issues an invalidate for every page that reclaim unmaps and puts off only the wait for them. Who
// needed them done before changing entries waited too, with a DSB of his own; but a DSB waits for what its
// own CPU has issued. Introduced by 43b3dfdd0455 (2023), fixed by 4b634918384c: he flushes himself.
//
//   CPU0 reclaim               CPU1 user                     CPU2 mprotect
//                              store x: TLB{x, W}
//   clear pte[x]; TLBI x
//                                                            sees that a flush is due: DSB
//                                                            pte[x] is no entry
//                                                            returns: x is read-only?
//                              store x via TLB{x, W}
//   DSB: now TLB{x} is gone
//
// Real threads: yes+delay.
#pragma once

#include "harness/scenario/batched_pending_2017.h"

namespace tlblab::inline TLBLAB_WORLD {

struct batched_barrier_2025 {
  static constexpr Expectation expected[]{
      {},
      {.set = "batched-flush-mm", .kind = "stale_translation_after_return"},
  };
  static constexpr ScenarioInfo info{
      .name = "batched-barrier-2025",
      .line =
          "an mprotect waits with a barrier of its own for an invalidate that another CPU issued",
      .fixes = "batched-flush-mm",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 1,
      .arches = "arm64",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  using Body = typename batched_pending_2017::template Body<A>;
};

}  // namespace tlblab::inline TLBLAB_WORLD
