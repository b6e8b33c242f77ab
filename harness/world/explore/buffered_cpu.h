// SPDX-License-Identifier: GPL-2.0-or-later
// What a CPU with a store buffer (x86) does in program order whatever others see, and one without.
#pragma once

#include "harness/world/explore/execution_graph.h"

namespace tlblab {

// Before a read come the reads of its CPU, before a write all. Fences and read-modify-writes are before
// all and behind all; so they are in one order with either. Without a buffer every event is so.
class BufferedCpu {
 public:
  // Each event that comes directly before this one.
  template <class Visit>
  void before(const GraphEvent& event, bool buffers, Visit visit) const {
    if (last_read_ != initial_write) visit(last_read_);
    if ((event.is_write() || drains(event, buffers)) && last_write_ != initial_write)
      visit(last_write_);
  }
  void add(const GraphEvent& event, EventId id, bool buffers) noexcept {
    const bool both = drains(event, buffers);
    if (both || !event.is_write()) last_read_ = id;
    if (both || event.is_write()) last_write_ = id;
  }

 private:
  static bool drains(const GraphEvent& event, bool buffers) noexcept {
    const bool is_atomic = event.modifies || event.modify.op != Modify::none;
    return !buffers || (is_atomic && !event.implied) || event.kind == GraphEventKind::mb ||
           event.kind == GraphEventKind::grace_period;
  }

  EventId last_read_ = initial_write, last_write_ = initial_write;
};

}  // namespace tlblab
