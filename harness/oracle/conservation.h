// SPDX-License-Identifier: GPL-2.0-or-later
// I18, conservation: what is put in a gather is given back exactly once, after the flush that
// covers it, and nothing is left at the end. A CPU has one gather open at most.
//
// Pages given back are counted and summed (each pfn mixed), so that a page given back in another
// one's place shows; which page it is the sums cannot say. Tables may be freed much later, by RCU:
// finish() asks for those.
#pragma once

#include <vector>

#include "harness/oracle/cpu_states.h"
#include "harness/oracle/frame_records.h"
#include "harness/oracle/violation_log.h"

namespace tlblab::inline TLBLAB_WORLD {

class Conservation {
 public:
  Conservation(CpuStates& cpus, FrameRecords& frames, ViolationLog& log, bool tables_wait)
      : cpus_(cpus), frames_(frames), log_(log), tables_wait_(tables_wait), gathers_(cpus.cpus()) {}

  void gather_begin(const trace_event& e) noexcept;
  void gather_queue(const trace_event& e) noexcept;
  void gather_flush(const trace_event& e) noexcept;
  void gather_put(const trace_event& e) noexcept;
  void gather_end(const trace_event& e) noexcept;
  void page_free(const trace_event& e) noexcept;
  void table_queue(const trace_event& e) noexcept;
  void table_free(const trace_event& e) noexcept;
  // No CPU runs any more, and all RCU callbacks have been called.
  void finish() noexcept;
  void reset() noexcept { gathers_.assign(gathers_.size(), {}); }

 private:
  struct Sum {
    std::uint64_t pages = 0;
    std::uint64_t mixed = 0;
    void add(pfn_t pfn) noexcept;
    friend bool operator==(const Sum&, const Sum&) noexcept = default;
  };
  struct alignas(128) Gather {
    bool open = false;
    std::uint64_t mm = 0;
    Sum queued, put;
    std::uint64_t unflushed = 0;  // pages queued since the last flush
    std::int64_t tables = 0;      // queued here less freed here: may be negative
  };

  [[nodiscard]] Gather& open_gather(const trace_event& e, const char* what) noexcept;
  [[nodiscard]] std::uint64_t tag(unsigned cpu) noexcept;
  [[nodiscard]] bool waits_for_flush(std::uint64_t queued) noexcept;

  CpuStates& cpus_;
  FrameRecords& frames_;
  ViolationLog& log_;
  const bool tables_wait_;
  std::vector<Gather> gathers_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
