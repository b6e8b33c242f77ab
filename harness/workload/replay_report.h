// SPDX-License-Identifier: GPL-2.0-or-later
// What came out of a replay: per kind of operation how well the flushes agree, and totals.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/workload/knowledge.h"
#include "harness/workload/recording.h"
#include "harness/workload/replay_event.h"

namespace tlblab {

struct FlushSum {
  std::uint64_t events = 0;
  std::uint64_t pages = 0;  // of those that named a range
  std::uint64_t full = 0;
  void add(std::int64_t of_pages) noexcept;
  friend bool operator==(const FlushSum&, const FlushSum&) = default;
};

// right, wrong: it flushed or not, as the kernel did or not. exact, differ: of those that flushed
// in both, number and pages of the flushes in order.
struct KindReport {
  std::string name;
  std::uint64_t calls = 0;
  struct Known {
    std::uint64_t right = 0, wrong = 0, exact = 0, differ = 0;
    friend bool operator==(const Known&, const Known&) = default;
  } known;
  struct Unknown {
    std::uint64_t right = 0, wrong = 0;
    friend bool operator==(const Unknown&, const Unknown&) = default;
  } unknown;
  FlushSum predicted, recorded;  // local flushes
};

// What the page faults say by themselves, without the target.
struct FaultCount {
  std::uint64_t present_writes = 0;    // write faults on a present page, wherever
  std::uint64_t anonymous = 0;         // user faults in tracked anonymous mappings
  std::uint64_t explained = 0;         // those of them that the state of their page explains
  std::uint64_t kernel_addresses = 0;  // faults outside the program's memory: not replayed
  void count(const Record& fault, const FaultKnowledge& what) noexcept;
};

// A check that does not need the prediction of every single call.
struct ReplayCheck {
  std::string_view name;
  std::string_view relation;  // what should hold between the two: "==" or "<="
  std::uint64_t left = 0, right = 0;
  [[nodiscard]] bool holds() const noexcept {
    return relation == "==" ? left == right : left <= right;
  }
};

struct Divergence {
  std::uint32_t line = 0;
  std::int64_t recorded = 0, got = 0;
};

struct ReplayReport {
  static constexpr std::size_t divergences_kept = 8;
  using ByReason = std::array<FlushSum, 6>;

  std::vector<KindReport> kinds;  // those that occurred, the ones of the first list of kinds first

  std::uint64_t records = 0;
  std::uint64_t operations = 0;  // calls, faults, forks, execs and exits carried out on the target
  std::uint64_t processes = 0, threads = 0;
  std::uint64_t unfinished_calls = 0;  // no exit recorded: without effect
  FaultCount faults;
  std::uint64_t untracked_pages = 0;  // made because a fault showed that something is mapped there
  std::uint64_t reconciled =
      0;  // faults that showed a page to be present or absent against the state
  std::uint64_t populated_pages = 0;  // brought in without faults: MAP_POPULATE, mlock
  std::uint64_t populations_cut = 0;  // longer than the replay populates
  std::uint64_t diverged = 0;         // the target returned something else
  std::vector<Divergence> first_diverged;

  ByReason predicted{}, recorded{};
  std::uint64_t ipis = 0;
  std::uint64_t lost_records = 0, lost_events = 0;
  std::map<std::string, std::uint64_t, std::less<>> unknown_events;
  std::vector<ReplayCheck> checks;

  [[nodiscard]] const KindReport* kind(std::string_view name) const noexcept;
  // Fills `checks` from the rest.
  void add_checks();
};

// Adds operations up.
class Tally {
 public:
  Tally();
  void add(const ReplayEvent& event);

  // The kinds that occurred.
  [[nodiscard]] std::vector<KindReport> kinds() const;

 private:
  KindReport& kind(std::string_view name);

  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<KindReport> kinds_;
};

}  // namespace tlblab
