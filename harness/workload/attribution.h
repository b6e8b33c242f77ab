// SPDX-License-Identifier: GPL-2.0-or-later
// Which recorded flushes belong to which recorded call or fault. Only `local MM shootdown` is
// attributed: the others happen on whichever CPU runs, at their own time.
//
// A flush of a thread belongs to the call between whose sys_enter and sys_exit it stands; from a
// successful execve's sys_enter to its sched_process_exec, to that execve; otherwise to the last
// fault of the thread, however late. Before the first event of a thread and after its exit it
// belongs to nothing.
//
// A fork flushes before its event is recorded and so, by this rule, the flush is the last fault's.
// Forks have a second account of their own: the flush that stands directly before their event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/workload/lineage.h"
#include "harness/workload/recording.h"

namespace tlblab {

class Attribution {
 public:
  Attribution(const Recording& recording, const Lineage& lineage);

  // Pages of the flushes that belong to record `index`, a sys_enter, a fault or a process_exec
  // whose sys_enter was not recorded; of a process_fork, of the one directly before it. In order;
  // -1 is a full flush.
  [[nodiscard]] std::span<const std::int64_t> flushes(std::size_t index) const {
    return {pages_.data() + first_[index], pages_.data() + first_[index + 1]};
  }

 private:
  std::vector<std::int64_t> pages_;   // grouped by owner
  std::vector<std::uint32_t> first_;  // by record: where its group begins
};

}  // namespace tlblab
