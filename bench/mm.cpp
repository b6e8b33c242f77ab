// SPDX-License-Identifier: GPL-2.0-or-later
// What the simulated machine costs on threads of this host, each beside a plain loop that does the
// same work without it, in the same run: compare the two, not either with another machine.
//
//   load_chain      dependent 8-byte loads, all in the TLB
//   touch_dontneed  write one word of each of 512 pages, then MADV_DONTNEED; beside memset of frames
//   shootdown       mprotect of one page while another CPU runs the same mm
#include <cstring>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "arch/x86/x86.h"
#include "harness/instances/session.h"
#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr vaddr_t base = 1ULL << 32;
constexpr unsigned pages = 512;

// body(mm, cpu) on every CPU, with an mm loaded.
template <class Body>
void on_machine(unsigned cpus, Body body) {
  Machine machine({.cpus = cpus});
  Session<x86> session{SessionOptions{}};
  LabRun lab{0};
  mm_struct* mm = nullptr;
  machine.run([&](unsigned cpu) {
    if (cpu == 0) {
      session.start();
      mm = mm_alloc<x86>(3);
      Lab<x86>(lab, *mm).map(base, pages);
    }
    lab.meet();
    use_mm<x86>(*mm);
    body(*mm, cpu);
    unuse_mm<x86>();
    lab.meet();
    if (cpu == 0) mmput<x86>(*mm);
  });
  machine.run([&](unsigned cpu) {
    if (cpu == 0) session.stop();
  });
}

void load_chain_plain(benchmark::State& state) {
  const std::uint64_t self = 0;
  const std::uint64_t* at = &self;
  for (auto _ : state) {
    at = &self + read_once(*at);
    benchmark::DoNotOptimize(at);
  }
}
BENCHMARK(load_chain_plain);

void load_chain(benchmark::State& state) {
  on_machine(1, [&](mm_struct& mm, unsigned) {
    std::uint64_t value = 0;
    user_write<x86>(mm, base, 0);
    for (auto _ : state) user_read<x86>(mm, base + value, value);
  });
}
BENCHMARK(load_chain);

void touch_dontneed_plain(benchmark::State& state) {
  std::vector<std::unique_ptr<std::byte[]>> frames(pages);
  for (auto& frame : frames) frame = std::make_unique<std::byte[]>(page_size);
  for (auto _ : state)
    for (auto& frame : frames) {
      std::memset(frame.get(), 0, page_size);
      benchmark::DoNotOptimize(frame.get());
    }
  state.SetItemsProcessed(state.iterations() * pages);
}
BENCHMARK(touch_dontneed_plain);

void touch_dontneed(benchmark::State& state) {
  on_machine(1, [&](mm_struct& mm, unsigned) {
    for (auto _ : state) {
      for (unsigned page = 0; page < pages; ++page) user_write<x86>(mm, base + page * page_size, 1);
      do_madvise_dontneed<x86>(mm, base, pages * page_size);
    }
  });
  state.SetItemsProcessed(state.iterations() * pages);
}
BENCHMARK(touch_dontneed);

void shootdown(benchmark::State& state) {
  std::atomic<bool> done{false};
  on_machine(2, [&](mm_struct& mm, unsigned cpu) {
    std::uint64_t value = 0;
    if (cpu == 1) {
      while (!done.load(std::memory_order_relaxed)) user_read<x86>(mm, base + page_size, value);
      return;
    }
    user_write<x86>(mm, base, 1);
    std::uint32_t prot = VM_READ;
    for (auto _ : state) {
      do_mprotect<x86>(mm, base, page_size, prot);
      prot ^= VM_WRITE;
    }
    done.store(true, std::memory_order_relaxed);
  });
}
BENCHMARK(shootdown)->UseRealTime();

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD

BENCHMARK_MAIN();
