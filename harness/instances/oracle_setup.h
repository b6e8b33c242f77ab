// SPDX-License-Identifier: GPL-2.0-or-later
// The oracles of a run, if it wants any.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "harness/oracle/oracles.h"
#include "harness/trace.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A>
class OracleSetup {
 public:
  OracleSetup(unsigned cpus, bool on, OracleOptions options) {
    if (on) oracles_ = std::make_unique<Oracles>(oracle_table<A>(cpus), options);
  }
  // Null: nobody listens.
  [[nodiscard]] TraceSink* sink(unsigned cpu) noexcept {
    return oracles_ ? oracles_->sink(cpu) : nullptr;
  }
  void attach(Machine& machine) noexcept {
    for (unsigned cpu = 0; cpu < machine.cpus(); ++cpu) machine.attach(cpu, sink(cpu));
  }
  // action() runs after each report, where it was made.
  void call_on_report(std::function<void()> action) {
    if (oracles_) oracles_->call_on_report(std::move(action));
  }
  // Other kinds are as if they had not been seen.
  void count_only(std::function<bool(std::string_view kind)> counts) {
    if (oracles_) oracles_->count_only(std::move(counts));
  }
  // After the last run of the machine.
  void finish() noexcept {
    if (oracles_) oracles_->finish();
  }
  [[nodiscard]] std::uint64_t total() const noexcept { return oracles_ ? oracles_->total() : 0; }
  [[nodiscard]] std::vector<Violation> examples() const {
    return oracles_ ? oracles_->examples() : std::vector<Violation>{};
  }

 private:
  std::unique_ptr<Oracles> oracles_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
