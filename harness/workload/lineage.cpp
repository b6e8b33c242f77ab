// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/lineage.h"

#include <limits>
#include <unordered_map>

namespace tlblab {
namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

// What a thread does from some record on. Filled from the end of the recording to its start.
struct Future {
  std::uint32_t pid = 0;        // process that it appears in next
  std::size_t event = never;    // its next event
  std::size_t release = never;  // its next successful execve, or its exit: the end of a vfork
  std::size_t cow = never;      // its next write fault on a present page before the release
  bool exec = false;            // its next event but for the kernel's own faults is an exec
};

class Backwards {
 public:
  explicit Backwards(const std::vector<Record>& records) : records_(records) {}

  std::vector<std::uint8_t> run() {
    notes_.resize(records_.size());
    for (std::size_t index = records_.size(); index-- > 0;)
      if (records_[index].event != Event::tlb_flush) see(index);
    return std::move(notes_);
  }

 private:
  void see(std::size_t index) {
    const Record& record = records_[index];
    if (record.event == Event::process_fork)
      notes_[index] = static_cast<std::uint8_t>(born(record));
    Future& future = futures_[record.tid];
    if (record.event == Event::page_fault_kernel || record.call == Call::execve)
      notes_[index] = future.exec ? 1 : 0;
    note(record, index, future);
    // Any thread may call execve; it goes on under the tid of the process.
    if (record.event == Event::process_exec && record.arg[1] != record.tid)
      note(record, index, futures_[static_cast<std::uint32_t>(record.arg[1])]);
  }

  void note(const Record& record, std::size_t index, Future& future) {
    const bool kernels_own = future.exec && record.event == Event::page_fault_kernel;
    const bool enters_exec = future.exec && record.call == Call::execve;
    future.pid = record.pid;
    future.event = index;
    future.exec = kernels_own || record.event == Event::process_exec;
    // The parent of a vfork is woken inside the execve, before the exec is recorded.
    if (enters_exec || record.event == Event::process_exec || record.event == Event::process_exit) {
      future.release = index;
      future.cow = never;
    } else if (is_fault(record) && !kernels_own && (record.flags & fault_present) != 0 &&
               (record.flags & fault_is_write) != 0) {
      future.cow = index;
    }
  }

  // The child's life begins here: an earlier one of the same tid is another thread.
  Birth born(const Record& fork) {
    const auto child = futures_.find(static_cast<std::uint32_t>(fork.arg[0]));
    if (child == futures_.end()) return Birth::unseen;
    const Future life = child->second;
    futures_.erase(child);
    if (life.pid == fork.pid) return Birth::thread;
    const auto parent = futures_.find(fork.tid);
    const std::size_t parent_next = parent == futures_.end() ? never : parent->second.event;
    const bool waits = life.release != never && parent_next > life.release;
    return waits && life.cow == never ? Birth::vfork : Birth::fork;
  }

  const std::vector<Record>& records_;
  std::unordered_map<std::uint32_t, Future> futures_;  // by tid
  std::vector<std::uint8_t> notes_;
};

}  // namespace

Lineage::Lineage(const Recording& recording) : notes_(Backwards(recording.records).run()) {}

}  // namespace tlblab
