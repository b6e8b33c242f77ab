// SPDX-License-Identifier: GPL-2.0-or-later
// The gather hooks of an architecture that has no wishes of its own.
#pragma once

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

inline void arch_tlb_gather_mmu(gather_range&, vaddr_t, vaddr_t) noexcept {}

// force, today's meaning: the whole mm at every level, freed tables and lazy CPUs included. The
// order of the three lines is the point (trap T1): the reset needs fullmm for its empty range and
// clears freed_tables. A flush of the request's range alone was the arm64 bug of 2019
// (7a30df49f63a): the other gather may have freed tables or cleared other levels.
template <class A>
bool arch_tlb_finish_mmu(gather_range& tlb, vaddr_t start, vaddr_t end, bool force) noexcept {
  if (force && tlb.mm->fixes.forced_flush_tables) {
    tlb.fullmm = true;
    tlb.reset();
    tlb.freed_tables = true;
  } else if (force) {
    tlb.reset();
    tlb.adjust(start, end - start);
    tlb.cleared_ptes = true;
  }
  if (!tlb.recorded()) return false;
  A::tlb_flush(tlb);
  tlb.reset();
  return true;
}

}  // namespace tlblab::inline TLBLAB_WORLD::generic
