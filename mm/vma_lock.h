// SPDX-License-Identifier: GPL-2.0-or-later
// Per-VMA locks: a fault takes the lock of one area instead of mmap_lock. Kernel files:
// mmap_lock.h, mmap_lock.c, vma_start_write and lock_vma_under_rcu.
//
// Who changes an area or the tables under it holds mmap_lock for writing and calls vma_start_write
// first: it waits for the faults that are inside, and lets no other in until mmap_write_unlock. All
// areas are released at once there, by mm_lock_seq: an area is write-locked if it has the number of
// the mm.
//
// Finding the area without mmap_lock. The kernel walks a maple tree under RCU; the tree here cannot
// be walked while it is balanced. So each mm has a few slots, by address, with the areas where
// faults were last handled under mmap_lock: a slot is filled under mmap_lock for reading, emptied
// under it for writing before the area is given to RCU, and read under RCU. A miss is a fault under
// mmap_lock, as in the kernel when the lock of the area cannot be had. What the slot leads to is
// looked at only with the area's lock held: then its borders and flags stay.
#pragma once

#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

// mmap_lock for writing. Faults of the area are over, and none begins before mmap_write_unlock.
// Whoever runs a fault never waits for mmap_lock while it holds the lock of an area.
void vma_start_write(vm_area_struct& vma) noexcept;
// The area leaves the tree: write-locked for ever, and not to be found any more. mmap_lock for
// writing.
void vma_mark_detached(vm_area_struct& vma) noexcept;

// Ends a section of mmap_lock for writing, and all write locks of areas with it.
inline void vma_end_write_all(mm_struct& mm) noexcept {
  // Release: what the writer did to areas; pairs with the acquire in vma_start_read.
  mm.mm_lock_seq.store(mm.mm_lock_seq.load(order::relaxed) + 1, order::release);
}
inline void mmap_write_unlock(mm_struct& mm) noexcept {
  vma_end_write_all(mm);
  mm.mmap_lock.up_write();
}
inline void mmap_write_downgrade(mm_struct& mm) noexcept {
  vma_end_write_all(mm);
  mm.mmap_lock.downgrade_write();
}

// The area of va with its lock held for reading, null if it is not known or being written to.
// mmap_lock is not held. Give back by vma_end_read.
[[nodiscard]] vm_area_struct* lock_vma_under_rcu(mm_struct& mm, vaddr_t va) noexcept;
void vma_end_read(vm_area_struct& vma) noexcept;
// The next fault near va is to find the area. mmap_lock for reading.
void vma_remember(vm_area_struct& vma, vaddr_t va) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
