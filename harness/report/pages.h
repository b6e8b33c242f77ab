// SPDX-License-Identifier: GPL-2.0-or-later
// What reports are written from: what was asked for, beside what came out. text.h and json.h turn a
// page into text and JSON; a page holds nothing that depends on where it is printed.
#pragma once

#include <cstdint>
#include <optional>
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
  std::string actors{};           // of the hardware, as they are typed; empty: none
  std::string fingerprint{};      // of a scenario that is a file: its name is `scenario`
  bool takes_fixes_away = false;  // such a file does, unless told otherwise
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
  std::vector<std::string> stalls;  // points where CPUs wait
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
  std::optional<unsigned> preemptions;  // at most so many an execution
  bool verbose = false;                 // every row of a trace, not only those that a reader needs
  struct Run {
    Subject subject;
    ExploreReport report;  // schedules are complete: replay takes them as they are
  };
  std::vector<Run> runs;
  std::vector<std::string> cures;
  NamedValues tool;
};

// Searches of scenarios, against the tables that say what they come to.
struct CheckPage {
  struct Row {
    std::string arch, model;
    std::vector<std::string> without;
    std::string expected;                // clean, or violation KIND
    std::string masked_by;               // empty: by nothing
    bool wants_complete = false;         // to be clean is not enough
    std::string skipped;                 // why it cannot be run; empty: it can
    std::string strategy;                // of the search
    std::uint64_t executions_asked = 0;  // 0: all that there are
    double budget_seconds = 0;
    // What came of it.
    bool is_done = false;
    bool as_expected = false;
    std::string got;       // as `expected` is, or undecided (WHY)
    std::string text;      // about what was found
    std::string schedule;  // of it; replay takes it as it is
    bool complete = false;
    std::uint64_t executions = 0;
    double seconds = 0;
    [[nodiscard]] bool is_unexpected() const noexcept { return is_done && !as_expected; }
  };
  struct Scenario {
    std::string name;
    std::vector<Row> rows;               // none: it has no table
    [[nodiscard]] bool is_done() const;  // every row that can be run was
  };
  std::vector<Scenario> scenarios;
  bool interrupted = false;
  double seconds = 0;
  NamedValues tool;

  struct Sums {
    std::uint64_t rows = 0;  // that can be run
    std::uint64_t done = 0, unexpected = 0, skipped = 0;
  };
  [[nodiscard]] Sums sums() const;
};

// What the threads left open, answered by searches.
struct QuestionsPage {
  struct Evidence {
    std::string shows;    // what it was looked at for
    std::string command;  // that makes the same search
    std::string scenario, arch, model;
    std::vector<std::string> without;
    std::string verdict;  // clean, violation KIND, or undecided
    bool complete = false;
    std::uint64_t executions = 0;
    double seconds = 0;
    std::optional<double> flushes{};  // an execution, if they were counted
    std::string schedule;             // of what was found
    std::string text;                 // about it
    std::vector<TraceStep> trace;     // of the one that is told
  };
  struct Question {
    unsigned id = 0;
    std::string author, thread, quote, asked;
    std::string verdict, expected;  // yes, no, depends; of the first also unsettled
    std::string answer;             // empty: the searches do not come to one
    std::string claims;
    std::vector<Evidence> evidence;
    [[nodiscard]] bool as_expected() const { return verdict == expected; }
  };
  std::vector<Question> questions;
  double seconds = 0;
  NamedValues tool;
};

// Fences, and the rows of tables that leave out one of them.
struct FencesPage {
  struct Row {
    std::string scenario;
    CheckPage::Row row;
  };
  struct Fence {
    std::string id, commit;
    unsigned year = 0;
    std::string line;       // what it orders
    std::vector<Row> rows;  // none: no scenario leaves it out
  };
  std::vector<Fence> fences;
  double seconds = 0;
  NamedValues tool;
  [[nodiscard]] std::size_t unexpected() const;
};

// Workloads on the simulated machine, beside this host's kernel and a plain loop.
struct BenchPage {
  struct Part {
    std::vector<double> repetitions;  // each the median of its turns; empty: there is no such part
    [[nodiscard]] bool measured() const noexcept { return !repetitions.empty(); }
  };
  struct Run {
    std::string workload;
    std::string unit;  // "ns per page"; "times": how much more than one CPU, so more is better
    unsigned cpus = 0;
    Part simulated, kernel, plain;
    std::vector<std::pair<std::string, Part>> arches{};  // of those that were asked for
    [[nodiscard]] bool more_is_better() const { return unit == "times"; }
    [[nodiscard]] double best(const Part& part) const;  // 0: not measured
    [[nodiscard]] std::size_t best_scaling() const;     // the repetition that counts, of "times"
    [[nodiscard]] double over_plain() const;            // 0: there is no such ratio
    [[nodiscard]] double kernel_over() const;
  };
  std::vector<Run> runs;
  std::string arch = "x86";
  unsigned repetitions = 0;
  Seats seats;
  std::vector<unsigned> units;  // that CPU n ran on, by the operating system's numbers
  std::vector<std::string> warnings;
  NamedValues tool, host;
};

struct RecordPage {
  std::string file;
  std::vector<std::string> command;
  int exit_code = 0;  // of the command; 128 + number if a signal ended it
  std::uint64_t events = 0, losses = 0;
  NamedValues tool, host;
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
