// SPDX-License-Identifier: GPL-2.0-or-later
// What a walk (PortSearch::begin_walk) did that no sequentially consistent machine does: reads of values
// that had been overwritten, and which fences would have forced the new ones. Fences are tried where
// they order most, right behind the write that was missed and right before the read: the execution is
// forced if the model forbids its graph with them.
#pragma once

#include <optional>
#include <vector>

#include "harness/explore/port_search.h"

namespace tlblab {

struct StaleUse {
  struct Made {
    unsigned cpu = 0;
    std::uint64_t step = 0;
    std::uint64_t value = 0;
  };
  const void* word = nullptr;
  Made read;
  std::optional<Made> source;  // nothing: what was there before the programs began
  Made missed;                 // the oldest write that it did not see
  // smp_mb, smp_rmb, smp_wmb. Both null: none at these places would have helped.
  const char* after_missed = nullptr;
  const char* before_read = nullptr;
};

// In the order in which they were made.
[[nodiscard]] std::vector<StaleUse> stale_reads(const PortSearch& walk);

}  // namespace tlblab
