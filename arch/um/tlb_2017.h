// SPDX-License-Identifier: GPL-2.0-or-later
// User-mode Linux of 4.13 (asm/tlb.h): pages are freed as they are handed in; areas are not told apart; the end of
// the gather has the host unmap the range at once. A nested finish takes what was asked for as the range.
#pragma once

#include "arch/generic/owned_gather.h"
#include "arch/um/um.h"

namespace tlblab::inline TLBLAB_WORLD {

struct um_areas_merged : um {
  static constexpr mmu_gather_features features = [] {
    mmu_gather_features all = um::features;
    all.merge_vmas = true;
    return all;
  }();
};

struct um_2017 : generic::freed_before_the_flush<um_areas_merged> {
  static constexpr arch_facts facts{
      .memory = um::facts.memory,
      .tlb = um::facts.tlb,
      .filled_by = um::facts.filled_by,
      .debt_paid = "tlb_finish_mmu, by the host's munmap, after the pages were freed",
      .most_cpus = um::facts.most_cpus,
  };
  static void tlb_flush(gather_range& tlb) noexcept {
    um::tlb_flush(tlb);
    paid();
  }
  static bool flush_gather(gather_range& tlb, vaddr_t start, vaddr_t end, bool force) noexcept {
    if (force && !tlb.fullmm) {
      tlb.start = start;
      tlb.end = end;
    }
    const bool flushes = force || tlb.recorded();
    if (flushes) um::tlb_flush(tlb);
    paid();
    return flushes;
  }
};

struct um_2017_merged : generic::merged_gather<um_2017> {
  static constexpr const char* name = "um@2017-merged";
};
struct um_2017_posted : generic::posted_gather<um_2017> {
  static constexpr const char* name = "um@2017-posted";
};
static_assert(ArchBackend<um_2017_merged> && ArchBackend<um_2017_posted>);

}  // namespace tlblab::inline TLBLAB_WORLD
