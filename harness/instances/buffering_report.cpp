// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/instances/buffering_report.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr std::uint64_t most_walks = 200;

using Pair = LoadBuffering::Pair;

// Of an execution: the n-th read or write of the location by the thread.
const GraphEvent* find(const PortSearch& walk,
                       unsigned thread,
                       const LoadBuffering::Access& access,
                       bool write) {
  unsigned nth = 0;
  for (const EventId id : walk.graph().thread(thread)) {
    const GraphEvent& event = walk.graph().event(id);
    const bool is_it = (write ? event.is_write() : event.is_read()) &&
                       walk.location_names()[event.location] == access.location;
    if (is_it && nth++ == access.nth) return &event;
  }
  return nullptr;
}

std::string name_of(ActorKind kind) {
  constexpr std::array<const char*, actor_kinds> names{
      "",         "interrupt handler",       "RCU callbacks", "speculative walk",
      "eviction", "arrival of an invalidate"};
  return names.at(static_cast<std::size_t>(kind));
}

class Lookup {
 public:
  Lookup(const ExploreCalls& calls, const PortSearch& search, const std::vector<Pair>& pairs)
      : calls_(calls), pairs_(pairs), walk_(search.model(), calls.cpus, calls.hardware) {
    walk_.learn_from(search);
    for (const Pair& pair : pairs) {
      BufferingReport::Pair& row = report_.pairs.emplace_back();
      row.cpu = walk_.cpu_of(pair.thread);
      row.by = name_of(walk_.kind_of(pair.thread));
    }
  }

  BufferingReport report() {
    for (std::uint64_t seed = 1; seed <= most_walks && !is_done(); ++seed) {
      RandomChooser chooser(mixed(seed));
      walk_.begin_walk();
      const Execution execution = calls_.walked(walk_, chooser, MachineOptions{}.step_limit, true);
      if (walk_.is_given_up()) continue;
      for (std::size_t n = 0; n < pairs_.size(); ++n) look_at(n, execution);
    }
    return std::move(report_);
  }

 private:
  [[nodiscard]] bool is_done() const {
    return std::ranges::none_of(report_.pairs, [](const auto& row) { return row.read.step == 0; });
  }

  void look_at(std::size_t n, const Execution& execution) {
    const Pair& pair = pairs_[n];
    BufferingReport::Pair& row = report_.pairs[n];
    for (const auto& [name, text] : execution.weakness.words) {
      if (name == pair.read.location && row.read.object.empty()) row.read.object = text;
      if (name == pair.write.location && row.write.object.empty()) row.write.object = text;
    }
    const GraphEvent* read = find(walk_, pair.thread, pair.read, false);
    const GraphEvent* write = find(walk_, pair.thread, pair.write, true);
    if (row.read.step != 0 || read == nullptr || write == nullptr || write->po < read->po) return;
    row.read.step = walk_.step_of(*read);
    row.write.step = walk_.step_of(*write);
    for (BufferingReport::Access* access : {&row.read, &row.write})
      if (access->object.empty()) access->object = user_address(execution, row.cpu, access->step);
  }

  // What a program uses has no name but its address.
  static std::string user_address(const Execution& execution, unsigned cpu, std::uint64_t step) {
    const auto found = std::ranges::find_if(execution.trace, [&](const TraceStep& row) {
      return row.step == step && row.cpu == cpu &&
             (row.what == "user_read" || row.what == "user_write");
    });
    return found == execution.trace.end() ? "" : found->object;
  }

  const ExploreCalls& calls_;
  const std::vector<Pair>& pairs_;
  PortSearch walk_;
  BufferingReport report_;
};

}  // namespace

BufferingReport buffering_report(const ExploreCalls& calls,
                                 const PortSearch& search,
                                 const std::vector<Pair>& pairs) {
  return Lookup(calls, search, pairs).report();
}

}  // namespace tlblab::inline TLBLAB_WORLD
