// SPDX-License-Identifier: GPL-2.0-or-later
// How fast the complete search is: programs by which explorers are compared, in each memory model.
// Counters: executions, of them given up, nanoseconds for each operation carried out (repeated ones
// included) and how many of these were repetitions. For comparable figures:
//
//   bench_explore --benchmark_repetitions=10 --benchmark_enable_random_interleaving=true
//
// dontneed_3_fixed takes seconds each time: --benchmark_filter=-dontneed_3_fixed leaves it out.
#include <benchmark/benchmark.h>

#include "bench/explore/graph_runner.h"
#include "bench/explore/known_programs.h"
#include "bench/explore/known_sketches.h"
#include "bench/explore/machine_walk.h"

namespace tlblab {
namespace {

GraphCounts search(const SmallProgram& program, MemoryModel model) {
  return search_graphs(program, model, {.states = false, .commute_additions = true}).counts;
}
GraphCounts search(const Sketch& sketch, MemoryModel model) {
  return search_sketch(sketch, model).counts;
}

// And whether load buffering would be possible is found out too.
GraphCounts search_and_ask(const SmallProgram& program) {
  LoadBuffering buffering(static_cast<unsigned>(program.threads.size()));
  const GraphRunOptions options{
      .states = false, .commute_additions = true, .load_buffering = &buffering};
  const GraphCounts counts = search_graphs(program, MemoryModel::weak, options).counts;
  benchmark::DoNotOptimize(buffering.pairs());
  return counts;
}

constexpr std::uint64_t walked = 10'000;  // executions

void count(benchmark::State& state, const GraphCounts& counts) {
  const auto steps = static_cast<double>(counts.steps);
  state.counters["executions"] = static_cast<double>(counts.executions);
  state.counters["given_up"] = static_cast<double>(counts.blocked);
  state.counters["steps"] = steps;
  state.counters["repeated"] = static_cast<double>(counts.repeated) / steps;
  state.counters["ns_per_step"] = benchmark::Counter(
      steps * 1e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <class Program>
void measure(benchmark::State& state, const Program& program, MemoryModel model) {
  GraphCounts counts;
  for (auto _ : state) counts = search(program, model);
  count(state, counts);
}

constexpr struct {
  const char* name;
  MemoryModel model;
} models[] = {{"sc", MemoryModel::sc}, {"tso", MemoryModel::tso}, {"weak", MemoryModel::weak}};

template <class Program>
void offer(const std::string& name, const Program& program) {
  for (const auto& each : models) {
    const MemoryModel model = each.model;
    benchmark::RegisterBenchmark((name + "/" + each.name).c_str(), [=](benchmark::State& state) {
      measure(state, program, model);
    })->Unit(benchmark::kMillisecond);
  }
}

void offer_asked(const std::string& name, const SmallProgram& program) {
  benchmark::RegisterBenchmark((name + "/weak/load_buffering").c_str(),
                               [=](benchmark::State& state) {
                                 GraphCounts counts;
                                 for (auto _ : state) counts = search_and_ask(program);
                                 count(state, counts);
                               })
      ->Unit(benchmark::kMillisecond);
}

// Random walks of the machine.
void offer_walk(const std::string& name, const SmallProgram& program) {
  for (const auto& each : models) {
    const MemoryModel model = each.model;
    benchmark::RegisterBenchmark(("walk/" + name + "/" + each.name).c_str(), [=](benchmark::State&
                                                                                     state) {
      MachineWalks walks;
      for (auto _ : state) walks = walk_machine(program, model, walked);
      count(state, {.executions = walks.executions, .steps = walks.steps});
    })->Unit(benchmark::kMillisecond);
  }
}

Sketch same_gups(Sketch sketch) {
  sketch.same_from = 1;
  sketch.same_program = static_cast<unsigned>(sketch.threads.size()) - 1;
  return sketch;
}

}  // namespace
}  // namespace tlblab

int main(int argc, char** argv) {
  using namespace tlblab;
  offer_walk("p60a", private_rounds(5));
  offer_walk("p60b", slots_in_a_ring(4));
  offer_walk("lock", sections_of_one_lock(2));
  offer("p60a", private_rounds(5));
  offer("p60a_void", private_rounds(5, false));
  offer("p60b", slots_in_a_ring(4));
  offer_asked("p60b", slots_in_a_ring(4));
  offer("p60b_3", slots_in_a_ring(3));
  offer("lock", sections_of_one_lock(2));
  offer("ksm_gup_1", ksm_and_gup(1));
  offer("ksm_gup_2", ksm_and_gup(2));
  offer("ksm_gup_3", ksm_and_gup(3));
  offer("ksm_gup_3_same", same_gups(ksm_and_gup(3)));
  offer("ksm_passing_gup_3", ksm_and_passing_gup(3));
  offer("ksm_passing_gup_3_same", same_gups(ksm_and_passing_gup(3)));
  offer("dontneed_2_broken", parallel_dontneed(2, false));
  offer("dontneed_2_fixed", parallel_dontneed(2, true));
  offer("dontneed_3_broken", parallel_dontneed(3, false));
  offer("dontneed_3_fixed", parallel_dontneed(3, true));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
