// SPDX-License-Identifier: GPL-2.0-or-later
// Transparent huge pages: private anonymous memory mapped by a PMD itself. Kernel file:
// huge_memory.c. Where the walkers of memory.h, mprotect, fork and mremap meet a leaf at level 1,
// they come here.
//
// With every huge entry a PTE table is laid by (deposited) with its PMD table, so that a split
// never lacks memory. A split goes through an entry that hardware finds absent, then the invalidate,
// and only then the table with the same pages: no TLB ever holds both sizes for one address (trap
// T60). The folio stays as it is.
//
// A huge entry is changed under the lock of its PMD table. Without it an entry may be anything by
// the time that it is looked at: each function says what it does then.
#pragma once

#include <optional>

#include "mm/memory.h"

namespace tlblab::inline TLBLAB_WORLD {

inline constexpr unsigned hpage_pmd_order = table_bits;
inline constexpr unsigned hpage_pmd_nr = 1U << hpage_pmd_order;
static_assert(hpage_pmd_order <= max_folio_order);

// May the PMD of va be huge? (Host policy "madvise".) mmap_lock held.
[[nodiscard]] bool transhuge_vma_suitable(const vm_area_struct& vma, vaddr_t va) noexcept;

// PTE tables laid by for huge entries of this PMD table. Under its lock.
void pgtable_trans_huge_deposit(page* pmds, page* table) noexcept;
[[nodiscard]] page* pgtable_trans_huge_withdraw(page* pmds) noexcept;

// The entry of va with its table locked if it is huge; else empty and nothing locked.
template <ArchBackend A>
[[nodiscard]] pte_ref pmd_trans_huge_lock(mm_struct& mm, vaddr_t va) noexcept;

// A fault where the PMD is empty, or huge. Nothing: the PTEs have to serve it. mmap_lock for
// reading; the PMD table is there.
template <ArchBackend A>
[[nodiscard]] std::optional<FaultResult> huge_pmd_fault(
    mm_struct& mm, vm_area_struct& vma, vaddr_t va, bool write, FaultFlags flags) noexcept;

// Unmaps the huge entry of va and queues its folio. False: it is not huge any more. No PTL held.
template <ArchBackend A>
[[nodiscard]] bool zap_huge_pmd(mmu_gather<A>& tlb, vaddr_t va) noexcept;

// MADV_COLD, and with `clean` MADV_FREE, of the whole huge entry: A goes, and D. A folio that others
// map too is left alone. False: not huge. Flushes, and records in the gather too, as the kernel does.
template <ArchBackend A>
[[nodiscard]] bool age_huge_pmd(mmu_gather<A>& tlb, vaddr_t va, bool clean) noexcept;

// PTEs in the place of a huge entry, if there is one at va. Flushes.
template <ArchBackend A>
void split_huge_pmd(mm_struct& mm, vaddr_t va) noexcept;
// The area at va is about to be cut there. mmap_lock for writing.
template <ArchBackend A>
void vma_adjust_trans_huge(mm_struct& mm, vaddr_t va) noexcept;

// The entry becomes change(entry); recorded if a TLB could hide it. False: not huge any more.
template <ArchBackend A, class Change>
[[nodiscard]] bool change_huge_pmd(mmu_gather<A>& tlb, vaddr_t va, Change change) noexcept;

// fork. PTEs: not huge, or split because the folio is pinned: copy them one by one. mmap_lock of
// both for writing.
enum class CopyHuge : std::uint8_t { copied, ptes, oom };
template <ArchBackend A>
[[nodiscard]] CopyHuge copy_huge_pmd(mm_struct& child, mm_struct& parent, vaddr_t va) noexcept;

// mremap. False: not huge, or the new place has a table. mmap_lock for writing; the PMD tables of
// both are there, both addresses aligned to a PMD. Flushes under both locks.
template <ArchBackend A>
[[nodiscard]] bool move_huge_pmd(mm_struct& mm,
                                 vaddr_t from,
                                 vaddr_t to,
                                 bool clear_uffd_wp) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
