// SPDX-License-Identifier: GPL-2.0-or-later
// The ported mm as what a script is run on (harness/workload/script_target.h). One run of the
// machine an operation: the CPU of whoever makes it works, the other one does what the second
// thread does, nothing but be there, and serves its interrupts.
//
// Whoever is not at work stays on its CPU: the main thread on CPU 0, the second thread on CPU 1
// until it sleeps. The child shares the CPU that the script gives it, and has it for as long as
// its operation lasts.
#pragma once

#include <cerrno>
#include <vector>

#include "harness/instances/script_calls.h"
#include "harness/workload/page_dump.h"

namespace tlblab::inline TLBLAB_WORLD {

// Keeps the flush events and counts the faults of one CPU, and hands every event on.
class ScriptCollector final : public TraceSink {
 public:
  void forward_to(TraceSink* next) noexcept { next_ = next; }
  void event(const trace_event& what) noexcept override {
    if (what.kind == EventKind::tlb_flush)
      flushes_.push_back({static_cast<FlushReason>(what.a), static_cast<std::int64_t>(what.b)});
    if (what.kind == EventKind::page_fault)
      ++(what.b == static_cast<std::uint64_t>(Access::write) ? write_faults_ : read_faults_);
    if (next_ != nullptr) next_->event(what);
  }
  void clear() noexcept {
    flushes_.clear();
    write_faults_ = read_faults_ = 0;
  }
  [[nodiscard]] const std::vector<FlushRecord>& flushes() const noexcept { return flushes_; }
  [[nodiscard]] std::uint64_t write_faults() const noexcept { return write_faults_; }
  [[nodiscard]] std::uint64_t read_faults() const noexcept { return read_faults_; }

 private:
  std::vector<FlushRecord> flushes_;
  std::uint64_t write_faults_ = 0, read_faults_ = 0;
  TraceSink* next_ = nullptr;
};

template <ArchBackend A>
class MmScriptTarget final : public ScriptTarget {
 public:
  MmScriptTarget(Machine& machine, const Script& script, bool second_thread)
      : machine_(machine),
        collectors_(machine.cpus()),
        child_cpu_(script.child_cpu),
        t1_awake_(second_thread) {}

  [[nodiscard]] ScriptCollector& collector(unsigned cpu) { return collectors_[cpu]; }

  // The process with its threads. The machine's memory is there.
  void begin(bool keeper) {
    on(0, [&] {
      mm_ = mm_alloc<A>(3);
      vm_bug_on(mm_ == nullptr, "no_memory_for_the_script");
      use_mm<A>(*mm_);
      if (keeper) map_keeper();
    });
    if (t1_awake_) on(1, [&] { use_mm<A>(*mm_); });
  }
  // Everybody exits.
  void end() {
    if (child_ != nullptr) on(child_cpu_, [&] { leave(child_); });
    if (t1_awake_) on(1, [] { unuse_mm<A>(); });
    on(0, [&] { leave(mm_); });
  }

  ScriptOutcome perform(const ScriptOp& op, std::uint64_t count) override {
    ScriptOutcome outcome;
    const unsigned cpu = cpu_of(op);
    for (ScriptCollector& collector : collectors_) collector.clear();
    switch (op.verb) {
      case ScriptVerb::sleep1:
      case ScriptVerb::t1exit: t1_sleeps(); break;
      case ScriptVerb::wake1: t1_wakes(); break;
      case ScriptVerb::fork: outcome.result = fork_on(cpu, outcome); break;
      case ScriptVerb::exit: child_exits(outcome); break;
      default: on(cpu, [&] { work(op, count, outcome); });
    }
    if (op.verb != ScriptVerb::exit && op.verb != ScriptVerb::fork) collect(op.actor, cpu, outcome);
    return outcome;
  }

  SpaceSeen look(ScriptSpace space) override {
    SpaceSeen seen;
    on(0, [&] { seen = look_at<A>(space == ScriptSpace::parent ? *mm_ : *child_); });
    return seen;
  }

  std::vector<ScriptRead> read_pages(const std::vector<vaddr_t>& addresses) override {
    std::vector<ScriptRead> read(addresses.size());
    on(0, [&] {
      for (std::size_t n = 0; n < addresses.size(); ++n)
        read[n].readable = user_read<A>(*mm_, addresses[n], read[n].word) == AccessResult::done;
    });
    return read;
  }

 private:
  // The body runs on one CPU; the others idle, serving their mailboxes.
  template <class Body>
  void on(unsigned cpu, Body body) {
    machine_.run([&](unsigned id) {
      if (id == cpu) body();
    });
  }
  [[nodiscard]] unsigned cpu_of(const ScriptOp& op) const noexcept {
    if (op.actor == ScriptActor::child || op.verb == ScriptVerb::exit) return child_cpu_;
    return op.actor == ScriptActor::t1 ? 1 : 0;
  }

  void map_keeper() {
    const auto mapped = do_mmap<A>(*mm_, {.address = script_keeper,
                                          .length = page_size,
                                          .flags = VM_READ | VM_WRITE,
                                          .fixed = true});
    vm_bug_on(mapped < 0 || user_write<A>(*mm_, script_keeper, 1) != AccessResult::done,
              "no_memory_for_the_script");
  }

  void t1_sleeps() {
    if (t1_awake_) on(1, [] { unuse_mm<A>(); });
    t1_awake_ = false;
  }
  void t1_wakes() {
    on(1, [&] { use_mm<A>(*mm_); });
    t1_awake_ = true;
  }

  // On this CPU: whoever stays here takes it back.
  void resume_resident() {
    if (smp_processor_id() == 0 || t1_awake_)
      use_mm<A>(*mm_);
    else
      unuse_mm<A>();
  }

  void work(const ScriptOp& op, std::uint64_t count, ScriptOutcome& outcome) {
    const bool child = op.actor == ScriptActor::child;
    if (child) use_mm<A>(*child_);
    perform_call<A>(child ? *child_ : *mm_, op, count, outcome);
    if (child) resume_resident();
  }

  // The child's first steps are on its parent's CPU; then it goes where it is to run.
  std::int64_t fork_on(unsigned cpu, ScriptOutcome& outcome) {
    on(cpu, [&] { child_ = dup_mm<A>(*mm_); });
    collect(cpu == 0 ? ScriptActor::t0 : ScriptActor::t1, cpu, outcome);
    if (child_ == nullptr) return outcome.out_of_memory = true, -ENOMEM;
    on(cpu, [&] {
      use_mm<A>(*child_);
      resume_resident();
    });
    if (child_cpu_ != cpu)
      on(child_cpu_, [&] {
        use_mm<A>(*child_);
        resume_resident();
      });
    return 0;
  }
  void child_exits(ScriptOutcome& outcome) {
    on(child_cpu_, [&] {
      use_mm<A>(*child_);
      collectors_[child_cpu_].clear();
      leave(child_);
    });
    collect(ScriptActor::child, child_cpu_, outcome, true);
    on(child_cpu_, [&] { resume_resident(); });
  }
  void leave(mm_struct*& mm) {
    unuse_mm<A>();
    mmput<A>(*mm);
    mm = nullptr;
  }

  // Switches of address spaces belong to the scheduler, but for the last one of a process.
  void collect(ScriptActor actor, unsigned cpu, ScriptOutcome& outcome, bool switches = false) {
    using enum FlushReason;
    for (const FlushRecord& flush : collectors_[cpu].flushes())
      if (flush.reason == local_mm_shootdown || flush.reason == local_shootdown ||
          flush.reason == remote_send_ipi || (switches && flush.reason == task_switch))
        outcome.flushes.push_back({actor, flush});
    for (unsigned other = 0; other < collectors_.size(); ++other)
      for (const FlushRecord& flush : collectors_[other].flushes())
        if (other != cpu && flush.reason == remote_shootdown)
          outcome.flushes.push_back({resident(other), flush});
    outcome.write_faults = collectors_[cpu].write_faults();
    outcome.read_faults = collectors_[cpu].read_faults();
  }
  [[nodiscard]] ScriptActor resident(unsigned cpu) const noexcept {
    if (cpu == 0) return ScriptActor::t0;
    return t1_awake_ ? ScriptActor::t1 : ScriptActor::child;
  }

  Machine& machine_;
  std::vector<ScriptCollector> collectors_;
  unsigned child_cpu_;
  bool t1_awake_;
  mm_struct* mm_ = nullptr;
  mm_struct* child_ = nullptr;
};

}  // namespace tlblab::inline TLBLAB_WORLD
