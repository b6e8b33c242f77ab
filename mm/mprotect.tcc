// SPDX-License-Identifier: GPL-2.0-or-later
// mprotect(2), and the walk of userfaultfd's write protection. Kernel file: mprotect.c. One gather
// per call; entries whose change a TLB could hide are recorded, and the flush comes at the end,
// mmap_lock still held for writing: no fault can decide anything from the new entries before it.
// userfaultfd holds it for reading; there do_wp_page looks at the pending count (fault.tcc).
#pragma once

#include <cerrno>

#include "mm/gup.h"
#include "mm/huge_memory.tcc"
#include "mm/mm.h"
#include "mm/mmap.tcc"
#include "mm/soft_dirty.h"
#include "mm/swapops.h"
#include "mm/tlb_flush_batched.h"
#include "mm/userfaultfd.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// Kernel: MM_CP_UFFD_WP, MM_CP_UFFD_WP_RESOLVE, MM_CP_PROT_NUMA. numa: the marks stay, the rights go (migrate.h).
enum class UffdWpChange : std::uint8_t { keep, set, clear, numa };

// Writable again at once, without a fault to find out that nobody shares the page?
template <ArchBackend A>
bool can_change_pte_writable(const vm_area_struct& vma, pte_t pte) noexcept {
  if ((vma.vm_flags & VM_WRITE) == 0 || A::pte_write(pte) || A::pte_protnone(pte)) return false;
  if (A::pte_uffd_wp(pte) || pte_needs_soft_dirty_wp<A>(vma, pte)) return false;
  const page* p = pfn_to_page(A::pte_pfn(pte));
  if (is_cow_mapping(vma)) return page_test(p, PG_anon) && page_test(p, PG_anon_exclusive);
  // A dirty entry has had its write fault; a clean one may still owe it.
  return A::pte_dirty(pte);
}

// A present entry, of either size, with the rights of its area.
template <ArchBackend A>
pte_t changed_protection(const vm_area_struct& vma, pte_t was, UffdWpChange change) noexcept {
  pte_t now = A::pte_modify(was, change == UffdWpChange::numa ? 0U : vm_page_prot(vma));
  if (change == UffdWpChange::clear) now = A::pte_clear_uffd_wp(now);
  // Also a mark that stays: the rights of the area would make a page of a shared one writable.
  if (change == UffdWpChange::set || A::pte_uffd_wp(now)) now = A::pte_mkuffd_wp(now);
  // Before: left to the next write fault, also where there was no protection to end.
  const bool keeps_write = change != UffdWpChange::clear || vma.vm_mm->fixes.uffd_keep_write;
  if (keeps_write && can_change_pte_writable<A>(vma, now)) now = A::pte_mkwrite(now);
  return now;
}

// No TLB has it. A swap entry and a marker keep what they are but for the mark.
template <ArchBackend A>
void change_nonpresent_pte(mm_struct& mm, pte_ref ref, vaddr_t va, UffdWpChange change) noexcept {
  const pte_t was = ptep_get(ref);
  pte_t now = was;
  if (change == UffdWpChange::set) now = with_uffd_wp<A>(was);
  if (change == UffdWpChange::clear) now = without_uffd_wp<A>(was);
  // It comes back with the area's rights.
  if (is_migration_pte<A>(now)) now = migration_pte_wrprotect<A>(now);
  if (now != was) set_pte_at(mm, ref, va, now);
}

// To learn who uses it is no good where it cannot be moved, or is shared. PTL held.
template <ArchBackend A>
bool is_of_no_use_to_numa(pte_t pte) noexcept {
  const page* p = pfn_to_page(A::pte_pfn(pte));
  if (A::pte_protnone(pte) || page_test(p, PG_reserved | PG_ksm)) return true;
  return folio_maybe_dma_pinned(folio_of(p)) || page_mapcount(p) != 1;
}

template <ArchBackend A>
void change_pte(mmu_gather<A>& tlb,
                const vm_area_struct& vma,
                pte_ref ref,
                vaddr_t va,
                UffdWpChange change) noexcept {
  const pte_t pte = ptep_get(ref);
  if (!A::pte_present(pte)) return change_nonpresent_pte<A>(*tlb.mm, ref, va, change);
  if (change == UffdWpChange::numa && is_of_no_use_to_numa<A>(pte)) return;
  const changed_pte changed = ptep_modify_prot<A>(
      *tlb.mm, ref, va, [&](pte_t was) { return changed_protection<A>(vma, was, change); });
  if (A::pte_needs_flush(changed.was, changed.now)) tlb_flush_pte_range(tlb, va, page_size);
}

template <ArchBackend A>
void change_pte_range(mmu_gather<A>& tlb,
                      const vm_area_struct& vma,
                      vaddr_t start,
                      vaddr_t end,
                      UffdWpChange change) noexcept {
  tlb_change_page_size(tlb, page_shift);
  pte_ref ref = pte_offset_map_lock<A>(*tlb.mm, start);
  if (!ref) return;
  flush_tlb_batched_pending<A>(*tlb.mm);
  const pte_ref locked = ref;
  enter_lazy_mmu_mode<A>();
  for (vaddr_t va = start; va < end; va += page_size, ++ref.index)
    change_pte(tlb, vma, ref, va, change);
  leave_lazy_mmu_mode<A>();
  pte_unmap_unlock(*tlb.mm, locked);
}

// Within a PMD that was huge when it was looked at. Split meanwhile, by us or by others: its PTEs.
template <ArchBackend A>
void change_huge_range(mmu_gather<A>& tlb,
                       const vm_area_struct& vma,
                       vaddr_t start,
                       vaddr_t end,
                       UffdWpChange change) noexcept {
  if (change == UffdWpChange::numa) return;  // stays where it is
  const auto changed = [&](pte_t was) { return changed_protection<A>(vma, was, change); };
  if (end - start != pmd_size)
    split_huge_pmd<A>(*tlb.mm, start);
  else if (change_huge_pmd(tlb, start, changed))
    return;
  change_pte_range(tlb, vma, start, end, change);
}

// Where an upper level is missing the whole span of that level is passed over.
template <ArchBackend A>
void change_table_range(mmu_gather<A>& tlb,
                        const vm_area_struct& vma,
                        page* table,
                        unsigned level,
                        vaddr_t start,
                        vaddr_t end,
                        UffdWpChange change) noexcept {
  for (vaddr_t va = start; va < end;) {
    const vaddr_t next = span_end(va, end, level);
    const pte_t entry = ptep_get(entry_in(table, va, level));
    page* below = table_below<A>(entry);
    if (level == 1 && pmd_trans_huge<A>(entry))
      change_huge_range(tlb, vma, va, next, change);
    else if (below != nullptr && level == 1)
      change_pte_range(tlb, vma, va, next, change);
    else if (below != nullptr)
      change_table_range(tlb, vma, below, level - 1, va, next, change);
    va = next;
  }
}

// Kernel: change_protection. mmap_lock for writing; to change marks only, for reading.
template <ArchBackend A>
void change_protection(mmu_gather<A>& tlb,
                       const vm_area_struct& vma,
                       vaddr_t start,
                       vaddr_t end,
                       UffdWpChange change = UffdWpChange::keep) noexcept {
  tlb_start_vma(tlb, vma);
  change_table_range(tlb, vma, tlb.mm->pgd, tlb.mm->top_level, start, end, change);
  tlb_end_vma(tlb);
}

// One area, or the part of it in the range. Returns the area that now covers it, null: no memory.
template <ArchBackend A>
vm_area_struct* mprotect_fixup(mmu_gather<A>& tlb,
                               vm_area_struct& vma,
                               call_range range,
                               std::uint32_t prot) noexcept {
  const std::uint32_t flags = (vma.vm_flags & ~vm_access_flags) | prot;
  if (flags == vma.vm_flags) return &vma;
  mm_struct& mm = *vma.vm_mm;
  const vaddr_t start = vma.vm_start > range.start ? vma.vm_start : range.start;
  const vaddr_t end = vma.vm_end < range.end ? vma.vm_end : range.end;
  if (!vma_split_at(mm, start) || !vma_split_at(mm, end)) return nullptr;
  vm_area_struct& part = *vma_lookup(mm, start);
  vma_start_write(part);
  vm_flags_reset(part, flags);
  change_protection(tlb, part, start, end);
  return &vma_merge(mm, part);
}

template <ArchBackend A>
std::int64_t mprotect_areas(mmu_gather<A>& tlb, call_range range, std::uint32_t prot) noexcept {
  for (vaddr_t at = range.start; at < range.end;) {
    vm_area_struct* vma = vma_lookup(*tlb.mm, at);
    if (vma == nullptr) return -ENOMEM;  // a hole: what came before it stays changed
    const vaddr_t next = vma->vm_end;
    if (mprotect_fixup(tlb, *vma, range, prot) == nullptr) return -ENOMEM;
    at = next;
  }
  return 0;
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_mprotect(mm_struct& mm,
                         vaddr_t start,
                         std::uint64_t length,
                         std::uint32_t prot) noexcept {
  detail::call_range range{};
  if (const std::int64_t error = detail::check_range(mm, start, length, range))
    return (start & ~page_mask) == 0 ? -ENOMEM : error;
  if (range.start == range.end) return 0;
  constexpr auto call = static_cast<std::uint64_t>(MmCall::mprotect);
  trace(EventKind::call_begin, mm.id, call, range.start, range.end);
  mm.mmap_lock.down_write();
  mmu_gather<A> tlb;
  tlb_gather_mmu(tlb, mm, range.start, range.end);
  const std::int64_t result = detail::mprotect_areas(tlb, range, prot);
  tlb_finish_mmu(tlb);
  trace(EventKind::call_end, mm.id, call, range.start, range.end);
  mmap_write_unlock(mm);
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
