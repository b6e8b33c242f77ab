// SPDX-License-Identifier: GPL-2.0-or-later
// The hash fault. Hardware found no translation that allows the access, in its TLB and in the hash page
// table. If the page tables allow it, a copy of their entry is put where hardware looks; else it is a page
// fault like any other. Interrupts are off, and no page-table lock is taken: that is what BUSY is for, the
// entry's own lock. Who finds it taken lets the access try again.
//
// The copy may be written through only if the entry is dirty: so the first write comes here, and D is
// set by software. If there may be a copy already it is given the new rights; if it is not where the entry
// says, it has been evicted.
#include "arch/ppc64_hash/native.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using native::Hpte;
using native::no_slot;

enum class HashFault : std::uint8_t { done, busy, page_fault };

struct Ptep {
  page* table = nullptr;
  unsigned index = 0;
  [[nodiscard]] Atomic<std::uint64_t>& word() const noexcept { return table->table->entry[index]; }
};

// Without a lock: interrupts are off, so no table goes (D16). Null: nothing is mapped there.
Ptep find_linux_pte(const mm_struct& mm, vaddr_t va) noexcept {
  page* table = mm.pgd;
  for (unsigned level = mm.top_level;; --level) {
    vm_bug_on(table->table == nullptr, "walk_of_a_freed_table");
    const auto index = static_cast<unsigned>(va >> (page_shift + 9 * level)) & (ptrs_per_table - 1);
    const pte_t entry{table->table->entry[index].load(order::consume)};
    if (ppc64_hash::pte_none(entry)) return {};
    if (level == 0 || ppc64_hash::pmd_leaf(entry)) return {table, index};
    if (!ppc64_hash::pte_present(entry)) return {};
    table = led_to(entry.val, pfn_to_page(ppc64_hash::pte_pfn(entry)));
    led_to(entry.val, table->table);
  }
}

// What the entry was when it was locked, and labels.
struct Locked {
  std::uint64_t old = 0, now = 0;  // now: without BUSY
  hw::HashLabel label;
};

// The slot's count after the entry is BUSY, which nobody changes then: so it is never newer than it.
hw::HashLabel label_of(const Ptep& at, std::uint64_t value) noexcept {
  const page* frame = led_to(value, pfn_to_page(ppc64_hash::pte_pfn({value})));
  const table_shadow* shadow = at.table->shadow.load(order::consume);
  return {frame->generation.load(order::consume),
          shadow == nullptr ? 0 : shadow->stamp[at.index].load(order::consume),
          at.table->pfn << 9 | at.index};
}

HashFault lock_pte(const Ptep& at, Access access, Locked& locked) noexcept {
  const access_window_of<ppc64_hash> unit;
  std::uint64_t old = at.word().load(order::consume);
  do {
    if ((old & ppc64_hash::busy) != 0) return HashFault::busy;
    if (!ppc64_hash::hw_present({old}) || !ppc64_hash::hw_allows({old}, access))
      return HashFault::page_fault;
    locked.now = old | ppc64_hash::accessed | (access == Access::write ? ppc64_hash::dirty : 0);
  } while (!at.word().compare_exchange(old, locked.now | ppc64_hash::busy, order::full));
  locked.old = old;
  if (tracing()) locked.label = label_of(at, old);
  return HashFault::done;
}

std::uint64_t rights_of(pte_t pte) noexcept {
  const bool writable = ppc64_hash::pte_write(pte) && ppc64_hash::pte_dirty(pte);
  return hw::hash_referenced | (writable ? hw::hash_changed : hw::hash_read_only) |
         (ppc64_hash::hw_allows(pte, Access::exec) ? 0 : hw::hash_no_exec);
}

std::uint64_t slot_bits(std::uint64_t slot, bool secondary) noexcept {
  return (slot % hw::HashTable::group_entries) << ppc64_hash::f_gix_shift |
         (secondary ? ppc64_hash::f_second : 0);
}

// Where it went, as the entry says it.
std::uint64_t insert(const Hpte& hpte) noexcept {
  for (;;) {
    for (const bool secondary : {false, true})
      if (const std::uint64_t slot = native::hpte_insert(hpte, secondary); slot != no_slot)
        return slot_bits(slot, secondary);
    native::hpte_remove(ppc64_hash::htab.group_of(hpte.tag, choose(2) == 0));
  }
}

bool update(const Hpte& hpte, std::uint64_t old) noexcept {
  const bool secondary = (old & ppc64_hash::f_second) != 0;
  const std::uint64_t in_group = (old & ppc64_hash::f_gix) >> ppc64_hash::f_gix_shift;
  return native::hpte_update(hpte, ppc64_hash::htab.group_of(hpte.tag, secondary) + in_group);
}

// A TLB may have the translation with the old rights, whether its copy is still there or not.
void forget_old_rights(mm_struct& mm, vaddr_t va, bool large, bool local) noexcept {
  native::ptesync();
  native::tlbie({context_of<ppc64_hash>(mm).id, va, large}, local);
  native::tlbsync(local);
}

HashFault hash_page(mm_struct& mm, vaddr_t va, Access access) noexcept {
  const bool local = generic::mm_is_thread_local<ppc64_hash>(mm);
  const Ptep at = find_linux_pte(mm, va);
  Locked locked;
  if (at.table == nullptr) return HashFault::page_fault;
  if (const HashFault fault = lock_pte(at, access, locked); fault != HashFault::done) return fault;
  const bool large = at.table->level > 0;
  const pte_t now = ppc64_hash::filter({locked.now});
  const Hpte hpte{mm, va & page_mask,
                  hw::HashTable::tag_of(context_of<ppc64_hash>(mm).id, va, large),
                  ppc64_hash::pte_pfn(now) << page_shift | rights_of(now), locked.label};
  const bool hashed = (locked.old & ppc64_hash::hashpte) != 0;
  const bool updated = hashed && update(hpte, locked.old);
  if (hashed && !ppc64_hash::this_cpu().nohpte) forget_old_rights(mm, va, large, local);
  // A plain store, as in the kernel: what it says of the copy is ordered by the ptesync in hpte_insert.
  at.word().store(updated ? locked.now : now.val | ppc64_hash::hashpte | insert(hpte),
                  order::relaxed);
  return HashFault::done;
}

// ---- hardware --------------------------------------------------------------------------------------

bool allows(std::uint64_t r, Access access) noexcept {
  if (access == Access::write) return (r & hw::hash_read_only) == 0;
  return access == Access::read || (r & hw::hash_no_exec) == 0;
}

void fill(ppc64_hash_cpu& cpu, vaddr_t va, unsigned size, const hw::HashHit& hit) noexcept {
  page* frame = led_to(hit.r, pfn_to_page(hit.r >> page_shift));
  led_to(hit.r, static_cast<std::byte*>(frame->frame), std::size_t{1} << hw::size_shift(size));
  const std::uint32_t flags = (allows(hit.r, Access::write) ? hw::tlb_write | hw::tlb_dirty : 0U) |
                              (allows(hit.r, Access::exec) ? std::uint32_t{hw::tlb_exec} : 0U);
  // The mm as the MMU knows it: hardware also searches while the kernel is between two.
  cpu.mmu.fill(va, {.frame = frame,
                    .host = frame->frame,
                    .flags = flags,
                    .size = size,
                    .frame_generation = hit.label.frame_generation,
                    .slot_changes = hit.label.slot_changes,
                    .slot = hit.label.slot});
}

enum class Search : std::uint8_t { none, forbidden, filled };

Search search(ppc64_hash_cpu& cpu, vaddr_t va, Access access) noexcept {
  for (const unsigned size : {0U, 1U}) {
    hw::HashHit hit;
    if (!ppc64_hash::htab.search(hw::HashTable::tag_of(cpu.mmu.asid(), va, size != 0), hit))
      continue;
    if (!allows(hit.r, access)) return Search::forbidden;
    fill(cpu, va, size, hit);
    return Search::filled;
  }
  return Search::none;
}

}  // namespace

Translation ppc64_hash::translate(vaddr_t va, Access access) noexcept {
  ppc64_hash_cpu& cpu = this_cpu();
  Translation found = cpu.mmu.translate<ppc64_hash>(va, access);
  if (found.host != nullptr) return found;
  cpu.nohpte = false;
  if (cpu.mmu.tlb.lookup(cpu.mmu.asid(), va) != nullptr) return {nullptr, true};
  const Search result = search(cpu, va, access);
  cpu.nohpte = result == Search::none;
  if (result == Search::filled) return cpu.mmu.translate<ppc64_hash>(va, access);
  return {nullptr, result == Search::forbidden};
}

void ppc64_hash::walk_ahead(vaddr_t va) noexcept {
  ppc64_hash_cpu& cpu = this_cpu();
  if (cpu.mmu.tlb.lookup(cpu.mmu.asid(), va) == nullptr)
    static_cast<void>(search(cpu, va, Access::read));
}

bool ppc64_hash::tlb_miss(mm_struct& mm, vaddr_t va, Access access) noexcept {
  local_irq_save();
  const HashFault fault = hash_page(mm, va, access);
  local_irq_restore();
  if (fault == HashFault::busy) cpu_relax();
  return fault != HashFault::page_fault;
}

}  // namespace tlblab::inline TLBLAB_WORLD
