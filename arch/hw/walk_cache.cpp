// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/hw/walk_cache.h"

#include <new>

namespace tlblab::inline TLBLAB_WORLD::hw {

bool WalkCache::init(const TlbGeometry& geometry) noexcept {
  size_ = geometry.walk_entries;
  const std::size_t count = std::size_t{levels} * size_;
  entries_ = static_cast<Entry*>(kmalloc(count * sizeof(Entry), AllocSite::object));
  if (entries_ == nullptr) return false;
  for (std::size_t i = 0; i < count; ++i) new (entries_ + i) Entry;
  return true;
}

void WalkCache::exit() noexcept { kfree(entries_); }

const WalkCache::Entry* WalkCache::lookup(unsigned asid,
                                          vaddr_t va,
                                          unsigned level) const noexcept {
  const Entry& entry = slot(va, level);
  return entry.key.load(order::relaxed) == key_of(asid, va, level) ? &entry : nullptr;
}

void WalkCache::insert(unsigned asid,
                       vaddr_t va,
                       page* table,
                       std::uint32_t generation,
                       std::uint64_t mm_id) noexcept {
  Entry& entry = slot(va, table->level);
  entry.key.store(0, order::relaxed);
  smp_wmb();  // pairs with the acquire in for_each_of: never the key of one table with another
  entry.table.store(table, order::relaxed);
  entry.generation.store(generation, order::relaxed);
  entry.mm_id.store(mm_id, order::relaxed);
  entry.tag.store(tag_of(table->pfn, generation), order::release);  // mm_id before it
  entry.key.store(key_of(asid, va, table->level), order::release);
}

void WalkCache::invalidate_page(unsigned asid, vaddr_t va) noexcept {
  for (unsigned level = 0; level < levels; ++level)
    if (Entry& entry = slot(va, level); entry.key.load(order::relaxed) == key_of(asid, va, level))
      entry.key.store(0, order::relaxed);
}

void WalkCache::invalidate_asid(unsigned asid) noexcept {
  constexpr std::uint64_t mask = (1ULL << asid_bits) - 1;
  for (unsigned i = 0; i < levels * size_; ++i) {
    const std::uint64_t key = entries_[i].key.load(order::relaxed);
    if (key != 0 && ((key - 1) & mask) == asid) entries_[i].key.store(0, order::relaxed);
  }
}

void WalkCache::invalidate_all() noexcept {
  for (unsigned i = 0; i < levels * size_; ++i) entries_[i].key.store(0, order::relaxed);
}

}  // namespace tlblab::inline TLBLAB_WORLD::hw
