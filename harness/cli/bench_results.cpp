// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/bench_results.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "mm/types.h"

namespace tlblab {
namespace {

using Json = nlohmann::json;

constexpr std::array workloads{BenchWorkload{"touch-dontneed", "ns per page", 1, max_cpus},
                               BenchWorkload{"munmap", "ns per page", 1, max_cpus},
                               BenchWorkload{"mprotect", "ns per page", 1, max_cpus},
                               BenchWorkload{"shootdown", "ns per call", 2, max_cpus},
                               BenchWorkload{"gup-fast", "ns per page", 1, max_cpus},
                               BenchWorkload{"cow", "ns per page", 1, max_cpus},
                               BenchWorkload{"fork-exit", "ns per call", 1, max_cpus},
                               BenchWorkload{"flush", "ns per flush", 2, max_cpus},
                               BenchWorkload{"load-chain", "ns per load", 1, 1},
                               BenchWorkload{"load-random", "ns per load", 1, 1},
                               BenchWorkload{"disjoint", "times", 2, 2}};

// "munmap/kernel/cpus:2/manual_time"
struct Name {
  std::string_view workload, part;
  unsigned cpus = 0;
};

bool read_name(std::string_view text, Name& name) {
  const std::size_t first = text.find('/'), second = text.find("/cpus:");
  if (first == std::string_view::npos || second == std::string_view::npos || second <= first)
    return false;
  name.workload = text.substr(0, first);
  name.part = text.substr(first + 1, second - first - 1);
  const std::string_view number = text.substr(second + 6);
  return std::from_chars(number.data(), number.data() + number.size(), name.cpus).ec == std::errc();
}

using Runs = std::map<std::pair<std::size_t, unsigned>, BenchPage::Run>;  // in order

void add(BenchPage::Part& part, const Json& row, const char* counter) {
  const auto found = row.find(counter);
  if (found != row.end() && found->is_number()) part.repetitions.push_back(found->get<double>());
}

BenchPage::Part& part_named(BenchPage::Run& run, std::string_view name) {
  if (name == "kernel") return run.kernel;
  if (name == "plain") return run.plain;
  if (name == "simulated") return run.simulated;
  for (auto& [arch, part] : run.arches)
    if (arch == name) return part;
  return run.arches.emplace_back(name, BenchPage::Part{}).second;
}

void add_row(const Json& row, Runs& runs) {
  Name name;
  const std::string text = row.value("name", "");
  if (row.value("run_type", "") != "iteration" || !read_name(text, name)) return;
  const auto workload = std::ranges::find(workloads, name.workload, &BenchWorkload::name);
  if (workload == workloads.end()) return;
  const auto place = static_cast<std::size_t>(workload - workloads.begin());
  BenchPage::Run& run = runs[{place, name.cpus}];
  run.workload = workload->name;
  run.unit = workload->unit;
  run.cpus = name.cpus;
  if (run.more_is_better()) {
    add(run.simulated, row, "scale");
    add(run.plain, row, "plain_scale");
    return;
  }
  add(part_named(run, name.part), row, "ns");
}

}  // namespace

std::span<const BenchWorkload> bench_workloads() { return workloads; }

bool add_bench_results(std::string_view json, BenchPage& page) {
  const Json all = Json::parse(json, nullptr, false);
  if (!all.is_object() || !all.contains("benchmarks") || !all["benchmarks"].is_array())
    return false;
  Runs runs;
  try {
    for (const Json& row : all["benchmarks"])
      if (row.is_object()) add_row(row, runs);
  } catch (const Json::exception&) {
    return false;  // a value of another type than it should be
  }
  for (auto& [key, run] : runs) page.runs.push_back(std::move(run));
  return !runs.empty();
}

}  // namespace tlblab
