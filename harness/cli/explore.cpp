// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fstream>
#include <limits>

#include <fmt/format.h>

#include "harness/cli/about.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/names.h"
#include "harness/cli/progress.h"
#include "harness/cli/runs.h"
#include "harness/cli/schedule_header.h"
#include "harness/cli/values.h"
#include "harness/explore/schedule.h"
#include "harness/report/json.h"
#include "harness/report/text.h"
#include "harness/world/explore/memory_search.h"

namespace tlblab {
namespace {

constexpr unsigned most_preemptions = 1000;
constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

// --budget, or its other name --seconds. A number of executions alone is not bounded by time.
double budget(const Arguments& arguments) {
  if (arguments.has("--budget") && arguments.has("--seconds"))
    throw UsageError("--seconds is another name of --budget; type one of them");
  const std::string_view name = arguments.has("--seconds") ? "--seconds" : "--budget";
  return seconds_value(arguments, name, arguments.has("--executions") ? max_duration : 10);
}

// That of the backend for a complete search; of several, the weakest. Others are much faster if they need
// not ask what is read.
std::string default_model(ExploreStrategy strategy, const std::vector<std::string>& arches) {
  std::string weakest = "sc";
  if (strategy != ExploreStrategy::dpor) return weakest;
  for (const std::string& arch : arches) {
    const std::string_view memory = find_backend(arch)->memory;
    if (memory == "weak" || (memory == "tso" && weakest == "sc")) weakest = memory;
  }
  return weakest;
}

std::string memory_model(const Arguments& arguments,
                         ExploreStrategy strategy,
                         const std::vector<std::string>& arches) {
  if (!arguments.has("--memory")) return default_model(strategy, arches);
  return word_value(arguments, "--memory", {"sc", "tso", "weak"}, "these are the memory models");
}

const char* strategy_name(ExploreStrategy strategy) {
  if (strategy == ExploreStrategy::dpor) return "dpor";
  return strategy == ExploreStrategy::pct ? "pct" : "random";
}

void take_strategy(const Arguments& arguments, ExploreRequest& request) {
  const std::string word = word_value(arguments, "--strategy", {"random", "pct", "dpor"},
                                      "only these exist in this version");
  if (word == "pct") request.strategy = ExploreStrategy::pct;
  if (word == "dpor") request.strategy = ExploreStrategy::dpor;
  if (!arguments.has("--preemptions")) return;
  if (word != "random")
    throw UsageError(fmt::format(
        "--preemptions is a bound of the random strategy, and {} has none; leave one out", word));
  request.preemptions =
      static_cast<unsigned>(number_value(arguments, "--preemptions", 0, 0, most_preemptions));
}

int run_explore(const Arguments& arguments, Context& context) {
  const ChosenScenario chosen = chosen_scenario(arguments.words.front());
  const ScenarioEntry& scenario = *chosen.entry;
  ExploreRequest request;
  request.scenario = &scenario;
  request.file = chosen.file.get();
  request.arches = chosen_arches(arguments, chosen);
  request.fixes = chosen_fixes(arguments, chosen);
  request.cpus = static_cast<unsigned>(
      number_value(arguments, "--cpus", 0, least_cpus(scenario), max_explored_cpus));
  request.seconds = budget(arguments);
  request.executions = number_value(arguments, "--executions", 0, 1, no_limit);
  request.seed = number_value(arguments, "--seed", request.seed, 0, no_limit);
  request.jobs = jobs_value(arguments, 1);
  request.fail_alloc = alloc_rules(arguments, scenario.fail_alloc);
  request.actors = chosen_actors(arguments, chosen);
  request.shrink = !arguments.has("--no-shrink");
  request.verbose = arguments.has("--verbose");
  take_strategy(arguments, request);
  request.memory = memory_model(arguments, request.strategy, request.arches);
  const ExplorePage page = explore(request, context);
  context.out << (context.json ? explore_json(page) : explore_text(page, context.paint));
  write_litmus(arguments, page, context);
  if (page.interrupted) return exit_interrupted;
  if (violated(page)) return exit_violation;
  const bool complete =
      std::ranges::all_of(page.runs, [](const auto& run) { return run.report.complete; });
  return arguments.has("--require-complete") && !complete ? exit_incomplete : exit_fine;
}

ScheduleHeader header_of(const ExploreRequest& request,
                         const std::string& arch,
                         const std::string& model) {
  ScheduleHeader header{.scenario = std::string(request.scenario->name),
                        .arch = arch,
                        .model = model,
                        .without = request.fixes.without,
                        .cpus = request.cpus};
  if (request.file != nullptr) header.fingerprint = fingerprint(request.file->text);
  for (const AllocRule& rule : request.fail_alloc) header.fail_alloc.push_back(rule.text);
  header.actors = request.actors;
  return header;
}

unsigned cpus_of(const ExploreRequest& request) {
  return request.cpus != 0 ? request.cpus : explored_cpus(*request.scenario);
}

// Of so many can be decided what they read.
void check_cpus(const ExploreRequest& request) {
  const bool is_dpor = request.strategy == ExploreStrategy::dpor;
  const unsigned most = searched_cpus(request.actors.kinds());
  if (cpus_of(request) <= most || (!is_dpor && request.memory == "sc")) return;
  const bool actors_matter = cpus_of(request) <= max_searched_cpus;
  throw UsageError(fmt::format(
      "the {} takes at most {} CPUs{}, and this is {}; {}",
      is_dpor ? "dpor strategy" : "memory model " + request.memory, most,
      request.actors.kinds() == 0
          ? ""
          : fmt::format(" with --actors {}", print_hardware_actors(request.actors)),
      cpus_of(request), actors_matter ? "type --actors none, or fewer" : "leave it out"));
}

Subject subject_of(const ExploreRequest& request, const std::string& arch) {
  const ScenarioEntry& scenario = *request.scenario;
  Subject subject{.scenario = std::string(scenario.name),
                  .arch = arch,
                  .without = request.fixes.without,
                  .cpus = cpus_of(request)};
  if (request.actors.kinds() != 0) subject.actors = print_hardware_actors(request.actors);
  describe(subject, request.file);
  return subject;
}

// "12345 executions, 4115 a second, 3 s of 10 s; about 12 % done"
std::string progress_words(const ExploreRequest& request, const ExploreProgress& now) {
  std::string words = fmt::format("{}", now.executions);
  if (request.executions != 0) words += fmt::format(" of {}", request.executions);
  words += fmt::format(" executions, {:.0f} a second, {:.0f} s",
                       static_cast<double>(now.executions) / now.seconds, now.seconds);
  if (request.seconds < max_duration) words += fmt::format(" of {:.0f} s", request.seconds);
  if (now.done < 0) return words;
  constexpr double little = 0.001;
  return words + (now.done < little ? "; less than 0.1 % done"
                                    : fmt::format("; about {:.1f} % done", 100 * now.done));
}

ExploreReport run_once(const ExploreRequest& request,
                       const std::string& arch,
                       const Context& context) {
  const ScenarioEntry& scenario = *request.scenario;
  ExploreOptions options;
  options.cpus = request.cpus;
  options.seconds = request.seconds;
  options.executions = request.executions;
  options.seed = request.seed;
  options.strategy = request.strategy;
  options.memory = request.memory;
  options.preemptions = request.preemptions;
  options.schedule = request.schedule;
  options.shrink = request.shrink;
  options.jobs = request.jobs;
  options.stop_at_step = request.stop_at_step;
  options.fixes = request.fixes.fixes;
  options.fail_alloc = request.fail_alloc;
  options.actors = request.actors;
  if (request.file != nullptr) options.text = &request.file->text;
  options.arch = arch;
  options.stop = &context.stop;
  const ScenarioRun& run = run_on(scenario, arch);
  if (run.explore == nullptr)
    throw UsageError(fmt::format("{} cannot be explored on {}; type tlblab stress {}",
                                 scenario.name, arch, scenario.name));
  Progress progress(context.err, context.progress, fmt::format("{} on {}", scenario.name, arch));
  if (context.progress)
    options.on_progress = [&](const ExploreProgress& now) {
      progress.show(progress_words(request, now));
    };
  ExploreReport report = run.explore(options);
  for (const ExploreReport::Found& found : report.violations)
    check_setup(request.file, {found.violation});
  for (auto* all : {&report.violations, &report.witnesses})
    for (ExploreReport::Found& found : *all)
      if (!found.schedule.empty())
        found.schedule = with_header(header_of(request, arch, found.memory), found.schedule);
  return report;
}

}  // namespace

// Of the first that was found.
void write_litmus(const Arguments& arguments, const ExplorePage& page, Context& context) {
  const std::optional<std::string> path = arguments.value("--litmus");
  if (!path) return;
  const auto has_one = [](const auto& run) { return !run.report.weakness.litmus.empty(); };
  const auto run = std::ranges::find_if(page.runs, has_one);
  if (run != page.runs.end()) {
    std::ofstream file(*path);
    file << run->report.weakness.litmus;
    if (!file.flush())
      throw UsageError(fmt::format("{} cannot be written; type --litmus with another", *path));
    return;
  }
  std::string why = "nothing was found under --memory tso or weak";
  for (const auto& each : page.runs)
    if (!each.report.weakness.no_litmus.empty()) why = each.report.weakness.no_litmus;
  context.err << fmt::format("tlblab: no litmus test: {}\n", why);
}

bool violated(const ExplorePage& page) {
  return std::ranges::any_of(page.runs,
                             [](const auto& run) { return !run.report.violations.empty(); });
}

ExplorePage explore(const ExploreRequest& request, Context& context) {
  check_cpus(request);
  const ScenarioEntry& scenario = *request.scenario;
  ExplorePage page{.seed = request.seed,
                   .replayed = !request.schedule.empty(),
                   .budget_seconds = request.seconds,
                   .executions_asked = request.executions,
                   .strategy = strategy_name(request.strategy),
                   .preemptions = request.preemptions,
                   .verbose = request.verbose,
                   .runs = {},
                   .cures = cures_of(scenario),
                   .tool = tool_facts()};
  for (const std::string& arch : request.arches) {
    page.runs.push_back({subject_of(request, arch), run_once(request, arch, context)});
    if (context.stop) break;
  }
  page.interrupted = context.stop;
  return page;
}

namespace {

constexpr std::string_view explore_more =
    "Exit code 1 if a violation was found, expected or not. Random schedules can\n"
    "find one and can never show that there is none. The same seed finds the same.\n"
    "pct gives every actor a priority and changes it at 0 to 3 random moments: better\n"
    "than random where one CPU must get far ahead of another. A preemption is the\n"
    "switch from a CPU that could have gone on; interrupts of its own are none.\n"
    "dpor visits each execution once that the memory model allows (they differ in who\n"
    "reads from whom and in the order of writes) and says when it has seen all.\n"
    "Under tso and weak a load may see what has been overwritten; of each such load\n"
    "it says who wrote what, and which fences would have forced the new value;\n"
    "--litmus writes the accesses that matter as a test for herd7 and tlblab litmus.\n"
    "weak keeps each load before its CPU's later stores; the kernel's model does not.\n"
    "A search that found nothing says where that could matter: 'exact' if nowhere,\n"
    "else which CPU might write what before it reads what.\n"
    "What is found does not depend on --jobs; where a time budget ends a search does.\n"
    "What is found is made short: the fewest context switches, then what hardware\n"
    "does, then steps that still break the same rule.\n"
    "A walker walks the page tables of the mm that its CPU has loaded, ahead of any\n"
    "access, and fills the TLB; evict drops an entry of it; arrive lets a broadcast\n"
    "invalidate reach the CPU before it is waited for. Each does so at any one step\n"
    "of an execution, or with =N at N (walker=2), for a page that programs use.\n\n"
    "RULE is KEY=VALUE,...: site=S (user_page, page_table, gather_batch, table_batch,\n"
    "object) and cpu=N say of whom; number=N (the N-th, from 1), number=N-M (one of\n"
    "these, drawn for each execution), every=N or rate=P (others each time, or with\n"
    "seed=N the same) say which;\n"
    "without any of these all fail. What the scenario sets up before is not asked.\n\n"
    "FILE is a scenario as text, one operation a line; # starts a comment. A word\n"
    "that no scenario is called is one if there is such a file, or if it has a dot or\n"
    "a slash in it.\n\n"
    "  map 0x4000 8 rw                    above the programs: the setup\n"
    "  store 0x4000 1\n"
    "  P0: madvise_dontneed 0x4000 8      what CPU 0 does, line after line\n"
    "  P1: r0 = load 0x4000               r0 to r31 take what it gives\n"
    "  forbid stale_translation_use       kinds that count; any (if not said); none\n"
    "  forbid P1:r0 == 1                  may not hold at the end\n"
    "  exists P1:r0 == 0 || !(P1:r0 < 3)  can it hold at the end?\n"
    "  without nested-flush, F=FORM       unless --without says otherwise\n"
    "  actors walker, evict=2, arrive     unless --actors says otherwise\n"
    "  arch x86                           unless --arch says otherwise\n\n"
    "ADDRESS PAGES follow munmap mlock munlock uffd_unregister uffd_zeropage\n"
    "  madvise_dontneed madvise_dontneed_locked madvise_free madvise_cold\n"
    "  madvise_pageout\n"
    "  madvise_populate_read madvise_populate_write madvise_willneed madvise_remove\n"
    "  madvise_guard_install madvise_guard_remove madvise_dontfork madvise_wipeonfork\n"
    "  madvise_hugepage madvise_nohugepage\n"
    "memory:   load ADDRESS    store ADDRESS VALUE    (8 bytes; also read, write)\n"
    "  mmap ADDRESS PAGES r|rw|none|rx|rwx [shared|private FILE [PAGE]] [populate]\n"
    "  mprotect ADDRESS PAGES r|rw|none|rx|rwx\n"
    "  mremap ADDRESS PAGES NEWPAGES [to ADDRESS] [dontunmap]\n"
    "  uffd_register ADDRESS PAGES wp|missing  uffd_writeprotect ADDRESS PAGES on|off\n"
    "  uffd_copy ADDRESS PAGES from ADDRESS    uffd_move ADDRESS PAGES from ADDRESS\n"
    "files:    file NAME PAGES (on a disk)  shmem NAME PAGES  (setup)  writeback NAME\n"
    "swap:     swap SLOTS (setup)   swap_out ADDRESS\n"
    "devices:  pin ADDRESS r|w   pin_fast ADDRESS r|w   unpin   dma_load\n"
    "          dma_store VALUE   (of what was pinned last)\n"
    "programs: fork CHILD   use CHILD|parent   exit CHILD   sleep   wake   tick\n"
    "order:    meet (waits for all)   signal NAME   wait NAME   seen NAME (0 or 1)\n\n"
    "Calls give 0 or more, or -EINVAL and the like. An access that would kill its\n"
    "program gives sigsegv, sigbus or oom, and the program goes on.\n\n"
    "examples:\n"
    "  tlblab explore madvise-parallel-2017 --without nested-flush\n"
    "  tlblab explore madvise-parallel-2017 --budget 1m --seed 7\n"
    "  tlblab explore madvise-parallel-2017 --executions 1000 --json\n"
    "  tlblab explore madvise-parallel-2017 --strategy pct\n"
    "  tlblab explore madvise-parallel-2017 --preemptions 2\n"
    "  tlblab explore madvise-parallel-2017 --strategy dpor --jobs 2 --budget 1m\n"
    "  tlblab explore madvise-parallel-2017 --fail-alloc number=1-9\n"
    "  tlblab explore my.scenario --without none\n";

}  // namespace

Command explore_command() {
  return {.name = "explore",
          .words = "SCENARIO|FILE",
          .least_words = 1,
          .most_words = 1,
          .line = "search a scenario's interleavings for a violation, and print how to repeat it",
          .options = {{"--arch", "A[,A]|all", "on these backends (default: its first one)"},
                      {"--without", "FIX[,FIX]", "take these fixes away (none: keep all)"},
                      set_option,
                      {"--cpus", "N", "simulated CPUs (default: as many as it has actors)"},
                      {"--budget", "T", "stop after 10s, 500ms, 2m (default 10s)"},
                      {"--seconds", "S", "the same as --budget"},
                      {"--executions", "N", "stop after N executions; without --budget only then"},
                      {"--seed", "N", "of the random schedules (default 1)"},
                      {"--jobs", "N", "processes that search at the same time (default 1)"},
                      {"--strategy", "S",
                       "random, pct (priorities with few changes) or dpor (complete)"},
                      {"--preemptions", "N", "of random: at most N in each execution"},
                      {"--memory", "M", "sc, tso, weak (default: sc; dpor: the backend's)"},
                      {"--require-complete", "", "exit code 3 if not every schedule was seen"},
                      actors_option,
                      fail_alloc_option,
                      litmus_option,
                      {"--verbose", "", "show everything that the CPUs did, not only what matters"},
                      {"--no-shrink", "", "print the schedule as it was found, however long"},
                      {"--json", "", "as one JSON object"}},
          .more = explore_more,
          .run = run_explore};
}

}  // namespace tlblab
