// SPDX-License-Identifier: GPL-2.0-or-later
// What a record means that only later records tell: which fork made what, and which execve
// succeeded.
//
// perf's fork event does not say how much is shared. It is read off what follows:
// - the child's tid appears next as a tid of the parent's process: a thread;
// - the forking thread has no event of its own until the child enters the execve that succeeds, or
//   exits, and until then the child takes no write fault on a page that is present: vfork
//   (posix_spawn). The child runs in its parent's memory meanwhile. A real fork shows at once: it
//   write-protects both sides, and both store to their stacks;
// - anything else: a fork, with a copy of the memory;
// - a child that never appears: the recording ends before it ran, and the fork changes nothing that
//   is replayed.
// An execve succeeded if the next event of its thread is sched_process_exec. In between the kernel
// itself touches memory: it reads the arguments out of the old address space, then fills the new
// one. Recorded flushes are never looked at here: they are what a replay is compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/workload/recording.h"

namespace tlblab {

enum class Birth : std::uint8_t { unseen, thread, fork, vfork };

class Lineage {
 public:
  explicit Lineage(const Recording& recording);

  // REQUIRES: record `index` is a process_fork.
  [[nodiscard]] Birth birth(std::size_t index) const { return static_cast<Birth>(notes_[index]); }

  // REQUIRES: record `index` is a page_fault_kernel or a sys_enter of execve. True if the next
  // event of its thread, the kernel's own faults aside, is a sched_process_exec.
  [[nodiscard]] bool before_exec(std::size_t index) const { return notes_[index] != 0; }

 private:
  std::vector<std::uint8_t> notes_;  // by record
};

}  // namespace tlblab
