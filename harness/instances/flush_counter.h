// SPDX-License-Identifier: GPL-2.0-or-later
// Counts what flushing takes, of the events of one CPU; interrupts are no events, the machine counts them.
// World-neutral.
#pragma once

#include "harness/instances/table.h"
#include "mm/types.h"

namespace tlblab {

class FlushCounter final : public TraceSink {
 public:
  explicit FlushCounter(FlushCounts& counts) noexcept : counts_(counts) {}

  void event(const trace_event& what) noexcept override {
    switch (what.kind) {
      case EventKind::tlb_broadcast: ++counts_.broadcasts; break;
      case EventKind::hash_remove: ++counts_.hash_removals; break;
      default: break;
    }
  }

 private:
  FlushCounts& counts_;
};

}  // namespace tlblab
