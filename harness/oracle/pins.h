// SPDX-License-Identifier: GPL-2.0-or-later
// I7, reliable pins: an anonymous page that FOLL_PIN holds is exclusive to its mm, from the success of
// the pin until the unpin. Else the mm's next write makes a copy, and the device and the program go
// on with different pages.
//
// Both sides leave their mark before they look at the other's: a pin counts and then reads the flag,
// who clears the flag does that and then reads the count. So of two that cross at least one sees it.
#pragma once

#include "harness/oracle/frame_records.h"
#include "harness/oracle/violation_log.h"
#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

class Pins {
 public:
  Pins(FrameRecords& frames, ViolationLog& log) : frames_(frames), log_(log) {}

  void page_pin(const trace_event& e) noexcept;
  void page_unpin(const trace_event& e) noexcept;
  void anon_exclusive_clear(const trace_event& e) noexcept;
  void page_free(const trace_event& e) noexcept;

 private:
  FrameRecords& frames_;
  ViolationLog& log_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
