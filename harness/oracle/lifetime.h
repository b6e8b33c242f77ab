// SPDX-License-Identifier: GPL-2.0-or-later
// I1 and I2: a frame, or a page table, is freed when no TLB or walk cache leads to it any more.
//
// At the use: an entry knows the generation that its frame or table had when it was filled; if the
// frame has another one now it was freed in between. At the free, which is earlier and needs no
// luck: no CPU that runs the entry's mm (cpu_states.h) may still have one. Where to look is noted at
// each fill, so a free costs a probe of one set per CPU that ever filled the frame.
//
// One exception: a backend may free before it flushes, if a CPU took the page away by itself and flushes
// before it runs a program again (s390, while no other CPU is attached). It says so (flush_owed_on), and
// the CPU must be inside the kernel: freeing the page itself, or in a call. That it does flush is for the
// oracle of coherence to see when the call returns.
#pragma once

#include <vector>

#include "harness/oracle/cpu_states.h"
#include "harness/oracle/frame_records.h"
#include "harness/oracle/oracle_table.h"
#include "harness/oracle/violation_log.h"

namespace tlblab::inline TLBLAB_WORLD {

class Lifetime {
 public:
  Lifetime(const OracleTable& table, CpuStates& cpus, FrameRecords& frames, ViolationLog& log)
      : table_(table), cpus_(cpus), frames_(frames), log_(log), last_use_(table.cpus) {}

  void tlb_fill(const trace_event& e) noexcept;
  void tlb_use(const trace_event& e) noexcept;
  void user_access(const trace_event& e) noexcept;
  void page_free(const trace_event& e) noexcept;
  void walk_table(const trace_event& e) noexcept;
  void table_free(const trace_event& e) noexcept;
  void reset() noexcept { last_use_.assign(last_use_.size(), {}); }

 private:
  struct alignas(128) LastUse {
    trace_event use;
    bool reported = false;
  };

  // True if it is so.
  bool frame_was_freed(const trace_event& use) noexcept;
  [[nodiscard]] bool will_flush(unsigned cpu, unsigned freed_by) const noexcept;
  void look_for_entries(unsigned cpu, const trace_event& e, std::uint64_t filled_at) noexcept;

  const OracleTable& table_;
  CpuStates& cpus_;
  FrameRecords& frames_;
  ViolationLog& log_;
  std::vector<LastUse> last_use_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
