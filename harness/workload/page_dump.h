// SPDX-License-Identifier: GPL-2.0-or-later
// Looks at an address space from outside: its areas, and every entry of its page tables that is not
// empty. Changes nothing, takes no lock and leaves no trace.
//
// REQUIRES: no CPU runs a call or an access of the mm meanwhile; called on a CPU.
#pragma once

#include "harness/workload/script_target.h"
#include "mm/pgtable.h"
#include "mm/vma.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

inline std::uint8_t seen_prot(std::uint32_t vm_flags) noexcept {
  return static_cast<std::uint8_t>(((vm_flags & VM_READ) != 0 ? script_read : 0) |
                                   ((vm_flags & VM_WRITE) != 0 ? script_write : 0) |
                                   ((vm_flags & VM_EXEC) != 0 ? script_exec : 0));
}

// What is said of the frame.
inline void see_frame(pfn_t pfn, PageSeen& seen) noexcept {
  const page* p = pfn_to_page(pfn);
  const page* folio = folio_of(p);
  seen.frame = pfn;
  seen.word = read_once(*static_cast<const std::uint64_t*>(p->frame));
  seen.zero_page = page_test(folio, PG_reserved);
  seen.large = folio->order > 0;
  seen.anon = page_test(folio, PG_anon);
  seen.file = !seen.anon && (!seen.zero_page || seen.large);
  seen.exclusive = !seen.zero_page && page_mapcount(p) == 1;
}

template <ArchBackend A>
class PageDump {
 public:
  explicit PageDump(mm_struct& mm) noexcept : mm_(mm) {}

  SpaceSeen run() {
    for (const vm_area_struct& vma : mm_.vmas) {
      seen_.areas.push_back(
          {vma.vm_start, vma.vm_end, seen_prot(vma.vm_flags), (vma.vm_flags & VM_SHARED) != 0});
      for (vaddr_t va = vma.vm_start; va < vma.vm_end;) va = see_pmd(va, vma.vm_end);
    }
    return std::move(seen_);
  }

 private:
  // What one entry of level 1 covers. Returns where to go on.
  vaddr_t see_pmd(vaddr_t va, vaddr_t end) {
    page* pmds = find_table<A>(mm_, va, 1);
    if (pmds == nullptr) return span_end(va, end, 2);
    const vaddr_t next = span_end(va, end, 1);
    const pte_t pmd = ptep_get(entry_in(pmds, va, 1));
    if (A::pte_none(pmd)) return next;
    if (A::pmd_leaf(pmd))
      see_huge(A::pmd_clrhuge(pmd), va, next);
    else
      see_ptes(table_below<A>(pmd), va, next);
    return next;
  }
  void see_ptes(page* table, vaddr_t va, vaddr_t end) {
    for (; va < end; va += page_size) {
      const pte_t pte = ptep_get(entry_in(table, va, 0));
      if (!A::pte_none(pte)) add(pte, va, 0);
    }
  }
  void see_huge(pte_t leaf, vaddr_t va, vaddr_t end) {
    for (; va < end; va += page_size) add(leaf, va, table_index(va, 0));
  }
  void add(pte_t pte, vaddr_t va, std::uint64_t into_folio) {
    PageSeen seen{.address = va, .present = A::pte_present(pte)};
    if (seen.present) {
      seen.uffd_wp = A::pte_uffd_wp(pte);
      see_frame(A::pte_pfn(pte) + into_folio, seen);
    } else {
      seen.uffd_wp = swap_is_uffd_wp(pte);
    }
    seen_.pages.push_back(seen);
  }
  static bool swap_is_uffd_wp(pte_t pte) noexcept {
    const swp_entry_t entry = A::pte_swap_entry(pte);
    if (entry.type == SwapType::marker) return (entry.offset & PTE_MARKER_UFFD_WP) != 0;
    return A::pte_swp_uffd_wp(pte);
  }

  mm_struct& mm_;
  SpaceSeen seen_;
};

}  // namespace detail

template <ArchBackend A>
[[nodiscard]] SpaceSeen look_at(mm_struct& mm) {
  return detail::PageDump<A>(mm).run();
}

}  // namespace tlblab::inline TLBLAB_WORLD
