// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/processes.h"

#include <utility>

namespace tlblab {

void AddressSpace::forget_untracked(Range range) {
  if (!range.empty())
    untracked.erase(untracked.lower_bound(range.begin), untracked.lower_bound(range.end));
}

bool AddressSpace::has_untracked(Range range) const {
  const auto first = untracked.lower_bound(range.begin);
  return first != untracked.end() && *first < range.end;
}

Thread* ProcessTable::find_thread(const Record& record) {
  const auto found = threads_.find(record.tid);
  if (found == threads_.end() || found->second.pid != record.pid) return nullptr;
  return &found->second;
}

Thread& ProcessTable::thread(const Record& record) {
  if (Thread* known = find_thread(record)) return *known;
  if (!processes_.contains(record.pid)) add_process(record.pid);
  if (record.tid != record.pid) add_thread(record.tid, record.pid);
  if (Thread* made = find_thread(record)) return *made;
  add_thread(record.tid, record.pid);
  return *find_thread(record);
}

void ProcessTable::add_thread(std::uint32_t tid, std::uint32_t pid) {
  forget_thread(tid);
  threads_[tid].pid = pid;
  ++processes_[pid].threads;
  ++threads_seen_;
}

AddressSpace& ProcessTable::new_space() {
  auto space = std::make_unique<AddressSpace>();
  space->id = next_id_++;
  return *spaces_.emplace(space->id, std::move(space)).first->second;
}

AddressSpace& ProcessTable::add_process(std::uint32_t pid) {
  AddressSpace& space = new_space();
  --space.users;
  add_sharing_process(pid, space);
  return space;
}

void ProcessTable::add_sharing_process(std::uint32_t pid, AddressSpace& space) {
  forget_process(pid);
  ++space.users;
  processes_[pid].space = &space;
  ++processes_seen_;
  add_thread(pid, pid);
}

Thread& ProcessTable::rename_thread(std::uint32_t old_tid, const Record& exec) {
  const auto old = threads_.find(old_tid);
  if (old == threads_.end() || old->second.pid != exec.pid || old_tid == exec.tid)
    return thread(exec);
  Thread moved = std::move(old->second);
  threads_.erase(old);
  if (threads_.contains(exec.tid)) forget_thread(exec.tid);
  return threads_[exec.tid] = std::move(moved);
}

AddressSpace& ProcessTable::leave_shared_space(const Thread& thread) {
  Process& process = processes_.find(thread.pid)->second;
  --process.space->users;
  process.space = &new_space();
  return *process.space;
}

ProcessTable::Departure ProcessTable::remove_thread(const Record& exit) {
  thread(exit);
  Process& process = processes_.find(exit.pid)->second;
  const bool last =
      exit.arg[0] == exit_of_group || (exit.arg[0] == exit_unspecified && process.threads <= 1);
  if (!last) {
    forget_thread(exit.tid);
    return {};
  }
  Departure departure{.process_gone = true, .space = nullptr};
  AddressSpace* space = process.space;
  forget_process(exit.pid);
  if (space->users == 0) {
    const auto owner = spaces_.find(space->id);
    departure.space = std::move(owner->second);
    spaces_.erase(owner);
  }
  return departure;
}

void ProcessTable::forget_thread(std::uint32_t tid) {
  const auto found = threads_.find(tid);
  if (found == threads_.end()) return;
  --processes_.find(found->second.pid)->second.threads;
  threads_.erase(found);
}

void ProcessTable::forget_process(std::uint32_t pid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  --found->second.space->users;
  processes_.erase(found);
  std::erase_if(threads_, [pid](const auto& entry) { return entry.second.pid == pid; });
}

}  // namespace tlblab
