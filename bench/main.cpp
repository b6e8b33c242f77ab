// SPDX-License-Identifier: GPL-2.0-or-later
// What the simulated machine costs, what the kernel of this host costs for the same work, and what
// a plain loop costs, in one run: compare the three, not any with another machine. Repetitions are
// interleaved, so that a slow spell of the host meets all of them:
//
//   bench_mm --benchmark_repetitions=10 --benchmark_enable_random_interleaving=true
//   bench_mm --cpus=1,2,4 --units=0,2,4,6 --benchmark_filter=shootdown
#include <benchmark/benchmark.h>

#include "bench/host.h"
#include "bench/workloads.h"

int main(int argc, char** argv) {
  tlblab::bench::Options options;
  if (!tlblab::bench::take_options(argc, argv, options)) return 2;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (options.arches.empty()) {
    tlblab::bench::add_simulated();
    tlblab::bench::add_kernel();
    tlblab::bench::add_plain();
  }
  for (const std::string& arch : options.arches) tlblab::bench::add_backend(arch);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
