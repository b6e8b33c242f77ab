// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

// The last to come opens the door for all.
void LabRun::meet() noexcept {
  const unsigned meeting = meetings_.load(order::relaxed);
  // Full: what a CPU did before it came is seen by all after the meeting.
  if (arrived_.fetch_add(1, order::full) + 1 == nr_cpu_ids()) {
    arrived_.store(0, order::relaxed);
    meetings_.store(meeting + 1, order::release);  // pairs with the acquire below
    return;
  }
  while (meetings_.load(order::acquire) == meeting) cpu_relax();
}

void LabRun::violated(std::string_view kind, std::string text) {
  violations_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard guard(mutex_);
    if (examples_.size() < examples_kept) examples_.push_back({std::string(kind), std::move(text)});
  }
  if (on_violation_) on_violation_();
}

std::vector<Violation> LabRun::examples() {
  const std::lock_guard guard(mutex_);
  return examples_;
}

}  // namespace tlblab::inline TLBLAB_WORLD
