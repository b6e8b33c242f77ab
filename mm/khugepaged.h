// SPDX-License-Identifier: GPL-2.0-or-later
// Small pages become a huge one: the range of a page table gets a folio of its own, with their contents,
// and the PMD maps it. Kernel file: khugepaged.c. Bodies: khugepaged.tcc.
//
// What khugepaged's scan finds worth it is not here: who calls names the range, as MADV_COLLAPSE does. So
// there is no limit to how many pages may be missing, or shared with a child, or not used lately.
#pragma once

#include "mm/memory.h"

namespace tlblab::inline TLBLAB_WORLD {

// 0: a huge page maps the PMD of va. -EINVAL: the area does not want one, has no room for it, or never had
// a page; -ENOENT: there is no table of PTEs, or a huge page is there already; -EBUSY: a page is pinned,
// locked, swapped out, protected by userfaultfd, or none may be written to: all stays as it was; -ENOMEM.
// Takes mmap_lock for writing. REQUIRES: interrupts on, no spinlock.
template <ArchBackend A>
std::int64_t collapse_huge_page(mm_struct& mm, vaddr_t va) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
