// SPDX-License-Identifier: GPL-2.0-or-later
// 32-bit Arm of Linux 4.13, whose gather was its own (asm/tlb.h): the range is what was removed since the area
// began, and a nested finish widens it to what was asked for. Pages wait in one array.
#pragma once

#include "arch/arm/arm.h"
#include "arch/generic/owned_gather.h"

namespace tlblab::inline TLBLAB_WORLD {

struct arm_2017 : arm {
  static bool flush_gather(gather_range& tlb, vaddr_t start, vaddr_t end, bool force) noexcept {
    if (force && !tlb.fullmm) {
      tlb.start = start;
      tlb.end = end;
    }
    if (!tlb.fullmm && tlb.start >= tlb.end) return false;
    tlb_flush(tlb);
    return true;
  }
};

struct arm_2017_merged : generic::merged_gather<arm_2017> {
  static constexpr const char* name = "arm@2017-merged";
};
struct arm_2017_posted : generic::posted_gather<arm_2017> {
  static constexpr const char* name = "arm@2017-posted";
};
static_assert(ArchBackend<arm_2017_merged> && ArchBackend<arm_2017_posted>);

}  // namespace tlblab::inline TLBLAB_WORLD
