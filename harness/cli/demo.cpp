// SPDX-License-Identifier: GPL-2.0-or-later
// The tour: a recorded program, a race under the explorer, the same race on threads. Each step says
// in two lines what it shows, and each has an outcome that is expected.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "harness/cli/command.h"
#include "harness/cli/data_files.h"
#include "harness/cli/errors.h"
#include "harness/cli/names.h"
#include "harness/cli/runs.h"
#include "harness/report/json.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

constexpr const char* recordings[] = {"xz2.perf.txt.gz", "sqlite3.perf.txt.gz"};
constexpr const char* race = "madvise-parallel-2017";
constexpr const char* cure = "nested-flush";
constexpr double search_seconds = 15;  // without the fix it ends much earlier
constexpr double clean_seconds = 4;
constexpr double stress_seconds = 2;
constexpr unsigned stress_tries = 5;
constexpr double tolerated = 0.001;  // of the known operations may flush unlike the kernel

std::string recording() {
  for (const char* name : recordings)
    if (std::string path = data_file(name); !path.empty()) return path;
  throw HostError(
      fmt::format("{} is neither installed nor in the source tree; type tlblab trace "
                  "FILE with a recording of yours",
                  recordings[0]));
}

// How a replay compares with what Linux did.
struct Agreement {
  std::uint64_t known = 0, unlike = 0, violations = 0;
  [[nodiscard]] bool holds() const {
    return violations == 0 && known != 0 &&
           static_cast<double>(unlike) <= tolerated * static_cast<double>(known);
  }
};

class Tour {
 public:
  explicit Tour(Context& context) : context_(context) {}

  int run() {
    for (const auto step : {&Tour::replay_program, &Tour::search_race, &Tour::stress_race}) {
      (this->*step)();
      if (context_.stop) return interrupted();
    }
    page_.as_expected = as_expected_;
    if (context_.json) context_.out << demo_json(page_);
    end();
    return as_expected_ ? exit_fine : exit_violation;
  }

 private:
  void replay_program() {
    const std::string file = recording();
    say(
        fmt::format("1. A recorded program\n"
                    "Each memory call and page fault of a real program ({}, recorded\n"
                    "with perf) is made again here. Are the TLB flushes those of Linux 6.18?\n\n",
                    std::filesystem::path(file).filename().string()));
    TraceRequest request;
    request.file = file;
    request.arches = backend_names();
    page_.trace = trace(request, context_);
    say(trace_summary(page_.trace, context_.paint));
    const Agreement sum = agreement(page_.trace);
    expect(sum.holds(), fmt::format("{} of {} operations whose flushes follow from the recording",
                                    sum.known - std::min(sum.known, sum.unlike), sum.known));
  }

  void search_race() {
    say("2. A race, searched\n"
        "Two threads give back a page with madvise(MADV_DONTNEED). The second must not return\n"
        "while a third can still use it. Without the fix of 2017, then with it:\n\n");
    page_.broken = explore(search(true, search_seconds), context_);
    say(explore_text(page_.broken, context_.paint) + "\n");
    if (context_.stop) return;
    page_.fixed = explore(search(false, clean_seconds), context_);
    say(explore_text(page_.fixed, context_.paint));
    expect(violated(page_.broken) && !violated(page_.fixed),
           "a stale entry without the fix, none found with it");
  }

  void stress_race() {
    say("3. The same race on real threads\n"
        "The same source on pinned threads: nobody orders their steps, so it takes luck and\n"
        "many rounds. Without the fix, then with it:\n\n");
    for (unsigned at = 1; at <= stress_tries && !violated(page_.broken_threads); ++at) {
      page_.broken_threads = stress(threads(true, stress_seconds, at), context_);
      if (context_.stop) return;
    }
    say(stress_text(page_.broken_threads, context_.paint) + "\n");
    page_.fixed_threads = stress(threads(false, clean_seconds, 1), context_);
    say(stress_text(page_.fixed_threads, context_.paint));
    expect(violated(page_.broken_threads) && !violated(page_.fixed_threads),
           "seen without the fix, not seen with it");
  }

  void end() {
    say("What to type next\n"
        "  tlblab replay '...'    with the schedule above: the race again, step by step\n"
        "  tlblab list            scenarios, backends, fixes\n"
        "  tlblab trace FILE      a recording of your own program\n"
        "  tlblab --help\n");
  }

  int interrupted() {
    say("interrupted; the tour ends here\n");
    return exit_interrupted;
  }

  // Of the worst backend.
  static Agreement agreement(const TracePage& page) {
    Agreement worst;
    for (const TracePage::Run& run : page.runs) {
      Agreement sum{.violations = run.report.violations};
      for (const KindReport& kind : run.report.replay.kinds) {
        sum.known += kind.known.right + kind.known.wrong;
        sum.unlike += kind.known.wrong + kind.known.differ;
      }
      if (&run == &page.runs.front() || !sum.holds()) worst = sum;
    }
    return worst;
  }

  static ExploreRequest search(bool broken, double seconds) {
    const ScenarioEntry& scenario = scenario_named(race);
    ExploreRequest request;
    request.scenario = &scenario;
    request.arches = {arches_of(scenario).front()};
    request.seconds = seconds;
    if (broken) request.fixes = fixes_without({cure});
    return request;
  }

  static StressRequest threads(bool broken, double seconds, std::uint64_t seed) {
    const ScenarioEntry& scenario = scenario_named(race);
    StressRequest request;
    request.scenario = &scenario;
    request.arches = {arches_of(scenario).front()};
    request.seconds = seconds;
    request.seed = seed;
    if (broken) request.fixes = fixes_without({cure});
    return request;
  }

  void expect(bool held, std::string_view what) {
    as_expected_ = as_expected_ && held;
    say(fmt::format(
        "=> {}: {}\n\n",
        held ? context_.paint.good("as expected") : context_.paint.bad("NOT as expected"), what));
  }

  // With --json the story is left out; what came of it is one object at the end.
  void say(std::string_view text) {
    if (!context_.json) (context_.out << text).flush();
  }

  Context& context_;
  DemoPage page_;
  bool as_expected_ = true;
};

int run_demo(const Arguments&, Context& context) { return Tour(context).run(); }

}  // namespace

Command demo_command() {
  return {.name = "demo",
          .line = "the tour, in half a minute: a program replayed, a race shown and cured",
          .options = {{"--json", "", "as one JSON object, without the story"}},
          .more =
              "Exit code 1 if something came out unlike what is expected.\n\n"
              "example:\n"
              "  tlblab demo\n",
          .run = run_demo};
}

}  // namespace tlblab
