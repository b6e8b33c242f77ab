// SPDX-License-Identifier: GPL-2.0-or-later
// Races of the kernel as sketches of a few operations, on which explorers were compared.
#pragma once

#include "bench/explore/sketch.h"

namespace tlblab {

// KSM makes a page its own while others pin it without a lock (thread 002). The page is mapped read-only:
// the entry is cleared and put back as it was. Wrong: a pin on a page that is no more exclusive.
struct GupBarriers {
  bool ksm_mb = true;   // between clearing the entry and looking for pins
  bool ksm_wmb = true;  // between "no more exclusive" and putting the entry back
  bool gup_mb = true;   // between pinning and looking at the entry again
  bool gup_rmb = true;  // between that and looking whether the page is exclusive
  enum { store, relaxed_exchange, full_exchange } clear = relaxed_exchange;  // of the entry
};
[[nodiscard]] Sketch ksm_and_gup(unsigned gups, const GupBarriers& barriers = {});
// The same with every pin looked for before it is taken and given back in the end, so that there is no
// verdict: 72,487 executions for three under sc, where the prototype's sketch had 94,726.
[[nodiscard]] Sketch ksm_and_passing_gup(unsigned gups);

// madvise(MADV_DONTNEED) of one page on several CPUs at once (thread 000). Each has the page in its TLB.
// Who finds the entry cleared has nothing to flush; `nested_flush`: but flushes if others are under
// way. TLBs are flushed by interrupts, for which each CPU has a handler as a thread of its own. Wrong: a
// CPU uses what is in its TLB when its call is back.
[[nodiscard]] Sketch parallel_dontneed(unsigned zappers, bool nested_flush);

}  // namespace tlblab
