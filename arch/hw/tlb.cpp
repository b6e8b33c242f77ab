// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/hw/tlb.h"

#include <new>

namespace tlblab::inline TLBLAB_WORLD::hw {

namespace {

template <class T>
T* make_array(std::size_t count) noexcept {
  void* memory = kmalloc(count * sizeof(T), AllocSite::object);
  if (memory == nullptr) return nullptr;
  auto* array = static_cast<T*>(memory);
  for (std::size_t i = 0; i < count; ++i) new (array + i) T();
  return array;
}

}  // namespace

bool Tlb::init(const TlbGeometry& geometry, unsigned asids, bool contiguous) noexcept {
  const unsigned sets[] = {geometry.sets, geometry.huge_sets, geometry.giant_sets,
                           geometry.huge_sets};
  const unsigned ways[] = {geometry.ways, geometry.huge_ways, geometry.giant_ways,
                           geometry.huge_ways};
  sizes_ = contiguous ? page_sizes + 1 : page_sizes;
  for (unsigned size = 0; size < sizes_; ++size) {
    Array& array = arrays_[size];
    array = {make_array<Entry>(std::size_t{sets[size]} * ways[size]), sets[size], ways[size],
             false};
    if (array.entries == nullptr) return false;
  }
  front_mask_ = (geometry.front - 1) * sizeof(std::uint64_t);
  for (Front& half : fronts_) {
    half = {make_array<std::uint64_t>(geometry.front), make_array<std::uint64_t>(geometry.front)};
    if (half.tags == nullptr || half.deltas == nullptr) return false;
  }
  asids_ = asids;
  contexts_ = make_array<Atomic<std::uint32_t>>(asids);
  if (contexts_ == nullptr) return false;
  invalidate_all();
  return true;
}

void Tlb::exit() noexcept {
  for (Array& array : arrays_) kfree(array.entries);
  for (Front& half : fronts_) {
    kfree(half.tags);
    kfree(half.deltas);
  }
  kfree(contexts_);
}

Tlb::Entry* Tlb::find(unsigned asid, vaddr_t va, unsigned size) noexcept {
  Array& array = arrays_[size];
  const std::uint64_t key = key_of(asid, va, size);
  Entry* set = set_of(array, va, size);
  for (unsigned way = 0; way < array.ways; ++way)
    if (set[way].key.load(order::relaxed) == key) return set + way;
  return nullptr;
}

Tlb::Entry* Tlb::lookup(unsigned asid, vaddr_t va) noexcept {
  for (unsigned size = 0; size < sizes_; ++size)
    if (size == 0 || arrays_[size].used)
      if (Entry* entry = find(asid, va, size)) return entry;
  return nullptr;
}

bool Tlb::is_valid(const Entry& entry) const noexcept {
  const std::uint64_t key = entry.key.load(order::relaxed);
  const std::uint32_t asid = entry.flags.load(order::relaxed) >> asid_shift;
  return key != 0 && contexts_[asid].load(order::relaxed) == (key & context_mask);
}

Tlb::Entry* Tlb::choose_way(Entry* set, unsigned ways) noexcept {
  for (unsigned way = 0; way < ways; ++way)
    if (!is_valid(set[way])) return set + way;
  // Not in turn: one turn for all sets would give each set the same way in a sweep over pages.
  victim_state_ = victim_state_ * 1664525 + 1013904223;
  return set + (victim_state_ >> 16) % ways;
}

void Tlb::insert(unsigned asid, vaddr_t va, const TlbData& data, bool for_oracles) noexcept {
  Array& array = arrays_[data.size];
  array.used = true;
  Entry* entry = find(asid, va, data.size);
  if (entry == nullptr) entry = choose_way(set_of(array, va, data.size), array.ways);
  // No valid key while the other words change: a reader on another CPU must not mix two entries.
  entry->key.store(0, order::relaxed);
  const std::uint32_t version = entry->version.load(order::relaxed);
  if (for_oracles) entry->version.store(version + 1, order::relaxed);
  smp_wmb();  // odd before the words change; pairs with smp_rmb in look()
  entry->host.store(data.host, order::relaxed);
  entry->frame.store(data.frame, order::relaxed);
  entry->flags.store(data.flags | data.size << entry_size_shift | asid << asid_shift,
                     order::relaxed);
  if (for_oracles) {
    entry->frame_generation.store(data.frame_generation, order::relaxed);
    entry->slot_changes.store(data.slot_changes, order::relaxed);
    entry->slot.store(data.slot, order::relaxed);
    entry->mm_id.store(data.mm_id, order::relaxed);
    // Release: the words before the even version; pairs with the acquire in look().
    entry->version.store(version + 2, order::release);
  }
  entry->key.store(key_of(asid, va, data.size), order::release);
}

bool Tlb::look(const Entry& entry, unsigned size, TlbView& view) const noexcept {
  constexpr unsigned patience = 8;
  for (unsigned attempt = 0; attempt < patience; ++attempt) {
    const std::uint32_t version = entry.version.load(order::acquire);
    const std::uint64_t key = entry.key.load(order::acquire);
    if (key == 0) return false;
    const std::uint32_t flags = entry.flags.load(order::relaxed);
    view = {key >> context_bits << size_shift(size),
            size,
            {entry.frame.load(order::relaxed), entry.host.load(order::relaxed),
             flags & ((1U << entry_size_shift) - 1), size,
             entry.frame_generation.load(order::relaxed), entry.slot_changes.load(order::relaxed),
             entry.slot.load(order::relaxed), entry.mm_id.load(order::relaxed)}};
    smp_rmb();  // the words before the second look at the version; pairs with smp_wmb in insert()
    if ((version & 1) != 0 || entry.version.load(order::relaxed) != version) continue;
    // Still there? An invalidate may have come between.
    return entry.key.load(order::relaxed) == key &&
           contexts_[flags >> asid_shift].load(order::relaxed) == (key & context_mask);
  }
  return false;
}

void Tlb::invalidate_page(unsigned asid, vaddr_t va) noexcept {
  for (unsigned size = 0; size < page_sizes; ++size) invalidate_page(asid, va, size);
}

void Tlb::invalidate_page(unsigned asid, vaddr_t va, unsigned size) noexcept {
  if (Entry* entry = find(asid, va, size)) entry->key.store(0, order::relaxed);
  if (size != 0) return;
  for (Front& half : fronts_) write_once(word_at(half.tags, front_offset(va)), std::uint64_t{0});
  if (arrays_[contiguous_size].used)
    if (Entry* entry = find(asid, va, contiguous_size)) entry->key.store(0, order::relaxed);
}

bool Tlb::conflicts(unsigned asid, vaddr_t va, const TlbData& data) noexcept {
  if (data.size == 0) {
    const bool may = arrays_[contiguous_size].used && (data.flags & tlb_contiguous) == 0;
    const Entry* large = may ? find(asid, va, contiguous_size) : nullptr;
    const std::uint64_t at = va >> page_shift & (contiguous_pages - 1);
    return large != nullptr && large->frame.load(order::relaxed) + at == data.frame;
  }
  const vaddr_t start = va & ~((1ULL << size_shift(contiguous_size)) - 1);
  bool found = false;
  for (unsigned i = 0; i < contiguous_pages; ++i)
    if (Entry* small = find(asid, start + i * page_size, 0)) {
      found |= (small->flags.load(order::relaxed) & tlb_contiguous) == 0 &&
               small->frame.load(order::relaxed) == data.frame + i;
      invalidate_page(asid, start + i * page_size, 0);
    }
  return found;
}

void Tlb::invalidate_asid(unsigned asid) noexcept {
  if (last_context_ == context_mask) return invalidate_all();
  forget_front();
  contexts_[asid].store(++last_context_, order::relaxed);
}

void Tlb::remember(const Entry& entry, vaddr_t va, bool write, const void* host) noexcept {
  if (!is_small(entry)) return;
  Front& half = fronts_[write ? 1 : 0];
  const std::uint64_t offset = front_offset(va);
  write_once(word_at(half.deltas, offset), reinterpret_cast<std::uint64_t>(host) - va);
  write_once(word_at(half.tags, offset), front_tag(va));
}

void Tlb::forget_front() noexcept {
  if (++front_epoch_ < page_size) return;
  front_epoch_ = 1;
  for (Front& half : fronts_)
    for (std::uint64_t at = 0; at <= front_mask_; at += sizeof(std::uint64_t))
      write_once(word_at(half.tags, at), std::uint64_t{0});
}

void Tlb::invalidate_all() noexcept {
  forget_front();
  for (Array& array : arrays_)
    for (unsigned i = 0; i < array.sets * array.ways; ++i)
      array.entries[i].key.store(0, order::relaxed);
  last_context_ = 0;
  for (unsigned asid = 0; asid < asids_; ++asid)
    contexts_[asid].store(++last_context_, order::relaxed);
}

}  // namespace tlblab::inline TLBLAB_WORLD::hw
