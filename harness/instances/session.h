// SPDX-License-Identifier: GPL-2.0-or-later
// One simulated machine with its memory manager, from power-on to an empty memory: what a scenario
// and a replay have in common.
#pragma once

#include <cstdint>

#include "mm/fences.h"
#include "mm/mm.h"

namespace tlblab::inline TLBLAB_WORLD {

struct SessionOptions {
  std::uint64_t frames = 1ULL << 20;
  TlbGeometry tlb;
};

// start() and stop() run on CPU 0, in different calls of Machine::run: what RCU still holds at the
// end of the first is given back before the second.
template <ArchBackend A>
class Session {
 public:
  explicit Session(SessionOptions options) noexcept : options_(options) {}

  void start() noexcept {
    dropped_fences = 0;
    before_ = memory_held();
    vm_bug_on(!mem_init(options_.frames) || !A::hardware_init(options_.tlb),
              "no_memory_for_the_machine");
  }
  // Every frame, table and object that was taken has been given back.
  void stop() noexcept {
    vm_bug_on(frames_in_use() != 0, "frames_left_at_the_end");
    A::hardware_exit();
    mem_exit();
    vm_bug_on(memory_held() != before_, "memory_left_at_the_end");
  }

 private:
  SessionOptions options_;
  HeldMemory before_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
