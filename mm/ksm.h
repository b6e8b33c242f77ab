// SPDX-License-Identifier: GPL-2.0-or-later
// Pages of the same contents become one. Kernel file: ksm.c. Bodies: ksm.tcc.
//
// What ksmd's scan finds is not here: who calls names two places that may be alike. The page of the first
// is write-protected in its place and is a KSM page from then on: nobody's own, never written, copied by
// whoever wants to write. The second place gets it too.
#pragma once

#include "mm/memory.h"

namespace tlblab::inline TLBLAB_WORLD {

// As ksmd: the page at va is given up for the one at kept, if they are the same. Both areas are
// VM_MERGEABLE (madvise_flags), or -EINVAL. 0: merged; -ENOENT: no anonymous page of its own there, or of
// a large folio; -EBUSY: locked, pinned or changed meanwhile; -EAGAIN: the contents differ. Takes
// mmap_lock for reading.
template <ArchBackend A>
std::int64_t ksm_merge_pages(mm_struct& mm, vaddr_t kept, vaddr_t va) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
