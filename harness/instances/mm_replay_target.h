// SPDX-License-Identifier: GPL-2.0-or-later
// The ported mm as what a recording is replayed on (harness/workload/replay_target.h). Processes
// are address spaces by number; the flush events of a CPU are collected as the kernel's tracepoint
// would show them.
//
// What a recording shows as a file gets a file of its own per mapping: perf records no names, and
// what is asked of a replay concerns anonymous memory.
#pragma once

#include <functional>
#include <vector>

#include "harness/workload/abi.h"
#include "harness/workload/replay_target.h"
#include "mm/mm.h"
#include "mm/page_cache.h"

namespace tlblab::inline TLBLAB_WORLD {

// Keeps the flush events of one CPU, counts what else its backend does to flush, and hands every event on.
class FlushCollector final : public TraceSink {
 public:
  void forward_to(TraceSink* next) noexcept { next_ = next; }
  void event(const trace_event& what) noexcept override {
    if (what.kind == EventKind::tlb_flush)
      seen_.push_back({static_cast<FlushReason>(what.a), static_cast<std::int64_t>(what.b)});
    work_.broadcasts += what.kind == EventKind::tlb_broadcast ? 1U : 0U;
    work_.hash_inserts += what.kind == EventKind::hash_insert ? 1U : 0U;
    work_.hash_removals += what.kind == EventKind::hash_remove ? 1U : 0U;
    if (next_ != nullptr) next_->event(what);
  }
  void take(std::vector<FlushRecord>& into) {
    into.insert(into.end(), seen_.begin(), seen_.end());
    seen_.clear();
  }
  [[nodiscard]] const FlushWork& work() const noexcept { return work_; }

 private:
  std::vector<FlushRecord> seen_;
  FlushWork work_;
  TraceSink* next_ = nullptr;
};

template <ArchBackend A>
class MmReplayTarget final : public ReplayTarget {
 public:
  explicit MmReplayTarget(unsigned cpus) : collectors_(cpus), running_(cpus, nobody) {}

  [[nodiscard]] FlushCollector& collector(unsigned cpu) { return collectors_[cpu]; }

  void run_as(ProcessId process) override {
    ProcessId& here = running_[smp_processor_id()];
    if (here == process) return;
    use_mm<A>(mm_of_process(process));
    here = process;
  }
  void create(ProcessId process) override { put(process, make()); }
  void fork(ProcessId parent, ProcessId child) override {
    put(child, must_have([&] { return dup_mm<A>(mm_of_process(parent)); }));
  }
  void exec(ProcessId process) override {
    mm_struct& old = mm_of_process(process);
    put(process, make());
    for (ProcessId& here : running_)
      if (here == process) here = nobody;  // who had the old space loaded must load the new one
    run_as(process);
    mmput<A>(old);
  }
  void exit(ProcessId process) override {
    for (ProcessId& here : running_)
      if (here == process) here = nobody;
    unuse_mm<A>();
    mmput<A>(mm_of_process(process));
    spaces_[process] = nullptr;
  }
  // Every process that the recording left alive.
  void exit_all() {
    for (ProcessId process = 0; process < spaces_.size(); ++process)
      if (spaces_[process] != nullptr) exit(process);
  }

  std::int64_t mmap(const MapRequest& request) override {
    const bool shared = (request.flags & abi::map_type) != abi::map_private;
    address_space* file = request.file || shared ? file_create() : nullptr;
    const std::int64_t result =
        do_mmap<A>(current(), {.address = request.address,
                               .length = request.length,
                               .flags = vm_flags_of(request.prot) | (shared ? VM_SHARED : 0U),
                               .fixed = true,
                               .file = file});
    if (file != nullptr) put_file(*file);
    return result;
  }
  std::int64_t munmap(vaddr_t address, std::uint64_t length) override {
    return do_munmap<A>(current(), address, length);
  }
  std::int64_t mprotect(vaddr_t address, std::uint64_t length, std::uint32_t prot) override {
    return do_mprotect<A>(current(), address, length, vm_flags_of(prot));
  }
  std::int64_t madvise(vaddr_t address, std::uint64_t length, std::uint32_t advice) override {
    switch (advice) {
      case abi::madv_dontneed:
      case abi::madv_dontneed_locked:
        return do_madvise_dontneed<A>(current(), address, length,
                                      advice == abi::madv_dontneed_locked);
      case abi::madv_free: return do_madvise_free<A>(current(), address, length);
      case abi::madv_cold: return do_madvise_cold<A>(current(), address, length);
      case abi::madv_dontfork: return flags(address, length, VM_DONTCOPY, 0);
      case abi::madv_dofork: return flags(address, length, 0, VM_DONTCOPY);
      case abi::madv_wipeonfork: return flags(address, length, VM_WIPEONFORK, 0);
      case abi::madv_keeponfork: return flags(address, length, 0, VM_WIPEONFORK);
      default: return 0;  // a hint that the kernel may ignore, and this one does
    }
  }
  std::int64_t mremap(vaddr_t address,
                      std::uint64_t old_length,
                      std::uint64_t new_length,
                      std::uint32_t flags,
                      vaddr_t new_address) override {
    return do_mremap<A>(current(), {.old_address = address,
                                    .old_length = old_length,
                                    .new_length = new_length,
                                    .may_move = (flags & abi::mremap_maymove) != 0,
                                    .fixed = (flags & abi::mremap_fixed) != 0,
                                    .dont_unmap = (flags & abi::mremap_dontunmap) != 0,
                                    .new_address = new_address});
  }
  // Where the heap begins is not recorded: it is taken to be where it ended first.
  std::int64_t brk(vaddr_t old_break, vaddr_t new_break) override {
    mm_struct& mm = current();
    if (mm.brk != old_break) mm.brk = old_break;
    if (mm.start_brk == 0) mm.start_brk = old_break < new_break ? old_break : new_break;
    return static_cast<std::int64_t>(do_brk<A>(mm, new_break));
  }

  void access(vaddr_t address, bool write, bool exec) override {
    const Access kind = write ? Access::write : exec ? Access::exec : Access::read;
    static_cast<void>(user_touch<A>(current(), address, kind));
  }
  void map_untracked(vaddr_t address) override {
    static_cast<void>(do_mmap<A>(current(), {.address = address & page_mask,
                                             .length = page_size,
                                             .flags = VM_READ | VM_WRITE | VM_EXEC,
                                             .fixed = true}));
  }
  bool mapped(vaddr_t address) override { return vma_lookup(current(), address) != nullptr; }

  void take_flushes(std::vector<FlushRecord>& into) override {
    collectors_[smp_processor_id()].take(into);
  }
  std::uint64_t ipis_sent() const override { return ipis_ ? ipis_() : 0; }
  void count_ipis_with(std::function<std::uint64_t()> count) { ipis_ = std::move(count); }
  // on(false): allocations do not fail from here on; on(true): they do again, if they did.
  void switch_failures_with(std::function<void(bool)> on) { failures_ = std::move(on); }

 private:
  static constexpr ProcessId nobody = ~ProcessId{0};

  static std::uint32_t vm_flags_of(std::uint32_t prot) noexcept {
    return ((prot & abi::prot_read) != 0 ? VM_READ : 0U) |
           ((prot & abi::prot_write) != 0 ? VM_WRITE : 0U) |
           ((prot & abi::prot_exec) != 0 ? VM_EXEC : 0U);
  }
  std::int64_t flags(vaddr_t address,
                     std::uint64_t length,
                     std::uint32_t set,
                     std::uint32_t clear) {
    return do_madvise_flags<A>(current(), address, length, set, clear);
  }
  mm_struct& mm_of_process(ProcessId process) { return *spaces_[process]; }
  mm_struct& current() { return mm_of_process(running_[smp_processor_id()]); }
  mm_struct* make() {
    return must_have([] { return mm_alloc<A>(3); });
  }
  // The recorded program got its process, whatever is made to fail here.
  template <class Make>
  mm_struct* must_have(Make make_one) {
    mm_struct* mm = make_one();
    if (mm != nullptr) return mm;
    if (failures_) failures_(false);
    mm = make_one();
    vm_bug_on(mm == nullptr, "no_memory_for_the_replay");
    if (failures_) failures_(true);
    return mm;
  }
  void put(ProcessId process, mm_struct* mm) {
    if (process >= spaces_.size()) spaces_.resize(process + std::size_t{1}, nullptr);
    spaces_[process] = mm;
  }

  std::vector<FlushCollector> collectors_;
  std::vector<ProcessId> running_;  // by CPU
  std::vector<mm_struct*> spaces_;  // by process
  std::function<std::uint64_t()> ipis_;
  std::function<void(bool)> failures_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
