// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/hw/hash_table.h"

#include <new>

namespace tlblab::inline TLBLAB_WORLD::hw {

bool HashTable::init(unsigned groups) noexcept {
  groups_ = groups == 0 ? usual_groups : groups;
  const std::size_t count = groups_ * group_entries;
  entries_ = static_cast<HashEntry*>(kmalloc(count * sizeof(HashEntry), AllocSite::object));
  if (entries_ == nullptr) return false;
  for (std::size_t slot = 0; slot < count; ++slot) new (entries_ + slot) HashEntry;
  return true;
}

void HashTable::exit() noexcept { kfree(entries_); }

void HashEntry::set_label(const HashLabel& label) noexcept {
  const std::uint32_t before = version.load(order::relaxed);
  version.store(before + 1, order::relaxed);
  smp_wmb();  // odd before the words change; pairs with smp_rmb in HashTable::read
  frame_generation.store(label.frame_generation, order::relaxed);
  slot_changes.store(label.slot_changes, order::relaxed);
  slot.store(label.slot, order::relaxed);
  // Release: the words before the even version; pairs with the acquire in HashTable::read.
  version.store(before + 2, order::release);
}

// False: it changes just now, which hardware takes for no entry; so it asks software, which looks again.
bool HashTable::read(const HashEntry& entry, std::uint64_t v, HashHit& hit) const noexcept {
  const bool labelled = tracing();
  const std::uint32_t version = labelled ? entry.version.load(order::acquire) : 0;
  // Consume: the frame is reached through it.
  hit.r = entry.r.load(order::consume);
  if (!labelled) return true;
  hit.label = {entry.frame_generation.load(order::relaxed), entry.slot_changes.load(order::relaxed),
               entry.slot.load(order::relaxed)};
  smp_rmb();  // the words before the second look; pairs with smp_wmb in set_label
  return (version & 1) == 0 && entry.version.load(order::relaxed) == version &&
         entry.v.load(order::relaxed) == v;
}

bool HashTable::search(std::uint64_t tag, HashHit& hit) const noexcept {
  for (const bool secondary : {false, true}) {
    const HashEntry* group = entries_ + group_of(tag, secondary);
    for (unsigned n = 0; n < group_entries; ++n) {
      // Acquire: r as it was when v said valid; pairs with smp_wmb in hpte_insert.
      const std::uint64_t v = group[n].v.load(order::acquire);
      const bool its_kind = ((v & hash_secondary) != 0) == secondary;
      if (its_kind && matches(v, tag) && read(group[n], v, hit)) return true;
    }
  }
  return false;
}

bool HashTable::contains(const void* address) const noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const auto begin = reinterpret_cast<std::uintptr_t>(entries_);
  return at >= begin && at < begin + groups_ * group_entries * sizeof(HashEntry);
}

}  // namespace tlblab::inline TLBLAB_WORLD::hw
