// SPDX-License-Identifier: GPL-2.0-or-later
// SuperH of Linux 4.13 (asm/tlb.h): pages are freed as they are handed in; the end of an area flushes the range
// that was removed in it; the end of the gather flushes only for an exiting mm or by force, and then all
// of the mm. tlb_flush_mmu is empty.
#pragma once

#include "arch/generic/owned_gather.h"
#include "arch/sh/sh.h"

namespace tlblab::inline TLBLAB_WORLD {

struct sh_2017 : generic::freed_before_the_flush<sh> {
  static constexpr arch_facts facts{
      .memory = sh::facts.memory,
      .tlb = sh::facts.tlb,
      .filled_by = sh::facts.filled_by,
      .debt_paid = "the end of each area, by interrupt, after the pages were freed",
      .interrupts_walkers = sh::facts.interrupts_walkers,
      .options = sh::facts.options,
  };
  // Core asks at the end of an area, and nowhere else: no page waits, and tables need no flush.
  static void tlb_flush(gather_range& tlb) noexcept {
    sh::tlb_flush(tlb);
    paid();
  }
  static bool flush_gather(gather_range& tlb, vaddr_t, vaddr_t, bool force) noexcept {
    const bool flushes = tlb.fullmm || force;
    if (flushes) flush_tlb_mm(*tlb.mm);
    paid();
    return flushes;
  }
};

struct sh_2017_merged : generic::merged_gather<sh_2017> {
  static constexpr const char* name = "sh@2017-merged";
};
struct sh_2017_posted : generic::posted_gather<sh_2017> {
  static constexpr const char* name = "sh@2017-posted";
};
static_assert(ArchBackend<sh_2017_merged> && ArchBackend<sh_2017_posted>);

}  // namespace tlblab::inline TLBLAB_WORLD
