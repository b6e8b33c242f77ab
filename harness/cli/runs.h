// SPDX-License-Identifier: GPL-2.0-or-later
// Runs that are shared by commands: each checks nothing that a user typed, runs, and gives the page
// to print. demo is made of them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/cli/command.h"
#include "harness/cli/names.h"
#include "harness/cli/scenario_file.h"
#include "harness/cli/schedule_header.h"
#include "harness/instances/table.h"
#include "harness/report/pages.h"
#include "harness/run/topology.h"

namespace tlblab {

struct TraceRequest {
  std::string file;
  std::vector<std::string> arches;  // backends, with options
  unsigned cpus = 0;
  PlacePolicy policy;
  bool oracles = true;
  std::vector<AllocRule> fail_alloc;
  std::function<void(const ReplayEvent&)> on_event;
};
// Throws InputError.
[[nodiscard]] TracePage trace(const TraceRequest& request, Context& context);

struct StressRequest {
  const ScenarioEntry* scenario = nullptr;
  const ScenarioFile* file = nullptr;  // whose entry that is
  std::vector<std::string> arches;
  ChosenFixes fixes;
  unsigned cpus = 0;
  double seconds = 5;
  std::uint64_t seed = 1;
  std::vector<AllocRule> fail_alloc;
  std::vector<StallPoint> stalls;
  PlacePolicy policy;
};
[[nodiscard]] StressPage stress(const StressRequest& request, Context& context);

struct ExploreRequest {
  const ScenarioEntry* scenario = nullptr;
  const ScenarioFile* file = nullptr;  // whose entry that is
  std::vector<std::string> arches;
  ChosenFixes fixes;
  unsigned cpus = 0;
  double seconds = 10;
  std::uint64_t executions = 0;
  std::uint64_t seed = 1;
  ExploreStrategy strategy = ExploreStrategy::random;
  std::string memory = "sc";
  std::optional<unsigned> preemptions;
  std::vector<AllocRule> fail_alloc;
  HardwareActors actors;
  unsigned jobs = 1;               // processes
  std::string schedule;            // not empty: this one is replayed, once
  bool shrink = true;              // what is found
  bool verbose = false;            // every row of the trace
  std::uint64_t stop_at_step = 0;  // ExploreOptions
};
inline constexpr OptionSpec litmus_option{"--litmus", "FILE",
                                          "write what is weak in what was found as a litmus test"};
// If --litmus was typed. Throws UsageError if the file cannot be written.
void write_litmus(const Arguments& arguments, const ExplorePage& page, Context& context);
// To repeat a schedule, which says all but its scenario.
[[nodiscard]] ExploreRequest replay_request(const std::string& schedule,
                                            const ScheduleHeader& header);
[[nodiscard]] ExplorePage explore(const ExploreRequest& request, Context& context);

[[nodiscard]] bool violated(const StressPage& page);
[[nodiscard]] bool violated(const ExplorePage& page);

}  // namespace tlblab
