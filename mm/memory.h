// SPDX-License-Identifier: GPL-2.0-or-later
// Mapping and unmapping pages. Kernel file: memory.c. Bodies: zap.tcc, free_pgtables.tcc,
// fault.tcc, copy.tcc.
#pragma once

#include "mm/mmu_gather.h"
#include "mm/pgtable.h"
#include "mm/vma.h"

namespace tlblab::inline TLBLAB_WORLD {

struct zap_details {
  bool reclaim_pt = false;    // free PTE tables that the zap empties (MADV_DONTNEED)
  bool drop_markers = false;  // the area goes away, and with it what only the entries know
  bool even_cows = true;      // also the private copies of a file's pages
};

// Unmaps what is present of the area in [start, end), recorded and queued in the gather.
// REQUIRES: mmap_lock, or the area isolated from the tree, or i_mmap_rwsem with the area linked.
template <ArchBackend A>
void unmap_page_range(mmu_gather<A>& tlb,
                      vm_area_struct& vma,
                      vaddr_t start,
                      vaddr_t end,
                      zap_details details) noexcept;

// Frees tables that served [start, end) and nothing outside [floor, ceiling). 0 as end or ceiling
// is the top of the address space. REQUIRES: nobody can fault in the range; the areas are out of
// the tree or mmap_lock is held for writing.
template <ArchBackend A>
void free_pgd_range(
    mmu_gather<A>& tlb, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling) noexcept;
template <ArchBackend A>
void free_pgtables(mmu_gather<A>& tlb, vma_tree& areas, vaddr_t floor, vaddr_t ceiling) noexcept;

// retry: only under mmap_lock, where the area's lock was held.
enum class FaultResult : std::uint8_t { done, sigsegv, oom, sigbus, retry };

enum fault_flag : std::uint32_t {
  // With a read: an anonymous page that the mm does not have for itself alone is replaced by a copy,
  // read-only like it (a pin for reading is about to be taken).
  FAULT_FLAG_UNSHARE = 1U << 0,
  FAULT_FLAG_VMA_LOCK = 1U << 1,  // the area's lock is held, and not mmap_lock
};
using FaultFlags = std::uint32_t;

// An anonymous page is to be put into the area: done, oom or retry.
[[nodiscard]] FaultResult vmf_anon_prepare(vm_area_struct& vma, FaultFlags flags) noexcept;

// REQUIRES: mmap_lock for reading.
template <ArchBackend A>
FaultResult handle_mm_fault(mm_struct& mm,
                            vaddr_t va,
                            Access access,
                            FaultFlags flags = 0) noexcept;

// The same in this area, which contains va. REQUIRES: mmap_lock for reading, or the area's lock.
template <ArchBackend A>
FaultResult handle_vma_fault(vm_area_struct& vma,
                             vaddr_t va,
                             Access access,
                             FaultFlags flags = 0) noexcept;
// A fault of a program: under the area's lock, or if that is not to be had under mmap_lock. No lock
// is held.
template <ArchBackend A>
FaultResult do_user_addr_fault(mm_struct& mm, vaddr_t va, Access access) noexcept;
// Faults the range in as far as that is allowed and there is memory. Takes mmap_lock.
template <ArchBackend A>
void mm_populate(mm_struct& mm, vaddr_t start, vaddr_t end) noexcept;

// fork: what the child's area needs of the parent's vma. False: no memory. REQUIRES: both
// mmap_locks for writing; the caller flushes the parent before it drops its lock.
template <ArchBackend A>
[[nodiscard]] bool copy_page_range(const vm_area_struct& area, vm_area_struct& vma) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
