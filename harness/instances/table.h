// SPDX-License-Identifier: GPL-2.0-or-later
// What the program can run, by name: backends, scenarios, replays. World-neutral: each entry holds
// functions that an instances file of one world and one backend filled in. The files are called
// one by one in tables(); nothing registers itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/scenario_info.h"
#include "harness/trace.h"
#include "harness/workload/alloc_failures.h"
#include "harness/workload/hardware_actors.h"
#include "harness/workload/recording.h"
#include "harness/workload/replay.h"
#include "harness/workload/scenario_text.h"
#include "harness/workload/script_report.h"
#include "harness/workload/stall_points.h"
#include "mm/fixes.h"

namespace tlblab {

// ---- real threads ---------------------------------------------------------------------------------

// Where simulated CPUs run; from harness/run/topology.h.
struct Placement {
  std::vector<unsigned> units;  // processing unit of each CPU; empty: not pinned
  std::vector<unsigned> nodes;  // NUMA node of each CPU; empty: one node
};

struct StressOptions {
  std::string arch = "x86";  // a backend
  unsigned cpus = 0;         // 0: as many as the scenario has actors
  double seconds = 5;
  std::uint64_t seed = 1;
  Placement placement;
  struct fixes fixes;
  std::vector<AllocRule> fail_alloc;
  std::vector<StallPoint> stalls;
  bool oracles = true;
  const ScenarioText* text = nullptr;       // of a scenario that is one
  const std::atomic<bool>* stop = nullptr;  // set by Ctrl-C
};

struct StressReport {
  unsigned cpus = 0;
  bool oversubscribed = false;
  std::uint64_t rounds = 0;
  std::uint64_t operations = 0;  // calls and accesses of the actors
  std::uint64_t ipis = 0;
  std::uint64_t stalls = 0;  // how often a CPU waited where it was asked to
  double seconds = 0;
  double first_violation_seconds = -1;
  std::uint64_t violations = 0;     // in all
  std::vector<Violation> examples;  // the first few
  AllocReport allocations;
  bool asks_existence = false;  // a text wants to know whether a state can be
  std::uint64_t witnesses = 0;  // rounds that ended in it
};

// ---- explorer -------------------------------------------------------------------------------------

enum class ExploreStrategy : std::uint8_t { random, pct, dpor };

// How far a search is.
struct ExploreProgress {
  std::uint64_t executions = 0;
  double seconds = 0;
  double done = -1;  // the part of all executions, as far as one can guess; negative: one cannot
};

struct ExploreOptions {
  std::string arch = "x86";  // a backend
  unsigned cpus = 0;
  double seconds = 10;           // time budget
  std::uint64_t executions = 0;  // 0: no bound but the time
  std::uint64_t seed = 1;
  bool count_flushes = false;   // of a random search
  bool names_buffering = true;  // a search under weak that finds nothing tells what it left out
  ExploreStrategy strategy = ExploreStrategy::random;
  std::string memory = "sc";            // tso, weak
  std::optional<unsigned> preemptions;  // of random: at most so many an execution
  std::string schedule;                 // not empty: replay this one
  bool shrink = true;                   // what a search found, to fewer switches and steps
  std::uint64_t stop_at_step = 0;  // of a replay: raise SIGTRAP there, for a debugger; 0: nowhere
  struct fixes fixes;
  std::vector<AllocRule> fail_alloc;
  HardwareActors actors;
  const ScenarioText* text = nullptr;  // of a scenario that is one
  unsigned jobs = 1;                   // processes that search at the same time
  double share_after =
      0.01;  // of several: seconds that one works before it shares what it has left
  std::function<void(const ExploreProgress&)> on_progress;  // about once a second
  const std::atomic<bool>* stop = nullptr;
};

// Of all executions of a random search: what flushing took.
struct FlushCounts {
  std::uint64_t interrupts = 0, broadcasts = 0, hash_removals = 0;
  FlushCounts& operator+=(const FlushCounts& more) noexcept {
    interrupts += more.interrupts;
    broadcasts += more.broadcasts;
    hash_removals += more.hash_removals;
    return *this;
  }
};

struct ExploreReport {
  std::string model = "sc";
  bool complete = false;  // every interleaving was seen
  std::uint64_t executions = 0;
  std::uint64_t steps = 0;
  double seconds = 0;
  struct Found {
    Violation violation;
    std::string schedule;
    std::uint64_t steps = 0;     // of the machine
    std::uint64_t switches = 0;  // from one CPU to another
    // Steps that a reader needs to follow it; 0: the schedule did not show it again.
    std::uint64_t told = 0;
    // What the search found before it was made shorter; 0: the schedule is as it was found.
    std::uint64_t found_steps = 0, found_switches = 0;
    std::string memory = "sc";  // the model that the schedule is of
  };
  std::vector<Found> violations;
  std::vector<TraceStep> trace;  // of the first violation's schedule, or of the replayed one
  Weakness weakness;             // of it, if it is one of tso or weak
  std::optional<BufferingReport> load_buffering;  // of a search under weak without a find
  std::uint64_t blocked = 0;  // executions given up because others had covered them
  // Of a complete search: how often it began again, words whose operations are events, graphs that
  // the model was asked about, executions that could not be made.
  std::uint64_t restarts = 0, tracked = 0, checked = 0, lost = 0;
  // Of a search that did not finish: how many executions there may be in all; 0: nobody knows.
  double expected_executions = 0;
  double peak_mib = 0;            // of memory, of the process that took most
  std::int64_t departed_at = -1;  // a replay: index of the first step that could not be obeyed
  bool stopped_at_step = false;   // stop_at_step was reached
  AllocReport allocations;        // of all executions
  FlushCounts flushes;            // if they were to be counted
  // Executions in which CPUs were preempted as often as options.preemptions allows.
  std::uint64_t bound_reached = 0;
  bool asks_existence = false;   // a text wants to know whether a state can be
  std::vector<Found> witnesses;  // executions that ended in it
};

// ---- entries --------------------------------------------------------------------------------------

struct ScenarioRun {
  std::string_view arch;
  StressReport (*stress)(const StressOptions&) = nullptr;
  ExploreReport (*explore)(const ExploreOptions&) = nullptr;
};

struct ScenarioEntry {
  std::string_view name;
  std::string_view thread;              // number of the mailing-list thread it comes from, or "-"
  std::string_view line;                // what goes wrong, in one line
  std::vector<std::string_view> fixes;  // switches that matter
  std::string_view real_threads;        // yes, yes+delay, explorer only
  unsigned cpus = 0;                    // actors
  std::vector<ScenarioRun> runs;        // one per backend
  unsigned least_cpus = 0;              // what it can do with; 0: all its actors
  unsigned explored_cpus = 0;           // how many the explorer takes if not told; 0: all
  std::string_view fail_alloc = {};     // a rule that holds unless another one is typed
  std::string_view actors = {};         // of the hardware, unless others are typed
  std::string_view stalls = {};         // of CPUs on threads, unless others are typed
  std::span<const Expectation> expected = {};  // empty: check does not run it
};

struct TraceOptions {
  std::string arch = "x86";  // a backend
  unsigned cpus = 0;         // 0: the recorded number
  Placement placement;
  bool oracles = true;
  std::vector<AllocRule> fail_alloc;
  std::function<void(const ReplayEvent&)> on_event;
  std::function<void(std::size_t done, std::size_t of)> on_progress;  // now and then
  const std::atomic<bool>* stop = nullptr;
};

// What a backend did to flush, besides interrupts.
struct FlushWork {
  std::uint64_t broadcasts = 0;  // invalidates that other CPUs hear by themselves
  std::uint64_t hash_inserts = 0, hash_removals = 0;  // of a hash page table
};

struct TraceReport {
  ReplayReport replay;
  unsigned cpus = 0;
  bool oversubscribed = false;
  std::uint64_t ipis = 0;
  FlushWork work;
  double seconds = 0;
  std::uint64_t violations = 0;
  std::vector<Violation> examples;
  AllocReport allocations;
  bool interrupted = false;
};

struct ScriptOptions {
  std::string arch = "x86";      // a backend
  unsigned cpus = 1;             // 2: a second thread runs on CPU 1
  std::uint64_t swap_pages = 0;  // 0: the machine has no swap
  Placement placement;           // a child with a CPU of its own takes the second place
  bool oracles = true;
  const std::atomic<bool>* stop = nullptr;
};

struct ScriptRunReport {
  ScriptReport script;
  unsigned cpus = 0;
  bool oversubscribed = false;
  std::uint64_t violations = 0;
  std::vector<Violation> examples;
};

struct BackendEntry {
  std::string_view name;
  std::string_view memory;          // sc, tso, weak: the default model of the explorer
  std::string_view tlb;             // what kind of TLB
  std::string_view filled_by;       // hardware or software
  std::string_view debt_paid;       // when a flush is due
  bool interrupts_walkers = false;  // does paying it wait for walkers with interrupts off?
  std::vector<std::string_view> features;
  std::vector<std::string_view> options{};  // --arch name+option
  TraceReport (*trace)(const Recording&, const TraceOptions&) = nullptr;
  // Throws InputError.
  ScriptRunReport (*script)(const Script&, const ScriptOptions&) = nullptr;
  // Of scenarios that are texts: the options hold one.
  ScenarioRun text{};
};

struct Tables {
  std::vector<BackendEntry> backends;
  std::vector<ScenarioEntry> scenarios;
};

[[nodiscard]] constexpr unsigned least_cpus(const ScenarioEntry& entry) noexcept {
  return entry.least_cpus != 0 ? entry.least_cpus : entry.cpus;
}
[[nodiscard]] constexpr unsigned explored_cpus(const ScenarioEntry& entry) noexcept {
  return entry.explored_cpus != 0 ? entry.explored_cpus : entry.cpus;
}

// Built at the first call.
[[nodiscard]] const Tables& tables();
// "x86+option" is x86.
[[nodiscard]] const BackendEntry* find_backend(std::string_view name);
[[nodiscard]] constexpr std::string_view without_options(std::string_view arch) noexcept {
  return arch.substr(0, arch.find('+'));
}
[[nodiscard]] const ScenarioEntry* find_scenario(std::string_view name);

}  // namespace tlblab
