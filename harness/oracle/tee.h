// SPDX-License-Identifier: GPL-2.0-or-later
// One listener made of two. World-neutral.
#pragma once

#include "mm/types.h"

namespace tlblab {

class TeeSink final : public TraceSink {
 public:
  TeeSink() noexcept = default;
  TeeSink(TraceSink* first, TraceSink* second) noexcept : first_(first), second_(second) {}
  void event(const trace_event& what) noexcept override {
    if (first_ != nullptr) first_->event(what);
    if (second_ != nullptr) second_->event(what);
  }

 private:
  TraceSink* first_ = nullptr;
  TraceSink* second_ = nullptr;
};

}  // namespace tlblab
