// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/clock.h"

namespace tlblab::inline TLBLAB_WORLD::detail {

void ReleaseTable::forget_all() noexcept {
  clocks_.clear();
  if (++age_ != 0) return;
  slots_.assign(slots_.size(), {});
  age_ = 1;
}

// The slot that holds the word, or the empty one where it belongs.
std::size_t ReleaseTable::slot_of(const void* word) const noexcept {
  const std::uint64_t key = reinterpret_cast<std::uintptr_t>(word);
  std::size_t at = key * 0x9e3779b97f4a7c15ULL >> shift_;
  while (slots_[at].age == age_ && slots_[at].word != word) at = (at + 1) & (slots_.size() - 1);
  return at;
}

VectorClock* ReleaseTable::find(const void* word) noexcept {
  if (clocks_.empty()) return nullptr;
  const Slot& slot = slots_[slot_of(word)];
  return slot.age == age_ ? &clocks_[slot.index] : nullptr;
}

VectorClock& ReleaseTable::obtain(const void* word) {
  Slot* slot = &slots_[slot_of(word)];
  if (slot->age == age_) return clocks_[slot->index];
  if (clocks_.size() * 2 >= slots_.size()) {
    grow();
    slot = &slots_[slot_of(word)];
  }
  *slot = {word, age_, static_cast<std::uint32_t>(clocks_.size())};
  return clocks_.emplace_back();
}

void ReleaseTable::grow() {
  const std::vector<Slot> old = std::move(slots_);
  slots_ = std::vector<Slot>(old.size() * 2);
  --shift_;
  for (const Slot& slot : old)
    if (slot.age == age_) slots_[slot_of(slot.word)] = slot;
}

}  // namespace tlblab::inline TLBLAB_WORLD::detail
