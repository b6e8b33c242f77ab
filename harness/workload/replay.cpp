// SPDX-License-Identifier: GPL-2.0-or-later
// Order, threads and processes. What an operation does to its address space is
// space_operations.cpp.
#include "harness/workload/replay.h"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness/workload/attribution.h"
#include "harness/workload/kinds.h"
#include "harness/workload/lineage.h"
#include "harness/workload/processes.h"
#include "harness/workload/space_operations.h"

namespace tlblab {

class Replay::Machine {
 public:
  Machine(const Recording& recording, ReplayTarget& target, ReplayOptions options)
      : recording_(recording),
        target_(target),
        options_(std::move(options)),
        lineage_(recording),
        attribution_(recording, lineage_),
        queue_([this](const EventQueue::Entry& entry) { emit(entry); }),
        operations_(target, report_, options_.populate_limit) {
    const auto recorded = static_cast<unsigned>(recording_.cpus.size());
    spread_ = options_.cpus > recorded;
    if (options_.cpus == 0) options_.cpus = std::max(1U, recorded);
    skip();
  }

  [[nodiscard]] unsigned cpus() const { return options_.cpus; }
  [[nodiscard]] std::size_t position() const { return next_; }
  [[nodiscard]] bool done() const { return next_ == recording_.records.size(); }

  unsigned next_cpu() {
    const Record& record = recording_.records[next_];
    const std::size_t seat =
        spread_ ? seats_.try_emplace(record.tid, seats_.size()).first->second
                : static_cast<std::size_t>(std::ranges::lower_bound(recording_.cpus, record.cpu) -
                                           recording_.cpus.begin());
    return static_cast<unsigned>(seat % options_.cpus);
  }

  void step() {
    carry_out(next_, recording_.records[next_]);
    ++report_.operations;
    ++next_;
    skip();
  }

  ReplayReport finish() {
    queue_.abandon_all();
    report_.kinds = tally_.kinds();
    report_.records = recording_.records.size();
    report_.processes = table_.processes_seen();
    report_.threads = table_.threads_seen();
    report_.lost_records = recording_.lost_records;
    report_.lost_events = recording_.lost_events;
    report_.unknown_events = recording_.unknown_events;
    report_.ipis = target_.ipis_sent();
    report_.add_checks();
    return report_;
  }

 private:
  // ---- records ----------------------------------------------------------------------------------

  // Does the records that need no CPU, up to the next one that does.
  void skip() {
    for (; !done() && !needs_cpu(recording_.records[next_]); ++next_)
      note(next_, recording_.records[next_]);
  }

  bool needs_cpu(const Record& record) {
    switch (record.event) {
      case Event::tlb_flush: return false;
      case Event::page_fault_user:
      case Event::page_fault_kernel: return record.arg[2] == 0 && record.arg[0] < user_end;
      case Event::sys_enter:
        return record.call == Call::mlock || record.call == Call::pkey_mprotect;
      case Event::sys_exit: return in_call(record);
      case Event::process_fork:
      case Event::process_exec:
      case Event::process_exit: return true;
    }
    return false;
  }

  bool in_call(const Record& exit) {
    const Thread* thread = table_.find_thread(exit);
    return thread != nullptr && thread->call != nullptr && thread->call->call == exit.call;
  }

  void note(std::size_t index, const Record& record) {
    if (record.event == Event::tlb_flush)
      note_flush(record);
    else if (is_fault(record))
      note_kernel_address(index, record);
    else if (record.event == Event::sys_enter)
      enter(index, record);
  }

  void note_flush(const Record& record) {
    if (record.arg[1] < report_.recorded.size())
      report_.recorded[record.arg[1]].add(static_cast<std::int64_t>(record.arg[0]));
  }

  void note_kernel_address(std::size_t index, const Record& record) {
    ++report_.faults.kernel_addresses;
    const bool write = (record.flags & fault_is_write) != 0;
    decide(index, {write ? kind::fault_write : kind::fault_read, false});
  }

  void enter(std::size_t index, const Record& record) {
    Thread& thread = table_.thread(record);
    abandon_call(thread);
    if (record.call == Call::execve ? lineage_.before_exec(index) : has_exit(record.call)) {
      thread.call = &record;
      thread.ticket = queue_.open(record.line, index, kind::unfinished);
    } else {
      decide(index, {record.call == Call::execve ? kind::execve_failed : call_name(record.call)});
    }
  }

  void abandon_call(Thread& thread) {
    if (std::exchange(thread.call, nullptr) == nullptr) return;
    ++report_.unfinished_calls;
    queue_.abandon(thread.ticket);
  }

  void carry_out(std::size_t index, const Record& record) {
    switch (record.event) {
      case Event::tlb_flush: return;
      case Event::page_fault_user:
      case Event::page_fault_kernel: return fault(index, record);
      case Event::sys_enter: return call_without_exit(index, record);
      case Event::sys_exit: return leave(record);
      case Event::process_fork: return fork(index, record);
      case Event::process_exec: return exec(index, record);
      case Event::process_exit: return exit(index, record);
    }
  }

  // ---- operations on one address space ----------------------------------------------------------

  void fault(std::size_t index, const Record& record) {
    Thread& thread = table_.thread(record);
    const bool write = (record.flags & fault_is_write) != 0;
    if (record.event == Event::page_fault_kernel && write && lineage_.before_exec(index))
      enter_new_space(thread);
    AddressSpace& space = run(table_.space(thread));
    const Verdict verdict = operations_.fault(space, record);
    decide(index, verdict, drain());
  }

  void leave(const Record& exit) {
    Thread& thread = table_.thread(exit);
    const Record& enter = *std::exchange(thread.call, nullptr);
    AddressSpace& space = run(table_.space(thread));
    const Verdict verdict = operations_.call(space, enter, static_cast<std::int64_t>(exit.arg[0]));
    close(thread.ticket, verdict, drain());
  }

  void call_without_exit(std::size_t index, const Record& enter) {
    Thread& thread = table_.thread(enter);
    abandon_call(thread);
    AddressSpace& space = run(table_.space(thread));
    const Verdict verdict = operations_.call_without_exit(space, enter);
    decide(index, verdict, drain());
  }

  // ---- processes --------------------------------------------------------------------------------

  void fork(std::size_t index, const Record& record) {
    Thread& thread = table_.thread(record);
    AddressSpace& parent = run(table_.space(thread));
    const auto child = static_cast<std::uint32_t>(record.arg[0]);
    switch (lineage_.birth(index)) {
      case Birth::unseen: return decide(index, {kind::fork});
      case Birth::thread:
        table_.add_thread(child, record.pid);
        return decide(index, {kind::thread_create});
      case Birth::vfork:
        table_.add_sharing_process(child, parent);
        return decide(index, {kind::vfork});
      case Birth::fork: break;
    }
    AddressSpace& copy = table_.add_process(child);
    copy.knowledge = parent.knowledge->forked();
    copy.untracked = parent.untracked;
    copy.created = true;
    target_.fork(parent.id, copy.id);
    decide(index, {kind::fork}, drain());
  }

  // The point in an execve from which on the kernel fills the new address space.
  void enter_new_space(Thread& thread) {
    if (std::exchange(thread.in_new_space, true)) return;
    AddressSpace& old = run(table_.space(thread));
    if (old.users > 1) {
      run(table_.leave_shared_space(thread));
    } else {
      target_.exec(old.id);
      old.knowledge = std::make_unique<Knowledge>();
      old.untracked.clear();
    }
    thread.exec_flushes = drain();
  }

  void exec(std::size_t index, const Record& record) {
    Thread& thread = table_.rename_thread(static_cast<std::uint32_t>(record.arg[1]), record);
    enter_new_space(thread);
    thread.in_new_space = false;
    const std::vector<FlushRecord> flushed = std::exchange(thread.exec_flushes, {});
    if (thread.call != nullptr && thread.call->call == Call::execve) {
      thread.call = nullptr;
      return close(thread.ticket, {kind::exec}, flushed);
    }
    abandon_call(thread);
    decide(index, {kind::exec}, flushed);
  }

  void exit(std::size_t index, const Record& record) {
    Thread& thread = table_.thread(record);
    abandon_call(thread);
    const AddressSpace& space = run(table_.space(thread));
    const ProcessId id = space.id;
    const ProcessTable::Departure departure = table_.remove_thread(record);
    if (departure.space) target_.exit(id);
    decide(index, {departure.process_gone ? kind::exit : kind::thread_exit}, drain());
  }

  // ---- the target and the events ----------------------------------------------------------------

  // Lets the process run. What the switch flushed is nobody's.
  AddressSpace& run(AddressSpace& space) {
    if (!std::exchange(space.created, true)) target_.create(space.id);
    target_.run_as(space.id);
    drain();
    return space;
  }

  // The flushes of the target since the last time. Valid until the next call.
  const std::vector<FlushRecord>& drain() {
    flushes_.clear();
    target_.take_flushes(flushes_);
    for (const FlushRecord& flush : flushes_)
      report_.predicted[static_cast<std::size_t>(flush.reason)].add(flush.pages);
    return flushes_;
  }

  // An operation that is over at its first line.
  void decide(std::size_t index, Verdict verdict, std::span<const FlushRecord> flushed = {}) {
    close(queue_.open(recording_.records[index].line, index, verdict.kind), verdict, flushed);
  }

  void close(EventQueue::Ticket ticket, Verdict verdict, std::span<const FlushRecord> flushed) {
    EventQueue::Entry& entry = queue_.at(ticket);
    entry.kind = verdict.kind;
    entry.known = verdict.known;
    entry.predicted.assign(flushed.begin(), flushed.end());
    queue_.close(ticket);
  }

  void emit(const EventQueue::Entry& entry) {
    const ReplayEvent event{.line = entry.line,
                            .kind = entry.kind,
                            .known = entry.known,
                            .finished = entry.finished,
                            .predicted = entry.predicted,
                            .recorded = attribution_.flushes(entry.record)};
    tally_.add(event);
    if (options_.on_event) options_.on_event(event);
  }

  const Recording& recording_;
  ReplayTarget& target_;
  ReplayOptions options_;
  Lineage lineage_;
  Attribution attribution_;
  ReplayReport report_;
  Tally tally_;
  EventQueue queue_;
  ProcessTable table_;
  SpaceOperations operations_;
  std::unordered_map<std::uint32_t, std::size_t> seats_;  // by tid: order of appearance
  std::vector<FlushRecord> flushes_;
  std::size_t next_ = 0;
  bool spread_ = false;
};

Replay::Replay(const Recording& recording, ReplayTarget& target, ReplayOptions options)
    : machine_(std::make_unique<Machine>(recording, target, std::move(options))) {}
Replay::~Replay() = default;

unsigned Replay::cpus() const noexcept { return machine_->cpus(); }
std::size_t Replay::position() const noexcept { return machine_->position(); }
bool Replay::done() const noexcept { return machine_->done(); }
unsigned Replay::next_cpu() const { return machine_->next_cpu(); }
void Replay::step() { machine_->step(); }
ReplayReport Replay::finish() { return machine_->finish(); }

}  // namespace tlblab
