// SPDX-License-Identifier: GPL-2.0-or-later
// TLB exceptions of MIPS.
//
//   refill     no entry matches: both entries of the pair go to a random index, whatever they say. No
//              probe: hardware has just said that nothing matches
//   invalid    an entry matches and its half is not valid: if the PTE allows the access it is made young
//              (and dirty, for a store), the entry is probed for and written in place
//   modified   a store to a half without D: the same, if the PTE may be written
//
// All else is a page fault. Handlers change the PTE with LL and SC, without the PTL, as hardware walkers
// do elsewhere. They run with interrupts off: a flush by interrupt comes after what they write.
//
// Question Q13, two entries for one address: nothing forbids it but that whoever writes an entry
// knows that none matches. A refill knows from the exception; a fault does not, since the refill before it
// has left an entry that is not valid: so update_mmu_cache probes. There is one TLB for each CPU and
// nobody writes another's, so with interrupts off probe and write are one.
#include "arch/generic/software_walk.h"
#include "arch/mips/mips.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<mips>);
static_assert(!WalksAhead<mips> && !EvictsTranslations<mips>);

namespace {

std::uint32_t flags_of(pte_t pte) noexcept {
  return (mips::hw_allows(pte, Access::write) ? hw::tlb_write | hw::tlb_dirty : 0U) |
         (mips::hw_allows(pte, Access::exec) ? hw::tlb_exec : 0U);
}

void read_half(hw::JointTlb::Entry& entry,
               unsigned half,
               const generic::table_slot& slot) noexcept {
  const generic::slot_value value = generic::read_slot<mips>(slot);
  entry.valid[half] = mips::hw_present(value.entry);
  if (entry.valid[half])
    entry.half[half] = generic::tlb_data<mips>(slot, value, flags_of(value.entry));
}

}  // namespace

hw::JointTlb::Entry mips::read_pair(page* root, vaddr_t va) noexcept {
  hw::JointTlb::Entry entry;
  entry.start = va & ~(2 * page_size - 1);
  generic::table_slot slot = generic::find_slot<mips>(root, va);
  if (slot.table == nullptr) return entry;  // the kernel has a table of empty entries there
  if (slot.table->level > 0) {
    entry.size = slot.table->level;
    entry.start = va & ~((1ULL << hw::size_shift(entry.size)) - 1);
    read_half(entry, 0, slot);
    return entry;
  }
  for (unsigned half = 0; half < 2; ++half) {
    slot.index = (slot.index & ~1U) | half;
    read_half(entry, half, slot);
  }
  return entry;
}

namespace {

void write_entry(mips_cpu& cpu, int index, const hw::JointTlb::Entry& entry) noexcept {
  const access_window_of<mips> window;
  // A pair that a refill has left where nothing was mapped, and no fault has filled, lies inside.
  if (entry.size != 0) cpu.joint.erase_invalid_inside(entry);
  cpu.joint.write(index, entry);
}

bool may(pte_t pte, Access access) noexcept {
  if (!mips::has(pte, mips::present)) return false;
  return access == Access::write ? mips::has(pte, mips::write) : !mips::has(pte, mips::no_read);
}

pte_t made_usable(pte_t pte, Access access) noexcept {
  const pte_t young = mips::pte_mkyoung(pte);
  return access == Access::write ? mips::settled(mips::with(young, mips::dirty)) : young;
}

// False: a page fault.
bool make_usable(const generic::table_slot& slot, Access access) noexcept {
  std::uint64_t was = slot.word().load(order::relaxed);
  for (;;) {
    if (!may({was}, access)) return false;
    const pte_t now = made_usable({was}, access);
    if (now.val == was || slot.word().compare_exchange(was, now.val, order::relaxed)) return true;
  }
}

// Invalid and modified, which differ in what the hardware found.
bool handle_change(mips_cpu& cpu, vaddr_t va, Access access) noexcept {
  const generic::table_slot slot = generic::find_slot<mips>(cpu.mmu.root(), va);
  if (slot.table == nullptr || !make_usable(slot, access)) return false;
  const int index = cpu.joint.probe(va, cpu.mmu.asid());
  write_entry(cpu, index, mips::read_pair(cpu.mmu.root(), va));
  return true;
}

bool handle_exception(mips_cpu& cpu, vaddr_t va, Access access) noexcept {
  const int index = cpu.joint.probe(va, cpu.mmu.asid());
  if (index == hw::JointTlb::none) {
    charge(Cost::table_walk);
    const hw::JointTlb::Entry entry = mips::read_pair(cpu.mmu.root(), va);
    write_entry(cpu, cpu.joint.random(), entry);
    return true;
  }
  // The execute-inhibit exception goes to the page fault at once.
  if (cpu.joint.valid(index, va) && access != Access::write) return false;
  return handle_change(cpu, va, access);
}

}  // namespace

bool mips::tlb_miss(mm_struct&, vaddr_t va, Access access) noexcept {
  local_irq_save();
  const bool handled = handle_exception(this_cpu(), va, access);
  local_irq_restore();
  return handled;
}

// Kernel: __update_tlb. Of a huge page only an entry that matches is written: a random one could match an
// address beside an entry that a refill has left.
void mips::update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t) noexcept {
  if (loaded_mm() != &mm) return;
  local_irq_save();
  mips_cpu& cpu = this_cpu();
  const vaddr_t pair = va & ~(2 * page_size - 1);
  const int index = opted.no_probe ? hw::JointTlb::none : cpu.joint.probe(pair, cpu.mmu.asid());
  const hw::JointTlb::Entry entry = read_pair(mm.pgd, va);
  if (index != hw::JointTlb::none || entry.size == 0)
    write_entry(cpu, index == hw::JointTlb::none ? cpu.joint.random() : index, entry);
  local_irq_restore();
}

// update_mmu_cache is called whether it changed or not.
bool mips::ptep_set_access_flags(
    mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
  if (word.load(order::relaxed) != entry.val) word.store(entry.val, order::relaxed);
  return true;
}

}  // namespace tlblab::inline TLBLAB_WORLD
