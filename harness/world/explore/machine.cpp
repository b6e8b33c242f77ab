// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/machine.h"

#include <stdexcept>
#include <string>

namespace tlblab::inline TLBLAB_WORLD {

static_assert(sizeof(detail::CpuState::charged) / sizeof(std::uint64_t) >
              static_cast<std::size_t>(Cost::copy_page));

namespace {

// Kept from machine to machine: stacks, blocks of memory, tables.
detail::Engine& the_engine() {
  static detail::Engine engine;
  return engine;
}

const MachineOptions& checked(const MachineOptions& options) {
  if (options.cpus == 0 || options.cpus > max_explored_cpus)
    throw std::invalid_argument("the explore world takes 1 to " +
                                std::to_string(max_explored_cpus) + " CPUs, not " +
                                std::to_string(options.cpus));
  if (detail::machine != nullptr)
    throw std::logic_error("a second machine: the explore world has one at a time");
  return options;
}

}  // namespace

Machine::Machine(const MachineOptions& options)
    : options_(checked(options)), engine_(the_engine()) {
  engine_.reset(options_.cpus);
  engine_.chooser = options_.chooser;
  engine_.step_limit = options_.step_limit;
  engine_.requests_taken_by = options_.requests_taken_by;
  engine_.tracked_windows = options_.tracked_windows;
  for (unsigned id = 0; id < options_.cpus; ++id)
    engine_.cpus[id].choice_state =
        options_.seed == 0 ? 0 : options_.seed * 0x9e3779b97f4a7c15ULL + id + 1;
  detail::machine = &engine_;
  detail::options = &options_;
}

Machine::~Machine() {
  detail::machine = nullptr;
  detail::options = nullptr;
}

void Machine::attach(unsigned cpu, TraceSink* sink) noexcept { engine_.cpus[cpu].sink = sink; }

CpuCounters Machine::counters(unsigned cpu) const noexcept {
  return {engine_.cpus[cpu].ipis_sent, engine_.cpus[cpu].interrupts};
}

std::uint64_t Machine::charged(unsigned cpu, Cost cost) const noexcept {
  return engine_.cpus[cpu].charged[static_cast<std::size_t>(cost)];
}

void Machine::run_erased(ErasedBody body, void* context) { engine_.run(body, context); }

void Machine::search_with(MemorySearch* search) noexcept {
  engine_.memory = search;
  if (search != nullptr) search->runs_on(engine_);
}

void Machine::request_end() noexcept {
  engine_.end_requested = true;
  engine_.attend();
}

const ExecutionResult& Machine::result() const noexcept { return engine_.result; }

}  // namespace tlblab::inline TLBLAB_WORLD
