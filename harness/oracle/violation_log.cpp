// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/violation_log.h"

namespace tlblab {

std::vector<Violation> ViolationLog::examples() const {
  const std::lock_guard guard(mutex_);
  return examples_;
}

void ViolationLog::reset() noexcept {
  const std::lock_guard guard(mutex_);
  total_.store(0, std::memory_order_relaxed);
  examples_.clear();
}

void ViolationLog::keep(std::string_view kind, std::string text) noexcept {
  const std::lock_guard guard(mutex_);
  examples_.push_back({std::string(kind), std::move(text)});
}

}  // namespace tlblab
