// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/real/machine.h"

#include <set>
#include <thread>

#include <hwloc.h>

#include "harness/world/real/memory.h"
#include "harness/world/real/rcu.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {
Cpu* cpus = nullptr;
unsigned nr_cpus = 0;
bool tracked_windows = true;
MachineOptions* options = nullptr;
}  // namespace detail

struct Machine::State {
  std::vector<detail::Cpu> cpus;
  std::vector<detail::CallSingle> calls;
  std::vector<void*> frames;
  std::atomic<unsigned> ended{0};
  std::atomic<unsigned> drained{0};  // CPUs without an outstanding RCU callback
  hwloc_topology_t topology = nullptr;
};

namespace {

void pin_this_thread(hwloc_topology_t topology, unsigned unit) {
  hwloc_bitmap_t set = hwloc_bitmap_alloc();
  hwloc_bitmap_only(set, unit);
  // A refusal (a container's affinity mask) costs placement, not correctness.
  static_cast<void>(hwloc_set_cpubind(topology, set, HWLOC_CPUBIND_THREAD));
  hwloc_bitmap_free(set);
}

bool shares_units(const MachineOptions& options) {
  const std::set<unsigned> distinct(options.units.begin(), options.units.end());
  const auto available = options.units.empty() ? std::thread::hardware_concurrency()
                                               : static_cast<unsigned>(distinct.size());
  return options.cpus > available;
}

}  // namespace

Machine::Machine(MachineOptions options)
    : options_(std::move(options)), state_(std::make_unique<State>()) {
  const unsigned count = options_.cpus;
  state_->cpus = std::vector<detail::Cpu>(count);
  state_->calls = std::vector<detail::CallSingle>(std::size_t{count} * count);
  state_->frames = std::vector<void*>(std::size_t{count} * detail::frames_kept);
  const bool shared = shares_units(options_);
  for (unsigned id = 0; id < count; ++id) {
    detail::Cpu& cpu = state_->cpus[id];
    cpu.id = id;
    cpu.oversubscribed = shared;
    cpu.calls = &state_->calls[std::size_t{id} * count];
    cpu.frames = &state_->frames[std::size_t{id} * detail::frames_kept];
    cpu.choice_state = options_.seed == 0 ? 0 : options_.seed * 0x9e3779b97f4a7c15ULL + id + 1;
  }
  if (!options_.units.empty()) {
    hwloc_topology_init(&state_->topology);
    hwloc_topology_load(state_->topology);
  }
  detail::cpus = state_->cpus.data();
  detail::nr_cpus = count;
  detail::tracked_windows = options_.tracked_windows;
  detail::options = &options_;
}

Machine::~Machine() {
  for (detail::Cpu& cpu : state_->cpus) detail::drain_frames(cpu);
  if (state_->topology != nullptr) hwloc_topology_destroy(state_->topology);
  detail::cpus = nullptr;
  detail::nr_cpus = 0;
  detail::options = nullptr;
}

void Machine::attach(unsigned cpu, TraceSink* sink) noexcept { state_->cpus[cpu].sink = sink; }

CpuCounters Machine::counters(unsigned cpu) const noexcept {
  return {state_->cpus[cpu].ipis_sent, state_->cpus[cpu].interrupts};
}

bool Machine::oversubscribed() const noexcept { return state_->cpus[0].oversubscribed; }

void Machine::run_erased(ErasedBody body, void* context) {
  state_->ended.store(0, std::memory_order_relaxed);
  state_->drained.store(0, std::memory_order_relaxed);
  std::vector<std::thread> threads;
  threads.reserve(options_.cpus);
  for (unsigned cpu = 0; cpu < options_.cpus; ++cpu)
    threads.emplace_back([this, cpu, body, context] { run_cpu(cpu, body, context); });
  for (std::thread& thread : threads) thread.join();
}

void Machine::run_cpu(unsigned id, ErasedBody body, void* context) {
  detail::Cpu& cpu = state_->cpus[id];
  if (!options_.units.empty()) pin_this_thread(state_->topology, options_.units[id]);
  detail::current = &cpu;
  detail::rcu_register_thread();
  body(context, id);
  state_->ended.fetch_add(1, std::memory_order_acq_rel);
  while (state_->ended.load(std::memory_order_acquire) < options_.cpus) cpu_relax();
  detail::rcu_drain(cpu);
  // A callback of another CPU may still interrupt this one.
  state_->drained.fetch_add(1, std::memory_order_acq_rel);
  while (state_->drained.load(std::memory_order_acquire) < options_.cpus) cpu_relax();
  detail::poll();  // a call that nobody waited for
  detail::rcu_drain(cpu);
  detail::rcu_unregister_thread();
  detail::current = nullptr;
}

}  // namespace tlblab::inline TLBLAB_WORLD
