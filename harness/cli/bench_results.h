// SPDX-License-Identifier: GPL-2.0-or-later
// The workloads of the bench program that is installed beside this one, and what it says in JSON.
#pragma once

#include <span>
#include <string_view>

#include "harness/report/pages.h"

namespace tlblab {

struct BenchWorkload {
  std::string_view name, unit;
  unsigned least_cpus, most_cpus;  // that it can be run on
};
[[nodiscard]] std::span<const BenchWorkload> bench_workloads();

// Puts the results of a Google Benchmark run into page.runs, in the order of bench_workloads() and
// of numbers of CPUs. False: that is no such JSON, or there is no result in it.
[[nodiscard]] bool add_bench_results(std::string_view json, BenchPage& page);

}  // namespace tlblab
