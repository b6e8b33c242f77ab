// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/hash_entries.h"

#include <fmt/core.h>

#include "harness/oracle/kinds.h"

namespace tlblab {

void HashEntries::hash_insert(const trace_event& e) noexcept {
  const Key key{e.mm, e.a};
  const std::lock_guard held(mutex_);
  in_slot_[e.b] = key;
  if (++valid_[key] == 2)
    log_.report(kind::duplicate_hash_entry, [&] {
      return fmt::format("cpu{} made a second valid hash entry for {:#x} of mm {}, in slot {}",
                         e.cpu, e.a, e.mm, e.b);
    });
}

void HashEntries::hash_remove(const trace_event& e) noexcept {
  const std::lock_guard held(mutex_);
  const auto slot = in_slot_.find(e.b);
  if (slot == in_slot_.end()) return;
  const auto entries = valid_.find(slot->second);
  in_slot_.erase(slot);
  if (--entries->second == 0) valid_.erase(entries);
}

void HashEntries::reset() noexcept {
  valid_.clear();
  in_slot_.clear();
}

}  // namespace tlblab
