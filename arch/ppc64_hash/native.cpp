// SPDX-License-Identifier: GPL-2.0-or-later
// Entries of the hash page table and tlbie.
//
// A slot has a lock bit. Who makes an entry takes it, writes r, and then v, which says "valid" and gives
// the lock back in one store. Who removes one takes the lock, looks again, and clears v, lock and all.
// Hardware does not look at the lock: to it an entry is there or not.
//
// A full group gives up an entry of anybody's. Nothing else is done: the translation is still a good
// one, TLBs may keep it, and its owner's HASHPTE is from now on a hint that leads nowhere. So whoever
// removes an entry does the tlbie even if the slot has another one (trap T48).
#include "arch/ppc64_hash/native.h"

namespace tlblab::inline TLBLAB_WORLD::native {

namespace {

using hw::HashEntry;
using hw::HashTable;

constexpr unsigned group_entries = HashTable::group_entries;

hw::Mmu& mmu_at(unsigned cpu) noexcept { return ppc64_hash::cpu(cpu).mmu; }

bool is_valid(const HashEntry& entry) noexcept {
  return (entry.v.load(order::relaxed) & hw::hash_valid) != 0;
}
bool is_of(const HashEntry& entry, std::uint64_t tag) noexcept {
  return HashTable::matches(entry.v.load(order::relaxed), tag);
}

void lock_hpte(HashEntry& entry) noexcept {
  // Acquire: v and r as the last holder left them; pairs with the release in unlock_hpte.
  while ((entry.v.fetch_or(hw::hash_lock, order::acquire) & hw::hash_lock) != 0)
    while ((entry.v.load(order::relaxed) & hw::hash_lock) != 0) cpu_relax();
}
// Release: r before the lock is free; pairs with the acquire in lock_hpte.
void unlock_hpte(HashEntry& entry) noexcept { entry.v.fetch_and(~hw::hash_lock, order::release); }

// The lock goes with it. No barrier: a ptesync comes before the tlbie, and who makes an entry here next
// has the lock bit's order in one word.
void clear_and_unlock(HashEntry& entry, const mm_struct* mm, std::uint64_t slot) noexcept {
  const vaddr_t va = HashTable::va_of(entry.v.load(order::relaxed));
  trace(EventKind::hash_remove, mm == nullptr ? 0 : mm->id, va, slot);
  entry.v.store(0, order::relaxed);
}

// Of an entry that is locked.
void write_r(HashEntry& entry, const Hpte& hpte) noexcept {
  const access_window_of<ppc64_hash> unit;
  entry.r.store(hpte.r, order::relaxed);
  if (tracing()) entry.set_label(hpte.label);
}

// Locked; no_slot: there is none.
std::uint64_t lock_free_slot(std::uint64_t group) noexcept {
  for (std::uint64_t slot = group; slot < group + group_entries; ++slot) {
    HashEntry& entry = ppc64_hash::htab.entry(slot);
    if (is_valid(entry)) continue;
    lock_hpte(entry);
    if (!is_valid(entry)) return slot;
    unlock_hpte(entry);
  }
  return no_slot;
}

}  // namespace

std::uint64_t hpte_insert(const Hpte& hpte, bool secondary) noexcept {
  const std::uint64_t slot = lock_free_slot(ppc64_hash::htab.group_of(hpte.tag, secondary));
  if (slot == no_slot) return no_slot;
  HashEntry& entry = ppc64_hash::htab.entry(slot);
  write_r(entry, hpte);
  smp_wmb();  // r before v says valid; pairs with the acquire in HashTable::search
  entry.v.store(hpte.tag | hw::hash_valid | (secondary ? hw::hash_secondary : 0), order::relaxed);
  trace(EventKind::hash_insert, hpte.mm.id, hpte.va, slot, hpte.r >> page_shift);
  ptesync();  // the entry before the PTE that says where it is; pairs with led_to in hash_tlb.cpp
  return slot;
}

void hpte_remove(std::uint64_t group) noexcept {
  const unsigned first = choose(group_entries);  // the kernel asks the clock
  for (unsigned n = 0; n < group_entries; ++n) {
    const std::uint64_t slot = group + (first + n) % group_entries;
    HashEntry& entry = ppc64_hash::htab.entry(slot);
    if (!is_valid(entry)) continue;
    lock_hpte(entry);
    if (is_valid(entry)) return clear_and_unlock(entry, nullptr, slot);
    unlock_hpte(entry);
  }
}

bool hpte_update(const Hpte& hpte, std::uint64_t slot) noexcept {
  HashEntry& entry = ppc64_hash::htab.entry(slot);
  if (!is_of(entry, hpte.tag)) return false;
  lock_hpte(entry);
  const bool found = is_of(entry, hpte.tag);
  if (found) write_r(entry, hpte);
  unlock_hpte(entry);
  return found;
}

void hpte_clear(const mm_struct& mm, std::uint64_t slot, std::uint64_t tag) noexcept {
  HashEntry& entry = ppc64_hash::htab.entry(slot);
  if (!is_of(entry, tag)) return;
  lock_hpte(entry);
  if (is_of(entry, tag))
    clear_and_unlock(entry, &mm, slot);
  else
    unlock_hpte(entry);
}

void ptesync() noexcept { smp_mb(); }

void tlbie(const Tlbie& what, bool local) noexcept {
  const unsigned size = what.large ? 1 : 0;
  const vaddr_t start = what.va & ~((1ULL << hw::size_shift(size)) - 1);
  const generic::invalidation order{.reach = generic::Reach::leaf,
                                    .asid = what.asid,
                                    .start = start,
                                    .end = start + page_size,
                                    .size = size};
  ppc64_hash_cpu& cpu = ppc64_hash::this_cpu();
  if (!local) return cpu.tlbie.issue(order, mmu_at);
  const access_window_of<ppc64_hash> window;
  generic::invalidate(cpu.mmu, order);
}

void tlbsync(bool local) noexcept {
  if (!local) ppc64_hash::this_cpu().tlbie.wait(mmu_at);
  ptesync();
}

}  // namespace tlblab::inline TLBLAB_WORLD::native
