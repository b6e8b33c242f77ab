// SPDX-License-Identifier: GPL-2.0-or-later
// Workloads on the simulated machine, oracles off.
#include <array>
#include <numeric>
#include <random>

#include "arch/x86/x86.h"
#include "bench/host.h"
#include "bench/workloads.h"
#include "harness/instances/backends.h"
#include "harness/instances/session.h"
#include "harness/lab.h"
#include "mm/gup.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using bench::pages;
using bench::Turns;

constexpr vaddr_t base = 1ULL << 32, busy_page = 1ULL << 40;
constexpr std::uint64_t bytes = pages * page_size;
constexpr unsigned calls = 64;  // of one page, in a turn

template <ArchBackend A>
void map(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  const std::int64_t mapped = do_mmap<A>(
      mm, {.address = start, .length = length, .flags = VM_READ | VM_WRITE, .fixed = true});
  vm_bug_on(mapped != static_cast<std::int64_t>(start), "bench_could_not_map");
}

template <ArchBackend A>
void touch(mm_struct& mm) noexcept {
  for (unsigned page = 0; page < pages; ++page) user_write<A>(mm, base + page * page_size, page);
}

// What a workload does. prepare and work make one turn, of which work is timed.
struct Workload {
  mm_struct& mm;
  void prepare() noexcept {}
  void finish() noexcept {}
};

template <ArchBackend A>
struct TouchDontneed : Workload {
  static constexpr unsigned items = pages;
  void work() noexcept {
    touch<A>(mm);
    do_madvise_dontneed<A>(mm, base, bytes);
  }
};

template <ArchBackend A>
struct Munmap : Workload {
  static constexpr unsigned items = pages;
  void prepare() noexcept {
    map<A>(mm, base, bytes);
    touch<A>(mm);
  }
  void work() noexcept { do_munmap<A>(mm, base, bytes); }
};

template <ArchBackend A>
struct Mprotect : Workload {
  static constexpr unsigned items = pages;
  std::uint32_t rights = VM_READ;
  void work() noexcept {
    do_mprotect<A>(mm, base, bytes, rights);
    rights ^= VM_WRITE;
  }
};

template <ArchBackend A>
struct Shootdown : Workload {
  static constexpr unsigned items = calls;
  std::uint32_t rights = VM_READ;
  void work() noexcept {
    for (unsigned i = 0; i < calls; ++i) {
      do_mprotect<A>(mm, base, page_size, rights);
      rights ^= VM_WRITE;
    }
  }
};

template <ArchBackend A>
struct Flush : Workload {
  static constexpr unsigned items = calls;
  void work() noexcept {
    for (unsigned i = 0; i < calls; ++i) A::flush_tlb_page(mm, base);
  }
};

template <ArchBackend A>
struct Cow : Workload {
  static constexpr unsigned items = pages;
  mm_struct* child = nullptr;
  void prepare() noexcept {
    finish();
    child = dup_mm<A>(mm);
    vm_bug_on(child == nullptr, "bench_could_not_fork");
  }
  void work() noexcept { touch<A>(mm); }
  void finish() noexcept {
    if (child != nullptr) mmput<A>(*child);
    child = nullptr;
  }
};

template <ArchBackend A>
struct ForkExit : Workload {
  static constexpr unsigned items = 1;
  void work() noexcept {
    mm_struct* child = dup_mm<A>(mm);
    vm_bug_on(child == nullptr, "bench_could_not_fork");
    mmput<A>(*child);
  }
};

// References on all pages, and back.
template <ArchBackend A>
struct GupFast : Workload {
  static constexpr unsigned items = pages;
  std::array<page*, pages> found{};
  void work() noexcept {
    const std::int64_t got = get_user_pages_fast<A>(mm, base, pages, FOLL_WRITE, found.data());
    vm_bug_on(got != pages, "bench_got_too_few_pages");
  }
  void prepare() noexcept { finish(); }
  void finish() noexcept {
    for (page*& p : found) {
      if (p != nullptr) put_page(p);
      p = nullptr;
    }
  }
};

// The data fits the first-level cache of the host, in which each page uses other sets; the pages
// fit the TLB's front.
constexpr unsigned load_pages = 16, words_per_page = 64, loads = 4096;

vaddr_t address_of_word(std::uint64_t word) noexcept {
  const std::uint64_t page = word / words_per_page;
  return base + page * page_size +
         (word * sizeof(std::uint64_t) & (page_size - 1));  // page n: its n-th 512 bytes
}

// A cycle through all words in random order.
std::array<std::uint64_t, load_pages * words_per_page> shuffled() {
  std::array<std::uint64_t, load_pages * words_per_page> order{};
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin() + 1, order.end(), std::mt19937_64(1));  // NOLINT(cert-msc51-cpp)
  return order;
}

template <ArchBackend A>
struct LoadChain : Workload {
  static constexpr unsigned items = loads;
  vaddr_t at = 0;
  void prepare() noexcept {
    if (at != 0) return;
    const auto order = shuffled();
    for (std::size_t i = 0; i < order.size(); ++i)
      user_write<A>(mm, address_of_word(order[i]), address_of_word(order[(i + 1) % order.size()]));
    at = address_of_word(0);
  }
  void work() noexcept {
    std::uint64_t next = at;
    for (unsigned i = 0; i < loads; ++i) user_read<A>(mm, next, next);
    at = next;
  }
};

template <ArchBackend A>
struct LoadRandom : Workload {
  static constexpr unsigned items = loads;
  std::vector<std::uint32_t> offsets{};
  std::uint64_t sum = 0;
  void prepare() {
    if (!offsets.empty()) return;
    const auto order = shuffled();
    for (unsigned i = 0; i < loads; ++i) {
      const vaddr_t at = address_of_word(order[i % order.size()]);
      user_write<A>(mm, at, i);
      offsets.push_back(static_cast<std::uint32_t>(at - base));
    }
  }
  void work() noexcept {
    std::uint64_t total = 0, value = 0;
    for (const std::uint32_t offset : offsets) {
      user_read<A>(mm, base + offset, value);
      total += value;
    }
    sum += total;
    benchmark::DoNotOptimize(sum);
  }
};

// What a CPU does that only has the mm loaded.
template <ArchBackend A>
void be_busy(mm_struct& mm, const Atomic<bool>& over, bool polite) noexcept {
  constexpr unsigned reads = 256;
  std::uint64_t value = 0;
  while (!over.load(order::relaxed)) {
    for (unsigned i = 0; i < reads; ++i) user_read<A>(mm, busy_page, value);
    if (polite) cpu_relax();
  }
}

template <class Work>
void turn_about(benchmark::State& state, mm_struct& mm) {
  Work work{{mm}};
  Turns turns;
  for (auto _ : state) {
    work.prepare();
    turns.add(state, [&] { work.work(); });
  }
  work.finish();
  turns.report(state, Work::items);
}

// Power on, an mm with `pages` written pages, run, power off.
template <ArchBackend A, class Body>
void on_machine(unsigned cpus, Body body) {
  Machine machine({.cpus = cpus,
                   .units = bench::units_for(cpus),
                   .tracked_windows = A::features.async_invalidate});
  Session<A> session{SessionOptions{}};
  machine.run([&](unsigned cpu) { body(machine, session, cpu); });
  machine.run([&](unsigned cpu) {
    if (cpu == 0) session.stop();
  });
}

template <ArchBackend A>
mm_struct* new_mm() noexcept {
  mm_struct* mm = mm_alloc<A>(3);
  vm_bug_on(mm == nullptr, "bench_has_no_memory");
  map<A>(*mm, base, bytes);
  map<A>(*mm, busy_page, page_size);
  return mm;
}

template <ArchBackend A, class Work>
void run_workload(benchmark::State& state, unsigned cpus) {
  LabRun lab{0};
  Atomic<bool> over{false};
  mm_struct* mm = nullptr;
  on_machine<A>(cpus, [&](const Machine& machine, Session<A>& session, unsigned cpu) {
    if (cpu == 0) {
      session.start();
      mm = new_mm<A>();
    }
    lab.meet();
    use_mm<A>(*mm);
    lab.meet();  // a CPU that had not come so far would not be interrupted
    if (cpu == 0) {
      touch<A>(*mm);
      turn_about<Work>(state, *mm);
      over.store(true, order::relaxed);
    } else {
      be_busy<A>(*mm, over, machine.oversubscribed());
    }
    unuse_mm<A>();
    lab.meet();
    if (cpu == 0) mmput<A>(*mm);
  });
}

template <class Work>
void add_on(const std::string& arch, std::string_view name, unsigned least_cpus) {
  for (const unsigned cpus : bench::options().cpus)
    if (cpus >= least_cpus)
      bench::add(name, arch, cpus, [cpus, arch](benchmark::State& state) {
        choose_backend(arch);
        run_workload<chosen_arch, Work>(state, cpus);
      });
}

template <class Work>
void add_for(std::string_view name, unsigned least_cpus) {
  for (const unsigned cpus : bench::options().cpus)
    if (cpus >= least_cpus)
      bench::add(name, "simulated", cpus,
                 [cpus](benchmark::State& state) { run_workload<x86, Work>(state, cpus); });
}

// ---- two CPUs with an mm each -------------------------------------------------------------------

void plain_loop() noexcept {
  std::uint64_t value = 1;
  for (unsigned i = 0; i < 100000; ++i) {
    value = value * 6364136223846793005ULL + 1;
    benchmark::DoNotOptimize(value);
  }
}

// Seconds of the work on one CPU and on two, which then do twice as much.
struct Scaling {
  Turns one, two;
  [[nodiscard]] double factor() const { return 2 * one.median() / two.median(); }
};

// The two CPUs of run_disjoint.
template <ArchBackend A>
class Pair {
 public:
  template <class Work>
  void turn(unsigned cpu, Scaling& scaling, Work work) {
    scaling.one.add(timed(cpu == 0, work));
    scaling.two.add(timed(true, work));
  }
  void meet() noexcept { lab_.meet(); }
  // False on CPU 1: CPU 0 has ended.
  bool again() noexcept {
    meet();
    return !over_.load(order::relaxed);
  }
  void end() noexcept {
    over_.store(true, order::relaxed);
    meet();
  }

 private:
  // Seconds until both have done it, or not.
  template <class Work>
  double timed(bool do_it, Work work) {
    meet();
    const auto start = std::chrono::steady_clock::now();
    if (do_it) work();
    meet();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  LabRun lab_{0};
  Atomic<bool> over_{false};
};

template <ArchBackend A>
void run_disjoint(benchmark::State& state) {
  Pair<A> both;
  // Of the simulated work, and of a loop that shares nothing, which says what the host could give.
  Scaling simulated[2], plain[2];
  on_machine<A>(2, [&](const Machine&, Session<A>& session, unsigned cpu) {
    if (cpu == 0) session.start();
    both.meet();
    mm_struct* mm = new_mm<A>();
    use_mm<A>(*mm);
    TouchDontneed<A> work{{*mm}};
    const auto turn = [&] {
      both.turn(cpu, plain[cpu], plain_loop);
      both.turn(cpu, simulated[cpu], [&] {
        for (unsigned i = 0; i < 4; ++i) work.work();
      });
    };
    if (cpu == 0) {
      for (auto _ : state) {
        both.again();
        turn();
        state.SetIterationTime(1e-3);
      }
      both.end();
    } else {
      while (both.again()) turn();
    }
    unuse_mm<A>();
    mmput<A>(*mm);
  });
  state.counters["scale"] = simulated[0].factor();
  state.counters["plain_scale"] = plain[0].factor();
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD

namespace tlblab::bench {

void add_simulated() {
  add_for<TouchDontneed<x86>>("touch-dontneed", 1);
  add_for<Munmap<x86>>("munmap", 1);
  add_for<Mprotect<x86>>("mprotect", 1);
  add_for<Shootdown<x86>>("shootdown", 2);
  add_for<GupFast<x86>>("gup-fast", 1);
  add_for<Cow<x86>>("cow", 1);
  add_for<ForkExit<x86>>("fork-exit", 1);
  add_for<Flush<x86>>("flush", 2);
  add("load-chain", "simulated", 1,
      [](benchmark::State& state) { run_workload<x86, LoadChain<x86>>(state, 1); });
  add("load-random", "simulated", 1,
      [](benchmark::State& state) { run_workload<x86, LoadRandom<x86>>(state, 1); });
  if (options().cpus.back() >= 2) add("disjoint", "simulated", 2, run_disjoint<x86>);
}

void add_backend(const std::string& arch) {
  add_on<TouchDontneed<chosen_arch>>(arch, "touch-dontneed", 1);
  add_on<Munmap<chosen_arch>>(arch, "munmap", 1);
  add_on<Mprotect<chosen_arch>>(arch, "mprotect", 1);
  add_on<Shootdown<chosen_arch>>(arch, "shootdown", 2);
  add_on<GupFast<chosen_arch>>(arch, "gup-fast", 1);
  add_on<Cow<chosen_arch>>(arch, "cow", 1);
  add_on<ForkExit<chosen_arch>>(arch, "fork-exit", 1);
  add_on<Flush<chosen_arch>>(arch, "flush", 2);
}

}  // namespace tlblab::bench
