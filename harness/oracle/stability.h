// SPDX-License-Identifier: GPL-2.0-or-later
// I4, stability: while a page is copied for an address, from the first load of the copy until the
// entry shows the copy, no store of a program reaches the old page through that address. Such a
// store is lost: the copy may have been past it.
//
// A copy has a ticket, and a store remembers how many tickets were out when its translation was
// looked up. It is of a copy if the copy was begun by then and still is open when the store is done:
// so nothing is held against a store that was over before the copy began, or a copy that was over
// before the store. What is copied in vain, because the entry changed meanwhile, loses nothing.
#pragma once

#include <vector>

#include "harness/oracle/cpu_states.h"
#include "harness/oracle/violation_log.h"

namespace tlblab::inline TLBLAB_WORLD {

class Stability {
 public:
  Stability(const CpuStates& cpus, ViolationLog& log) : log_(log), locals_(cpus.cpus()) {}

  void copy_begin(const trace_event& e) noexcept;
  void copy_end(const trace_event& e) noexcept;
  void tlb_use(const trace_event& e) noexcept;
  void user_write(const trace_event& e) noexcept;
  void reset() noexcept;

 private:
  // What a CPU copies. Its own; others read it, and say so when they store into the old page.
  struct Copy {
    std::atomic<std::uint64_t> ticket{0};  // 0: it copies nothing
    std::atomic<std::uint64_t> mm{0}, pfn{0}, va{0};
    std::atomic<std::uint64_t> stored_by{0};  // CPU + 1; 0: nobody
  };
  struct alignas(128) Local {
    Copy copy;
    // The store that the CPU is about to make.
    trace_event use;
    std::uint64_t tickets_then = 0;  // 0: no copy was open
  };
  [[nodiscard]] static bool is_of(const Copy& copy, const trace_event& use) noexcept;

  ViolationLog& log_;
  std::vector<Local> locals_;
  std::atomic<std::uint64_t> tickets_{0};
  std::atomic<unsigned> open_{0};
};

}  // namespace tlblab::inline TLBLAB_WORLD
