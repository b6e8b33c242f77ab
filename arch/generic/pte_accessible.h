// SPDX-License-Identifier: GPL-2.0-or-later
// May a TLB hold an entry that hardware does not take for present? Kernel: pte_accessible of each
// architecture.
//
// Who takes the rights from entries under mmap_lock for reading flushes later: until then the entry looks
// to software as if nobody could use it, and a CPU may. So such an entry counts as accessible as long as
// any flush is due in the mm (D34). Linux looks since 2013 (20841405940e); without: scenario
// numa-migrate-2013.
#pragma once

#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

// PTL of the entry in question held, as for mm_tlb_flush_pending.
inline bool entry_without_rights_accessible(const mm_struct& mm) noexcept {
  return mm.fixes.pte_accessible_pending && mm.tlb_flush_pending.load(order::relaxed) != 0;
}

}  // namespace tlblab::inline TLBLAB_WORLD::generic
