// SPDX-License-Identifier: GPL-2.0-or-later
// Replays a recording on a target and compares flush by flush.
//
// Records are replayed in file order, one step() each, on the CPU that next_cpu() names; so what is
// predicted is the same for any number of CPUs. A call takes effect where its exit is recorded,
// with the recorded result: where the kernel put a mapping, how far the heap grew. Calls that
// failed are not made; but madvise and mprotect that end ENOMEM at a hole have done some of their
// work, and that is. A fault is an access; where no mapping is known there must be one that exec
// made, unless a recorded call unmapped the place: then the access failed.
//
// A fault also tells whether its page was present. Where that contradicts the state of the page
// (brought in or taken away by something that is not recorded: fault-around, a page pinned for I/O,
// a second thread's fault at the same time), the target is reconciled first, without its flushes
// being counted.
//
// Thread safety: none, and no state of the calling thread is kept: steps may be made by different
// threads of the operating system if each hands over to the next.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "harness/workload/recording.h"
#include "harness/workload/replay_event.h"
#include "harness/workload/replay_report.h"
#include "harness/workload/replay_target.h"

namespace tlblab {

struct ReplayOptions {
  // Simulated CPUs. 0: one for each CPU of the recording, and every record runs where it was
  // recorded. With fewer, recorded CPUs share; with more, threads are spread in the order in which
  // they appear.
  unsigned cpus = 0;
  // The most pages that one call brings in at once (MAP_POPULATE, mlock). What is longer is cut,
  // and no longer known.
  std::uint64_t populate_limit = std::uint64_t{1} << 20;
  // Called for each operation in the order of lines, at the latest in finish().
  std::function<void(const ReplayEvent&)> on_event{};
};

class Replay {
 public:
  // REQUIRES: recording and target outlive the replay; the target knows no process yet.
  Replay(const Recording& recording, ReplayTarget& target, ReplayOptions options = {});
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;
  ~Replay();

  [[nodiscard]] unsigned cpus() const noexcept;         // simulated CPUs that records may run on
  [[nodiscard]] std::size_t position() const noexcept;  // records done, of recording.records.size()

  [[nodiscard]] bool done() const noexcept;
  [[nodiscard]] unsigned next_cpu() const;  // REQUIRES: !done()
  void step();                              // REQUIRES: !done(), running on next_cpu()

  // Ends the replay, early or not, and adds up.
  [[nodiscard]] ReplayReport finish();

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace tlblab
