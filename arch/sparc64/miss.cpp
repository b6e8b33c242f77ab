// SPDX-License-Identifier: GPL-2.0-or-later
// What sparc64 does when the TLB has nothing: look into the TSBs, then walk the tables, fill the TSB
// and load the TLB.
//
// A fill and a flush of the same TSB entry meet on the lock bit of its tag:
//
//   fill                          flush
//     lock the tag                  PTE := none
//     load the PTE                  wait until the tag is not locked
//     store PTE and tag             if it names the page: mark it invalid
//
// Either the fill locks first, and the flush waits and takes away what it has put there; or the flush
// has seen no lock, and the fill loads the PTE after that and finds it gone. Then the TLBs: the
// handler runs with interrupts off, so the cross call comes after it has loaded the TLB.
//
// That needs the PTE to be loaded under the lock. Linux 6.12 loads it in the walk, before the lock
// (sparc64+pte-before-lock): an old entry can be stored in the TSB when its flush is over, and
// every CPU that misses loads it from there. README.md has more.
#include "arch/sparc64/sparc64.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<sparc64>);
static_assert(ArchBackend<sparc64_2007>);
static_assert(!WalksAhead<sparc64>);

namespace {

using contents = tsb_entry::contents;

std::uint32_t flags_of(pte_t tte) noexcept {
  return (sparc64::hw_allows(tte, Access::write) ? hw::tlb_write | hw::tlb_dirty : 0U) |
         (sparc64::hw_allows(tte, Access::exec) ? hw::tlb_exec : 0U);
}

// size: 0, or 1 for 2 MiB.
bool load_tlb(hw::Mmu& mmu, vaddr_t va, Access access, unsigned size, const contents& found) {
  if (access == Access::exec && !sparc64::hw_allows(found.pte, access)) return false;
  page* frame = led_to(found.pte.val, pfn_to_page(sparc64::pte_pfn(found.pte)));
  led_to(found.pte.val, static_cast<std::byte*>(frame->frame),
         std::size_t{1} << hw::size_shift(size));
  const access_window_of<sparc64> window;
  mmu.fill(va, {.frame = frame,
                .host = frame->frame,
                .flags = flags_of(found.pte),
                .size = size,
                .frame_generation = found.frame_generation,
                .slot_changes = found.slot_changes,
                .slot = found.slot});
  return true;
}

contents to_contents(const generic::table_slot& slot, const generic::slot_value& value) noexcept {
  const hw::TlbData data = generic::tlb_data<sparc64>(slot, value, 0);
  return {value.entry, data.slot, data.slot_changes, data.frame_generation};
}

// Reads the PTE and puts it into the entry of the TSB. False: there is nothing valid.
bool fill_tsb(tsb_entry& entry,
              std::uint64_t tag,
              const generic::table_slot& slot,
              contents& found) noexcept {
  generic::slot_value value;
  if (sparc64::opted.pte_before_lock) value = generic::read_slot<sparc64>(slot);
  if (sparc64::opted.pte_before_lock && !sparc64::hw_present(value.entry)) return false;
  entry.lock();
  if (!sparc64::opted.pte_before_lock) value = generic::read_slot<sparc64>(slot);
  const bool huge = slot.table->level != 0;
  if (!sparc64::hw_present(value.entry) || huge != sparc64::pmd_leaf(value.entry)) {
    entry.unlock_invalid();
    return false;
  }
  found = to_contents(slot, value);
  entry.fill(tag, found);
  return true;
}

// The registers of the miss say which TSBs and tables are loaded; here the mm does.
bool handle_miss(mm_struct& mm, hw::Mmu& mmu, vaddr_t va, Access access) noexcept {
  sparc64::mm_context& context = context_of<sparc64>(mm);
  contents found;
  if (context.tsb_base.look_up(va, found)) return load_tlb(mmu, va, access, 0, found);
  if (context.tsb_huge.look_up(va, found)) return load_tlb(mmu, va, access, 1, found);
  charge(Cost::table_walk);
  const generic::table_slot slot = generic::find_slot<sparc64>(mmu.root(), va);
  if (slot.table == nullptr || slot.table->level > 1) return false;
  const unsigned size = slot.table->level;
  const bool filled =
      size == 0 ? fill_tsb(context.tsb_base.at(va), context.tsb_base.tag_of(va), slot, found)
                : fill_tsb(context.tsb_huge.at(va), context.tsb_huge.tag_of(va), slot, found);
  return filled && load_tlb(mmu, va, access, size, found);
}

}  // namespace

// An entry without the right is a protection trap, which goes to the fault handler at once.
bool sparc64::tlb_miss(mm_struct&, vaddr_t va, Access access) noexcept {
  local_irq_save();
  sparc64_cpu& cpu = this_cpu();
  mm_struct& mm = *cpu.loaded_mm.load(order::relaxed);
  const bool handled =
      cpu.mmu.tlb.lookup(cpu.mmu.asid(), va) == nullptr && handle_miss(mm, cpu.mmu, va, access);
  local_irq_restore();
  return handled;
}

void sparc64::update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t pte) noexcept {
  if (!pte_accessible(mm, pte)) return;
  mm_context& context = context_of<sparc64>(mm);
  contents what{.pte = pte};
  if (tracing()) {
    const generic::table_slot slot = generic::find_slot<sparc64>(mm.pgd, va);
    what = to_contents(slot, {pte, hw::Mmu::changes_of(*slot.table, slot.index)});
  }
  local_irq_save();
  context.lock.lock();
  const bool huge = pmd_leaf(pte);
  tsb_entry& entry = huge ? context.tsb_huge.at(va) : context.tsb_base.at(va);
  entry.lock();
  entry.fill(huge ? context.tsb_huge.tag_of(va) : context.tsb_base.tag_of(va), what);
  context.lock.unlock();
  local_irq_restore();
}

}  // namespace tlblab::inline TLBLAB_WORLD
