// SPDX-License-Identifier: GPL-2.0-or-later
// What a scenario is written against: the calls and accesses of a program on one simulated CPU, a
// meeting point, and a way to say that something must not be. The same body runs on pinned threads
// and under the explorer.
//
// A scenario is a struct with
//
//   static constexpr ScenarioInfo info{...};
//   template <ArchBackend A> struct Body {
//     void setup(Lab<A>& lab);              // on CPU 0, before each round, the others waiting
//     void act(Lab<A>& lab, unsigned role); // on every CPU at once; role < info.cpus
//     void teardown(Lab<A>& lab);           // on CPU 0 after the last round; may be missing
//     std::vector<vaddr_t> addresses();     // that walkers go to and TLBs evict (below); may be missing
//   };
//
// Under the explorer the hardware of each CPU may walk the tables ahead of any access, or drop entries
// of its TLB, if that is asked for; without addresses it does neither. A Body lives for a run of rounds on threads, for one execution under the explorer. What actors
// share besides the simulated memory are Atomics in it.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/trace.h"
#include "mm/mm.h"

namespace tlblab::inline TLBLAB_WORLD {

struct ScenarioInfo {
  std::string_view name;
  std::string_view thread;        // of the mailing list, "-" if none
  std::string_view line;          // what goes wrong
  std::string_view fix;           // the switch that cures it
  std::string_view real_threads;  // yes, yes+delay, explorer only
  unsigned cpus = 0;              // actors
  unsigned crowd_role = 0;        // what CPUs beyond them do
  unsigned least_cpus = 0;        // what it can do with; 0: all its actors
  unsigned explored_cpus = 0;     // how many the explorer takes if not told; 0: all its actors
};

// What all CPUs of a run have in common.
class LabRun {
 public:
  static constexpr std::size_t examples_kept = 8;
  // explored_rounds: how often a loop over again() goes round under the explorer, where every turn
  // costs schedules; 0: this is the real world, it goes on until somebody calls finish_round().
  explicit LabRun(unsigned explored_rounds) : explored_rounds_(explored_rounds) {}

  // Returns when all CPUs have come here.
  void meet() noexcept;
  void violated(std::string_view kind, std::string text);
  // action() runs after each violation, where it was seen. Not during a run.
  void call_on_violation(std::function<void()> action) { on_violation_ = std::move(action); }
  [[nodiscard]] std::uint64_t violations() const noexcept {
    return violations_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::vector<Violation> examples();

  Atomic<unsigned> round{0};
  Atomic<bool> over{false};  // of this round: loops over again() end
  const unsigned explored_rounds_;

 private:
  Atomic<unsigned> arrived_{0};
  Atomic<unsigned> meetings_{0};
  std::atomic<std::uint64_t> violations_{0};
  std::mutex mutex_;
  std::vector<Violation> examples_;
  std::function<void()> on_violation_;
};

template <ArchBackend A>
class Lab {
 public:
  Lab(LabRun& run, mm_struct& mm) noexcept : run_(run), mm_(mm) {}

  [[nodiscard]] mm_struct& mm() noexcept { return mm_; }
  [[nodiscard]] unsigned round() const noexcept { return run_.round.load(order::relaxed); }
  [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }

  // Anonymous private memory, readable and writable.
  void map(vaddr_t start, std::uint64_t pages) noexcept {
    counted(do_mmap<A>(mm_, {.address = start,
                             .length = pages * page_size,
                             .flags = VM_READ | VM_WRITE,
                             .fixed = true}));
  }
  std::int64_t madvise_dontneed(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(do_madvise_dontneed<A>(mm_, start, pages * page_size));
  }
  std::int64_t madvise_free(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(do_madvise_free<A>(mm_, start, pages * page_size));
  }
  std::int64_t munmap(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(do_munmap<A>(mm_, start, pages * page_size));
  }
  std::int64_t mprotect(vaddr_t start, std::uint64_t pages, std::uint32_t prot) noexcept {
    return counted(do_mprotect<A>(mm_, start, pages * page_size, prot));
  }
  [[nodiscard]] std::uint64_t read(vaddr_t va) noexcept {
    std::uint64_t value = 0;
    counted(user_read<A>(mm_, va, value) == AccessResult::done ? 0 : -1);
    return value;
  }
  void write(vaddr_t va, std::uint64_t value) noexcept {
    counted(user_write<A>(mm_, va, value) == AccessResult::done ? 0 : -1);
  }

  // Every step multiplies the schedules: the geometry is to be as small as it can be.
  [[nodiscard]] bool explored() const noexcept { return run_.explored_rounds_ != 0; }

  // A pause of random length on threads, so that the actors meet in ever other ways; the explorer
  // needs none.
  void stall() noexcept {
    constexpr unsigned longest = 512;
    if (!explored())
      for (unsigned n = choose(longest); n > 0; --n) cpu_relax();
  }

  // One more turn of a loop that lasts as long as the round?
  [[nodiscard]] bool again() noexcept {
    if (run_.explored_rounds_ != 0) return turns_++ < run_.explored_rounds_;
    cpu_relax();
    return !run_.over.load(order::relaxed);
  }
  // Ends the loops of the others.
  void finish_round() noexcept { run_.over.store(true, order::relaxed); }

  void forbid(bool seen, std::string_view kind, std::string_view text) {
    if (seen) run_.violated(kind, std::string(text));
  }
  // The same; text() is asked for only if it was seen.
  template <std::invocable Text>
  void forbid(bool seen, std::string_view kind, Text text) {
    if (seen) run_.violated(kind, text());
  }

  // Returns when all CPUs have come here.
  void meet() noexcept { run_.meet(); }

  void begin_round() noexcept { turns_ = 0; }
  // An operation that the actor made by itself.
  void did_one() noexcept { ++operations_; }

 private:
  // A call of a scenario may fail only where its author says so.
  std::int64_t counted(std::int64_t result) noexcept {
    ++operations_;
    return result;
  }

  LabRun& run_;
  mm_struct& mm_;
  std::uint64_t operations_ = 0;
  unsigned turns_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD
