// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/mm_types.h"
#include "mm/page_alloc.h"
#include "mm/vma.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr std::uint64_t huge_size = page_size << max_folio_order;

}  // namespace

// A missing page of an area that userfaultfd watches is userspace's to provide, page by page.
bool transhuge_vma_suitable(const vm_area_struct& vma, vaddr_t va) noexcept {
  constexpr std::uint32_t never = VM_NOHUGEPAGE | VM_SHARED | VM_PFNMAP | VM_UFFD_MISSING;
  if ((vma.vm_flags & VM_HUGEPAGE) == 0 || (vma.vm_flags & never) != 0) return false;
  const vaddr_t start = va & ~(huge_size - 1);
  return vma.vm_file == nullptr && vma.vm_start <= start && start + huge_size <= vma.vm_end;
}

void pgtable_trans_huge_deposit(page* pmds, page* table) noexcept {
  table->next_free = pmds->pmd_huge_pte;
  pmds->pmd_huge_pte = table;
}

page* pgtable_trans_huge_withdraw(page* pmds) noexcept {
  page* table = pmds->pmd_huge_pte;
  vm_bug_on(table == nullptr, "no_table_deposited");
  pmds->pmd_huge_pte = table->next_free;
  return table;
}

}  // namespace tlblab::inline TLBLAB_WORLD
