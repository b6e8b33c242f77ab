// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of mm and of a backend stand on: a machine, an address space on it, allocations
// that fail when the test says so, and the flush events of each CPU as the kernel's tracepoint
// would show them. At the end of a rig every frame and table has been given back.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/instances/session.h"
#include "mm/mm.h"
#include "tests/support/mm_trials.h"

namespace tlblab::inline TLBLAB_WORLD {

// Where test programs keep their data: the first area of the measured scripts.
inline constexpr vaddr_t test_base = 0x200000000000;
inline constexpr std::uint64_t gib = 1ULL << 30;
inline constexpr std::uint64_t terabyte_half = 1ULL << 39;  // what one table of level 2 covers

constexpr vaddr_t page_at(std::uint64_t n) noexcept { return test_base + n * page_size; }

class FailingAllocations final : public AllocPolicy {
 public:
  static constexpr unsigned always = 0;
  // The n-th allocation from now on, from 1, or each one; of the site, or of any.
  void fail(std::optional<AllocSite> site, unsigned nth) noexcept {
    site_ = site;
    nth_ = nth;
    asked_.store(0, std::memory_order_relaxed);
    armed_.store(true, std::memory_order_release);
  }
  void fail_none() noexcept { armed_.store(false, std::memory_order_release); }
  // Did the allocation that was to fail come at all?
  [[nodiscard]] bool failed() const noexcept {
    return nth_ == always ? asked() != 0 : asked() >= nth_;
  }
  [[nodiscard]] unsigned asked() const noexcept { return asked_.load(std::memory_order_relaxed); }

  bool fails(AllocSite site, unsigned) noexcept override {
    if (!armed_.load(std::memory_order_acquire)) return false;
    if (site_.has_value() && *site_ != site) return false;
    const unsigned number = asked_.fetch_add(1, std::memory_order_relaxed) + 1;
    return nth_ == always || number == nth_;
  }

 private:
  std::optional<AllocSite> site_;
  unsigned nth_ = always;
  std::atomic<unsigned> asked_{0};
  std::atomic<bool> armed_{false};
};

// All events of one CPU, in order.
class EventLog final : public TraceSink {
 public:
  void event(const trace_event& what) noexcept override {
    if (all_ || what.kind == EventKind::tlb_flush) events_.push_back(what);
  }
  void keep_all(bool all) noexcept { all_ = all; }
  void clear() noexcept { events_.clear(); }
  [[nodiscard]] const std::vector<trace_event>& events() const noexcept { return events_; }
  [[nodiscard]] std::size_t count(EventKind kind) const noexcept {
    std::size_t n = 0;
    for (const trace_event& e : events_) n += e.kind == kind ? 1U : 0U;
    return n;
  }
  // Pages of the flushes with this reason, in order.
  [[nodiscard]] std::vector<std::int64_t> flushes(FlushReason reason) const {
    std::vector<std::int64_t> pages;
    for (const trace_event& e : events_)
      if (e.kind == EventKind::tlb_flush && e.a == static_cast<std::uint64_t>(reason))
        pages.push_back(static_cast<std::int64_t>(e.b));
    return pages;
  }

 private:
  bool all_ = false;
  std::vector<trace_event> events_;
};

// Small, so that filling and clearing it costs little, but roomy enough that pages of one table
// do not push each other out.
inline constexpr TlbGeometry test_tlb{.sets = 64,
                                      .ways = 4,
                                      .huge_sets = 2,
                                      .huge_ways = 2,
                                      .giant_sets = 1,
                                      .giant_ways = 2,
                                      .walk_entries = 8,
                                      .front = 16,
                                      .asids = 16,
                                      .tsb_entries = 4};
inline constexpr TlbGeometry tiny_tlb{.sets = 4,
                                      .ways = 2,
                                      .huge_sets = 1,
                                      .huge_ways = 1,
                                      .giant_sets = 1,
                                      .giant_ways = 1,
                                      .walk_entries = 4,
                                      .front = 4,
                                      .asids = 6,
                                      .tsb_entries = 4};
// As small as a machine can be: everything is evicted, given out again or rehashed all the time.
inline constexpr TlbGeometry least_tlb{.sets = 1,
                                       .ways = 2,
                                       .huge_sets = 1,
                                       .huge_ways = 1,
                                       .giant_sets = 1,
                                       .giant_ways = 1,
                                       .walk_entries = 1,
                                       .front = 1,
                                       .asids = 3,
                                       .hash_groups = 2,
                                       .tsb_entries = 4};
// What every rig has whatever its options say (chosen_backend.cpp); null: what they say.
inline const TlbGeometry* forced_tlb = nullptr;

struct RigOptions {
  MachineOptions machine{};
  std::uint64_t frames = 4096;
  TlbGeometry tlb = test_tlb;
  unsigned top_level = 3;
};

template <ArchBackend A>
class MmRig {
 public:
  explicit MmRig(const RigOptions& options = {})
      : session_(
            {.frames = options.frames, .tlb = forced_tlb == nullptr ? options.tlb : *forced_tlb}),
        logs_(options.machine.cpus) {
    MachineOptions machine = options.machine;
    machine.alloc_policy = &allocations;
    machine.tracked_windows = A::features.async_invalidate;
    take_any_number_of_steps(machine);
    machine_ = std::make_unique<Machine>(machine);
    on(0, [&] {
      session_.start();
      mm_ = mm_alloc<A>(options.top_level);
    });
    for (unsigned cpu = 0; cpu < cpus(); ++cpu) machine_->attach(cpu, &logs_[cpu]);
  }
  ~MmRig() {
    allocations.fail_none();
    for (unsigned cpu = 0; cpu < cpus(); ++cpu) machine_->attach(cpu, nullptr);
    on(0, [&] { mmput<A>(*mm_); });
    on(0, [&] { session_.stop(); });
    EXPECT_EQ(abnormal_end(*machine_), "");
  }
  MmRig(const MmRig&) = delete;
  MmRig& operator=(const MmRig&) = delete;

  // body(cpu) on every CPU at once.
  template <class Body>
  void on_all(Body body) {
    machine_->run(body);
  }
  // body() on one of them; the others idle.
  template <class Body>
  void on(unsigned cpu, Body body) {
    machine_->run([&](unsigned id) {
      if (id == cpu) body();
    });
  }
  // A program of mm() on CPU 0.
  template <class Body>
  void run(Body body) {
    on(0, [&] {
      use_mm<A>(mm());
      body();
    });
  }
  // A program of mm() on all CPUs.
  template <class Body>
  void run_all(Body body) {
    on_all([&](unsigned cpu) {
      use_mm<A>(mm());
      body(cpu);
    });
  }

  [[nodiscard]] mm_struct& mm() noexcept { return *mm_; }
  [[nodiscard]] Machine& machine() noexcept { return *machine_; }
  [[nodiscard]] unsigned cpus() const noexcept { return machine_->cpus(); }
  [[nodiscard]] EventLog& log(unsigned cpu = 0) noexcept { return logs_[cpu]; }

  // Flushes that CPU 0 asked for since it was last asked.
  std::vector<std::int64_t> flushes() {
    auto pages = log().flushes(FlushReason::local_mm_shootdown);
    log().clear();
    return pages;
  }

  FailingAllocations allocations;

 private:
  Session<A> session_;
  std::vector<EventLog> logs_;
  std::unique_ptr<Machine> machine_;
  mm_struct* mm_ = nullptr;
};

// CPUs that wait for each other at agreed points.
class Meeting {
 public:
  void meet() noexcept {
    const unsigned number = arrived_.fetch_add(1, order::full);
    const unsigned all = (number / nr_cpu_ids() + 1) * nr_cpu_ids();
    while (arrived_.load(order::acquire) < all) cpu_relax();
  }

 private:
  Atomic<unsigned> arrived_{0};
};

// A flag that another CPU waits for.
class Signal {
 public:
  void give() noexcept { given_.store(true, order::release); }
  void await() const noexcept {
    while (!given()) cpu_relax();
  }
  [[nodiscard]] bool given() const noexcept { return given_.load(order::acquire); }

 private:
  Atomic<bool> given_{false};
};

// ---- calls in pages, from test_base on ----------------------------------------------------------

inline constexpr std::uint32_t rw = VM_READ | VM_WRITE;

template <ArchBackend A>
std::int64_t map(mm_struct& mm, std::uint64_t page, std::uint64_t pages, std::uint32_t flags = rw) {
  return do_mmap<A>(
      mm, {.address = page_at(page), .length = pages * page_size, .flags = flags, .fixed = true});
}
template <ArchBackend A>
std::int64_t unmap(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
  return do_munmap<A>(mm, page_at(page), pages * page_size);
}
template <ArchBackend A>
std::int64_t protect(mm_struct& mm, std::uint64_t page, std::uint64_t pages, std::uint32_t prot) {
  return do_mprotect<A>(mm, page_at(page), pages * page_size, prot);
}
template <ArchBackend A>
std::int64_t dontneed(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
  return do_madvise_dontneed<A>(mm, page_at(page), pages * page_size);
}
template <ArchBackend A>
std::int64_t move_to(mm_struct& mm, std::uint64_t page, std::uint64_t pages, std::uint64_t to) {
  return do_mremap<A>(mm, {.old_address = page_at(page),
                           .old_length = pages * page_size,
                           .new_length = pages * page_size,
                           .may_move = true,
                           .fixed = true,
                           .new_address = page_at(to)});
}
template <ArchBackend A>
void fill(mm_struct& mm, std::uint64_t page, std::uint64_t pages, std::uint64_t value = 1) {
  for (std::uint64_t n = 0; n < pages; ++n)
    ASSERT_EQ(user_write<A>(mm, page_at(page + n), value + n), AccessResult::done);
}
// The first word of the page; a value that no test writes if it cannot be read.
inline constexpr std::uint64_t unreadable = ~0ULL;
template <ArchBackend A>
std::uint64_t peek(mm_struct& mm, std::uint64_t page) {
  std::uint64_t value = 0;
  return user_read<A>(mm, page_at(page), value) == AccessResult::done ? value : unreadable;
}

}  // namespace tlblab::inline TLBLAB_WORLD
