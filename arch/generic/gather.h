// SPDX-License-Identifier: GPL-2.0-or-later
// The gather hooks of an architecture that has no wishes of its own.
#pragma once

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

inline void arch_tlb_gather_mmu(gather_range&, vaddr_t, vaddr_t) noexcept {}

// force, today's meaning: the whole mm at every level, freed tables and lazy CPUs included. The
// order of the three lines is the point (trap T1): the reset needs fullmm for its empty range and
// clears freed_tables. fullmm alone is what an exiting process says, whose entries some backends leave
// where they are. A flush of the request's range alone was the arm64 bug of 2019
// (7a30df49f63a): the other gather may have freed tables or cleared other levels.
template <class A>
bool arch_tlb_finish_mmu(gather_range& tlb, vaddr_t start, vaddr_t end, bool force) noexcept {
  if (const ForcedFlush form = tlb.mm->fixes.forced_flush; force && form == ForcedFlush::request) {
    tlb.reset();
    tlb.adjust(start, end - start);
    tlb.cleared_ptes = true;
  } else if (force) {
    tlb.fullmm = true;
    tlb.reset();
    (form == ForcedFlush::and_tables ? tlb.freed_tables : tlb.cleared_ptes) = true;
  }
  if (!tlb.recorded()) return false;
  A::tlb_flush(tlb);
  tlb.reset();
  return true;
}

}  // namespace tlblab::inline TLBLAB_WORLD::generic
