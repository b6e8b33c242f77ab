// SPDX-License-Identifier: GPL-2.0-or-later
// The oracles of one machine: they listen to its CPUs and say what may not be. Read before:
// mm/types.h (events), kinds.h (what they report). The invariants, each with its own essay:
//
//   lifetime.h       I1 frames, I2 page tables: freed when nothing leads to them any more
//   coherence.h      I3 what a call took away is gone when it returns; I5 the same for the mark of a
//                    store; I8 pending covers debt
//   stability.h      I4 what is copied stands still
//   pins.h           I7 what is pinned stays exclusive
//   hash_entries.h   I10 a hash page table has one entry for an address at most
//   conservation.h   I18 what a gather takes it gives back once, after the flush
//
// An event runs on the CPU that it is about, wherever that CPU stands: under page-table locks,
// inside an access. Oracles take no lock of the simulated kernel and allocate no frame. In the
// explore world their reads are no steps and what they say is exact. In the real world other CPUs go
// on meanwhile: what is read there is read twice where it could be torn, so nothing is reported that
// was not so; something may be missed, and is found in another round.
//
// Every CPU of the machine must be listened to, from before its first mm is used. One Oracles serves
// one memory (mem_init to mem_exit); reset() makes it ready for the next.
#pragma once

#include "harness/oracle/coherence.h"
#include "harness/oracle/conservation.h"
#include "harness/oracle/hash_entries.h"
#include "harness/oracle/lifetime.h"
#include "harness/oracle/pins.h"
#include "harness/oracle/progress.h"
#include "harness/oracle/stability.h"

namespace tlblab::inline TLBLAB_WORLD {

struct OracleOptions {
  // At each free, look for translations to what is freed; else only uses are looked at.
  bool scan_frees = true;
};

class Oracles final : private TraceSink {
 public:
  explicit Oracles(const OracleTable& table, OracleOptions options = {});
  Oracles(const Oracles&) = delete;
  Oracles& operator=(const Oracles&) = delete;

  // To attach to the machine's CPU, or to hand on to from another listener.
  [[nodiscard]] TraceSink* sink(unsigned) noexcept { return this; }
  // See ViolationLog; for instance a request to end the execution.
  void call_on_report(std::function<void()> action) { log_.call_on_report(std::move(action)); }
  void count_only(std::function<bool(std::string_view kind)> counts) {
    log_.count_only(std::move(counts));
  }

  // After the last run of the machine, if it was not cut short: what should have happened by then.
  void finish() noexcept { conservation_.finish(); }
  [[nodiscard]] std::uint64_t total() const noexcept { return log_.total(); }
  [[nodiscard]] std::vector<Violation> examples() const { return log_.examples(); }
  void reset() noexcept;

 private:
  void event(const trace_event& e) noexcept override;
  void page_clean_act(const trace_event& e) noexcept;

  const OracleTable table_;
  const OracleOptions options_;
  ViolationLog log_;
  CpuStates cpus_;
  FrameRecords frames_;
  Coherence coherence_;
  Lifetime lifetime_;
  Conservation conservation_;
  Stability stability_;
  Pins pins_;
  HashEntries hash_entries_;
  Progress progress_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
