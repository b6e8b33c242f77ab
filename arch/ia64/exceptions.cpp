// SPDX-License-Identifier: GPL-2.0-or-later
// What hardware leaves to software on Itanium. Its walker (VHPT) reads the PTE through a virtual page table
// and puts it into the TLB whatever A and D say; an access that needs one of them is an exception then, whose
// handler sets the bits with a compare and swap, without the PTL, and inserts the new entry. In the kernel it
// looks at the PTE again after that and purges what it has inserted if somebody changed it meanwhile. Here the
// hardware walker reads it again, which is one step with the insert.
#include "arch/generic/software_walk.h"
#include "arch/ia64/ia64.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

bool may(pte_t pte, Access access) noexcept {
  if (!ia64::has(pte, ia64::valid)) return false;
  if (access == Access::write) return ia64::pte_write(pte);
  return access == Access::read || ia64::has(pte, ia64::exec);
}

// dirty_bit, daccess_bit, iaccess_bit. False: nothing to set here.
bool set_bits(const generic::table_slot& slot, Access access) noexcept {
  std::uint64_t was = slot.word().load(order::relaxed);
  for (;;) {
    if (!may({was}, access)) return false;
    const pte_t young = ia64::pte_mkyoung({was});
    const pte_t now = access == Access::write ? ia64::hw_mkdirty(young) : young;
    if (now.val == was) return false;
    if (slot.word().compare_exchange(was, now.val, order::acquire)) return true;
  }
}

}  // namespace

bool ia64::tlb_miss(mm_struct&, vaddr_t va, Access access) noexcept {
  local_irq_save();
  const generic::table_slot slot = generic::find_slot<ia64>(this_cpu().mmu.root(), va);
  const bool handled = slot.table != nullptr && set_bits(slot, access);
  local_irq_restore();
  return handled;
}

// Handlers only add bits, and so does this.
bool ia64::ptep_set_access_flags(
    mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
  const std::uint64_t added = entry.val & (write | dirty | soft_dirty | accessed);
  if ((word.fetch_or(added, order::acquire) & added) == added) return false;
  flush_tlb_page(mm, va);  // an entry that forbids what is allowed now
  return true;
}

}  // namespace tlblab::inline TLBLAB_WORLD
