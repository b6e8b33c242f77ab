// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/clock.h"

namespace tlblab::inline TLBLAB_WORLD::detail {

void ReleaseTable::forget_all() noexcept {
  clocks_.clear();
  if (++age_ != 0) return;
  slots_.assign(slots_.size(), {});
  age_ = 1;
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
