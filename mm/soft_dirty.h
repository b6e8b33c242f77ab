// SPDX-License-Identifier: GPL-2.0-or-later
// Which pages a program has written to: /proc/PID/clear_refs takes marks away, /proc/PID/pagemap shows
// what was written since. Kernel file: fs/proc/task_mmu.c. Bodies: soft_dirty.tcc.
//
// The mark is a bit of an entry, of a swap entry too. Software sets it where it makes an entry dirty
// (pte_mkdirty); hardware does not know it. So who takes it away makes the entry read-only, and an entry
// without it may be written only after a fault. An area has the mark too, VM_SOFTDIRTY, from mmap until
// the first clear_refs: then all its pages count as written, and entries may do as they like.
#pragma once

#include "mm/memory.h"

namespace tlblab::inline TLBLAB_WORLD {

// What is written into clear_refs.
enum clear_refs_types : std::uint8_t {
  CLEAR_REFS_ALL = 1,  // no page was used lately
  CLEAR_REFS_ANON,     // of areas without a file
  CLEAR_REFS_MAPPED,   // of areas with one
  CLEAR_REFS_SOFT_DIRTY,
};

// Must a write fault first, although the page is the program's own?
template <ArchBackend A>
bool pte_needs_soft_dirty_wp(const vm_area_struct& vma, pte_t pte) noexcept {
  return vma_soft_dirty_enabled(vma) && !A::pte_soft_dirty(pte);
}

// 0, or -EINVAL: there is no such type. Takes mmap_lock.
template <ArchBackend A>
std::int64_t do_clear_refs(mm_struct& mm, clear_refs_types type) noexcept;

// Bit 55 of the page's word in pagemap. Takes mmap_lock for reading.
template <ArchBackend A>
[[nodiscard]] bool page_soft_dirty(mm_struct& mm, vaddr_t va) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
