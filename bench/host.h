// SPDX-License-Identifier: GPL-2.0-or-later
// What benches share: their own options, pinned threads of this host, and how time is taken.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

namespace tlblab::bench {

struct Options {
  std::vector<unsigned> cpus;       // numbers of CPUs that workloads are run with
  std::vector<std::string> arches;  // backends, with options; empty: x86 alone, beside the kernel
  std::vector<unsigned> units;      // of the operating system: CPU n runs on units[n % size]
};

// Takes --cpus=LIST, --units=LIST and --arches=LIST out of the command line. Default units: all that this process
// may run on; default cpus: 1, and 2 where there are as many units. False, and it has been said on
// stderr: a list is none.
[[nodiscard]] bool take_options(int& argc, char** argv, Options& options);
[[nodiscard]] const Options& options();

// The units of the first `cpus` CPUs.
[[nodiscard]] std::vector<unsigned> units_for(unsigned cpus);

// body(thread) on so many pinned threads at once.
void on_threads(unsigned threads, const std::function<void(unsigned)>& body);

// Times of the turns of one repetition. Its result is their median: a turn in which the thread was
// taken from its processor counts once, and the first turns, which pay for memory that the host has
// not given yet, hardly count.
class Turns {
 public:
  template <class Work>
  void add(benchmark::State& state, Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(seconds.count());
    seconds_.push_back(seconds.count());
  }
  void add(double seconds) { seconds_.push_back(seconds); }
  // Counter "ns": of one of the `items` of a turn.
  void report(benchmark::State& state, unsigned items);
  [[nodiscard]] double median() const;  // there is one turn at least

 private:
  std::vector<double> seconds_;
};

// Registers NAME/PART/cpus:N. It takes its own time (Turns).
void add(std::string_view name,
         std::string_view part,
         unsigned cpus,
         const std::function<void(benchmark::State&)>& body);

}  // namespace tlblab::bench
