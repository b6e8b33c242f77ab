// SPDX-License-Identifier: GPL-2.0-or-later
// Who is who in a recording: threads by tid, processes by pid, and the address spaces they run in.
// Two processes share one between a vfork and the child's exec. The operating system uses numbers
// again; an address space's id is new each time.
//
// Every thread's process exists, whatever the recording says: what contradicts it makes room for
// what comes. A thread or process that appears without a fork (the first one; those of a recording
// that began later) is made when it is seen.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "harness/workload/knowledge.h"
#include "harness/workload/range.h"
#include "harness/workload/recording.h"
#include "harness/workload/replay_event.h"
#include "harness/workload/replay_target.h"

namespace tlblab {

struct AddressSpace {
  ProcessId id = 0;
  unsigned users = 1;    // processes
  bool created = false;  // the target knows it
  std::unique_ptr<Knowledge> knowledge = std::make_unique<Knowledge>();
  std::set<vaddr_t> untracked;  // pages made because of a fault

  void forget_untracked(Range range);
  [[nodiscard]] bool has_untracked(Range range) const;
};

struct Process {
  AddressSpace* space = nullptr;
  unsigned threads = 0;
};

struct Thread {
  std::uint32_t pid = 0;
  // The call that it is in, execve included.
  const Record* call = nullptr;
  EventQueue::Ticket ticket = 0;
  // An execve that has left the old address space, and what it flushed so far.
  bool in_new_space = false;
  std::vector<FlushRecord> exec_flushes;
};

class ProcessTable {
 public:
  // The thread of a record; made if need be, with its process and address space.
  Thread& thread(const Record& record);
  // Null if there is none yet.
  [[nodiscard]] Thread* find_thread(const Record& record);
  // REQUIRES: of this table.
  AddressSpace& space(const Thread& thread) { return *processes_.find(thread.pid)->second.space; }

  void add_thread(std::uint32_t tid, std::uint32_t pid);
  // A new process with one thread of the same number, in an address space of its own or in a shared
  // one.
  AddressSpace& add_process(std::uint32_t pid);
  void add_sharing_process(std::uint32_t pid, AddressSpace& space);
  // After an execve by a thread that is not the first: it goes on under the tid of the record.
  Thread& rename_thread(std::uint32_t old_tid, const Record& exec);
  // The process runs in a new address space, its old one stays with the others in it.
  AddressSpace& leave_shared_space(const Thread& thread);

  struct Departure {
    bool process_gone = false;
    std::unique_ptr<AddressSpace> space;  // if nobody is left in it
  };
  Departure remove_thread(const Record& exit);

  [[nodiscard]] std::uint64_t processes_seen() const noexcept { return processes_seen_; }
  [[nodiscard]] std::uint64_t threads_seen() const noexcept { return threads_seen_; }

 private:
  AddressSpace& new_space();
  void forget_thread(std::uint32_t tid);
  void forget_process(std::uint32_t pid);

  std::unordered_map<std::uint32_t, Thread> threads_;     // by tid
  std::unordered_map<std::uint32_t, Process> processes_;  // by pid
  std::unordered_map<ProcessId, std::unique_ptr<AddressSpace>> spaces_;
  ProcessId next_id_ = 0;
  std::uint64_t processes_seen_ = 0, threads_seen_ = 0;
};

}  // namespace tlblab
