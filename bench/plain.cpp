// SPDX-License-Identifier: GPL-2.0-or-later
// The least that the work of a bench needs, as plain loops on the same host.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>

#include "bench/host.h"
#include "bench/workloads.h"

namespace tlblab::bench {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr unsigned words = 1024, loads = 4096, round_trips = 64;

// Runs work() on one pinned thread.
template <class Work>
void run(benchmark::State& state, unsigned items, Work work) {
  on_threads(1, [&](unsigned) {
    Turns turns;
    for (auto _ : state) turns.add(state, work);
    turns.report(state, items);
  });
}

std::array<std::uint32_t, words> shuffled() {
  std::array<std::uint32_t, words> order{};
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin() + 1, order.end(), std::mt19937_64(1));  // NOLINT(cert-msc51-cpp)
  return order;
}

void memset_frames(benchmark::State& state) {
  std::vector<void*> frames(pages);
  for (void*& frame : frames) frame = std::aligned_alloc(page_bytes, page_bytes);
  run(state, pages, [&] {
    for (void* frame : frames) {
      std::memset(frame, 0, page_bytes);
      benchmark::DoNotOptimize(frame);
      benchmark::ClobberMemory();
    }
  });
  for (void* frame : frames) std::free(frame);
}

void load_chain(benchmark::State& state) {
  const auto order = shuffled();
  std::vector<std::uint64_t> memory(words);
  for (std::size_t i = 0; i < words; ++i)
    memory[order[i]] = reinterpret_cast<std::uint64_t>(&memory[order[(i + 1) % words]]);
  const std::uint64_t* at = memory.data();
  run(state, loads, [&] {
    for (unsigned i = 0; i < loads; ++i) {
      at = reinterpret_cast<const std::uint64_t*>(*at);
      benchmark::DoNotOptimize(at);
    }
  });
}

void load_random(benchmark::State& state) {
  const auto order = shuffled();
  std::vector<std::uint64_t> memory(words, 1);
  std::vector<std::uint32_t> offsets;
  for (unsigned i = 0; i < loads; ++i) offsets.push_back(order[i % words]);
  std::uint64_t sum = 0;
  run(state, loads, [&] {
    std::uint64_t total = 0;
    for (const std::uint32_t offset : offsets) {
      std::uint64_t value = memory[offset];
      benchmark::DoNotOptimize(value);  // not several at once
      total += value;
    }
    sum += total;
    benchmark::DoNotOptimize(sum);
  });
}

void atomic_increments(benchmark::State& state) {
  std::vector<std::atomic<int>> counts(pages * 16);  // a line each, as page descriptors have
  run(state, pages, [&] {
    for (unsigned page = 0; page < pages; ++page)
      counts[page * 16].fetch_add(1, std::memory_order_seq_cst);
  });
}

struct alignas(128) Line {
  std::atomic<std::uint64_t> word{0};
};

// One thread writes a line, the other sees it and writes another one back.
void round_trip(benchmark::State& state) {
  Line there, back;
  constexpr std::uint64_t over = ~0ULL;
  on_threads(2, [&](unsigned thread) {
    if (thread != 0) {
      for (std::uint64_t seen = 0; seen != over;) {
        const std::uint64_t now = there.word.load(std::memory_order_acquire);
        if (now != seen) back.word.store(now, std::memory_order_release);
        seen = now;
      }
      return;
    }
    Turns turns;
    std::uint64_t count = 0;
    for (auto _ : state)
      turns.add(state, [&] {
        for (unsigned i = 0; i < round_trips; ++i) {
          there.word.store(++count, std::memory_order_release);
          while (back.word.load(std::memory_order_acquire) != count) {
          }
        }
      });
    there.word.store(over, std::memory_order_release);
    turns.report(state, round_trips);
  });
}

}  // namespace

void add_plain() {
  add("touch-dontneed", "plain", 1, memset_frames);
  add("load-chain", "plain", 1, load_chain);
  add("load-random", "plain", 1, load_random);
  add("gup-fast", "plain", 1, atomic_increments);
  if (options().cpus.back() >= 2) add("flush", "plain", 2, round_trip);
}

}  // namespace tlblab::bench
