// SPDX-License-Identifier: GPL-2.0-or-later
// TLB exceptions of SuperH: a miss, and the first store to an entry without D. One handler: it reads the
// tables of what is loaded, sets young (and dirty, for a store) in the PTE and loads the TLB with it. What
// it does not allow is a page fault. It runs with interrupts off: a flush by interrupt comes after it.
//
// The PTE is changed beside whoever holds the PTL. The kernel's handler stores what it has read, plainly;
// where another CPU clears the entry in between, that brings the page back (sh+plain-store). Here it is a compare
// and swap.
#include "arch/generic/software_walk.h"
#include "arch/sh/sh.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<sh>);
static_assert(!WalksAhead<sh>);

namespace {

bool may(pte_t pte, Access access) noexcept {
  return sh::hw_present(pte) && sh::hw_allows(pte, access);
}

// False: a page fault.
bool make_usable(const generic::table_slot& slot, Access access) noexcept {
  std::uint64_t was = slot.word().load(order::relaxed);
  for (;;) {
    if (!may({was}, access)) return false;
    const pte_t young = sh::pte_mkyoung({was});
    const pte_t now = access == Access::write ? sh::hw_mkdirty(young) : young;
    if (sh::opted.plain_store) {
      slot.word().store(now.val, order::relaxed);
      return true;
    }
    if (now.val == was || slot.word().compare_exchange(was, now.val, order::relaxed)) return true;
  }
}

// Kernel: __update_tlb, ldtlb.
void load_tlb(const generic::table_slot& slot, vaddr_t va) noexcept {
  const generic::slot_value value = generic::read_slot<sh>(slot);
  if (!sh::hw_present(value.entry)) return;
  const std::uint32_t flags = (sh::pte_write(value.entry) ? hw::tlb_write : 0U) |
                              (sh::pte_dirty(value.entry) ? hw::tlb_dirty : 0U) |
                              (sh::hw_allows(value.entry, Access::exec) ? hw::tlb_exec : 0U);
  const hw::TlbData data = generic::tlb_data<sh>(slot, value, flags);
  const access_window_of<sh> window;
  sh::this_cpu().mmu.fill(va, data);
}

bool handle_tlbmiss(vaddr_t va, Access access) noexcept {
  charge(Cost::table_walk);
  const generic::table_slot slot = generic::find_slot<sh>(sh::this_cpu().mmu.root(), va);
  if (slot.table == nullptr || !make_usable(slot, access)) return false;
  load_tlb(slot, va);
  return true;
}

}  // namespace

bool sh::tlb_miss(mm_struct&, vaddr_t va, Access access) noexcept {
  local_irq_save();
  const bool handled = handle_tlbmiss(va, access);
  local_irq_restore();
  return handled;
}

// PTL held.
void sh::update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t) noexcept {
  if (loaded_mm() != &mm) return;
  local_irq_save();
  const generic::table_slot slot = generic::find_slot<sh>(mm.pgd, va);
  if (slot.table != nullptr) load_tlb(slot, va);
  local_irq_restore();
}

// Handlers only add bits, and so does this.
bool sh::ptep_set_access_flags(
    mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
  const std::uint64_t added = entry.val & (write | dirty | soft_dirty | accessed);
  if ((word.fetch_or(added, order::relaxed) & added) == added) return false;
  flush_tlb_page(mm, va);  // an entry that forbids what is allowed now
  return true;
}

}  // namespace tlblab::inline TLBLAB_WORLD
