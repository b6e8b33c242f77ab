// SPDX-License-Identifier: GPL-2.0-or-later
// What reports are written from: what was asked for, beside what came out. text.h and json.h turn a
// page into text and JSON; a page holds nothing that depends on where it is printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/instances/table.h"

namespace tlblab {

// Name and value, in order: what is said about the host or this program.
using NamedValues = std::vector<std::pair<std::string, std::string>>;

// A scenario on a backend, with some fixes taken away.
struct Subject {
  std::string scenario;
  std::string arch;
  std::vector<std::string> without;
  unsigned cpus = 0;
};

// Where simulated CPUs ran.
struct Seats {
  unsigned cpus = 0;
  unsigned units = 0;  // different ones; 0: not pinned
  std::string policy;
  [[nodiscard]] bool oversubscribed() const noexcept { return units != 0 && cpus > units; }
};

struct TracePage {
  std::string file;
  std::uint64_t lines = 0;
  bool oracles = true;
  Seats seats;
  struct Run {
    std::string arch;
    TraceReport report;
  };
  std::vector<Run> runs;
  NamedValues tool, host;
};

struct ScriptPage {
  std::string file;
  std::string arch;
  bool oracles = true;
  bool pages = false;  // show the state of every page after every operation; JSON always does
  Seats seats;
  Script script;
  ScriptRunReport report;
  NamedValues tool, host;
};

struct StressPage {
  std::uint64_t seed = 0;
  bool oracles = true;
  bool interrupted = false;
  Seats seats;
  struct Run {
    Subject subject;
    StressReport report;
  };
  std::vector<Run> runs;
  std::vector<std::string> cures;  // fixes that the scenario is about
  NamedValues tool, host;
};

struct ExplorePage {
  std::uint64_t seed = 0;
  bool replayed = false;  // one schedule was repeated; nothing was searched
  bool interrupted = false;
  double budget_seconds = 0;
  std::uint64_t executions_asked = 0;  // 0: as many as the time allows
  std::string strategy = "random";
  struct Run {
    Subject subject;
    ExploreReport report;  // schedules are complete: replay takes them as they are
  };
  std::vector<Run> runs;
  std::vector<std::string> cures;
  NamedValues tool;
};

struct TopoPage {
  std::string description;  // in hwloc's words; may be empty
  bool made_up = false;     // not the host
  struct Unit {
    unsigned os_index = 0, package = 0, node = 0, core = 0, smt = 0;
  };
  std::vector<Unit> units;
  Seats seats;               // policy empty: no CPU was placed
  std::vector<Unit> placed;  // one a CPU
  NamedValues tool, host;
};

struct NamedLine {
  std::string name, line;
};

// What there is to run. Sections that were not asked for are off.
struct ListPage {
  const Tables* tables = nullptr;
  bool scenarios = false, backends = false, fixes = false, violations = false;
  bool brief = false;  // names alone of what there is much of
  std::vector<NamedLine> violation_kinds;
};

struct DemoPage {
  TracePage trace;
  ExplorePage broken, fixed;
  StressPage broken_threads, fixed_threads;
  bool as_expected = false;
};

}  // namespace tlblab
