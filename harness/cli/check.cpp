// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <chrono>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <regex.h>

#include "harness/cli/about.h"
#include "harness/cli/check_plan.h"
#include "harness/cli/check_searches.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/progress.h"
#include "harness/cli/values.h"
#include "harness/report/json.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

constexpr std::string_view fast = "fast";

// A POSIX extended regular expression. (std::regex follows deep nesting by recursion.)
class NamePattern {
 public:
  explicit NamePattern(const std::string& text) {
    if (regcomp(&compiled_, text.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
      throw UsageError(
          fmt::format("--filter '{}': no regular expression; type for instance --filter "
                      "'madvise-.*2017', or --filter fast",
                      text));
  }
  ~NamePattern() { regfree(&compiled_); }
  NamePattern(const NamePattern&) = delete;
  NamePattern& operator=(const NamePattern&) = delete;
  [[nodiscard]] bool fits(std::string_view name) const {
    return regexec(&compiled_, std::string(name).c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t compiled_{};
};

std::vector<const ScenarioEntry*> chosen_scenarios(const std::string& filter) {
  constexpr std::size_t longest = 200;
  if (filter.size() > longest)
    throw UsageError(
        fmt::format("--filter: longer than {} characters; type a shorter one", longest));
  const NamePattern pattern(filter == fast ? "" : filter);
  std::vector<const ScenarioEntry*> chosen;
  for (const ScenarioEntry& entry : tables().scenarios)
    if (pattern.fits(entry.name)) chosen.push_back(&entry);
  if (chosen.empty())
    throw UsageError(fmt::format(
        "--filter '{}': no scenario has such a name; type tlblab list scenarios", filter));
  return chosen;
}

class Check {
 public:
  Check(const Arguments& arguments, Context& context)
      : context_(context),
        jobs_(jobs_value(arguments, usable_processors())),
        row_seconds_(seconds_value(arguments, "--budget", usual_row_seconds)),
        progress_(context.err, context.progress, "check") {
    page_.tool = tool_facts();
    const std::string filter = arguments.value("--filter").value_or("");
    const CheckDepth depth = filter == fast ? CheckDepth::fast : CheckDepth::usual;
    for (const ScenarioEntry* entry : chosen_scenarios(filter)) plan(*entry, depth);
  }

  int run() {
    const auto began = std::chrono::steady_clock::now();
    if (!context_.json) context_.out << check_plan_text(page_);
    say_all(false);
    if (!searches_.empty()) show_progress(0);
    make_searches(searches_, jobs_, row_seconds_, context_.stop,
                  [this](std::size_t number, const CheckOutcome& outcome) {
                    judge(row_at(number), outcome);
                    show_progress(number);
                    say_all(false);
                  });
    page_.interrupted = context_.stop;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
    page_.seconds = passed.count();
    say_all(true);
    context_.out << (context_.json ? check_json(page_) : check_sum_text(page_));
    if (page_.interrupted) return exit_interrupted;
    return page_.sums().unexpected == 0 ? exit_fine : exit_violation;
  }

 private:
  // Where in the page a search belongs.
  struct Place {
    std::size_t scenario = 0, row = 0;
  };

  void plan(const ScenarioEntry& entry, CheckDepth depth) {
    CheckPage::Scenario& scenario = page_.scenarios.emplace_back();
    scenario.name = entry.name;
    for (CheckSearch& search : searches_of(entry, depth)) {
      scenario.rows.push_back(row_of(search, row_seconds_));
      if (!search.skipped.empty()) continue;
      places_.push_back({page_.scenarios.size() - 1, scenario.rows.size() - 1});
      searches_.push_back(std::move(search));
    }
  }

  CheckPage::Row& row_at(std::size_t number) {
    const Place place = places_[number];
    return page_.scenarios[place.scenario].rows[place.row];
  }

  // Scenarios in their order; those that are not done only at the end.
  void say_all(bool at_end) {
    if (context_.json) return;
    for (; said_ < page_.scenarios.size(); ++said_) {
      const CheckPage::Scenario& scenario = page_.scenarios[said_];
      const bool has_begun = std::ranges::any_of(scenario.rows, &CheckPage::Row::is_done);
      if (!scenario.is_done() && !at_end) return;
      if (!scenario.is_done() && !has_begun) continue;
      progress_.clear();
      (context_.out << check_scenario_text(scenario, said_ + 1, context_.paint)).flush();
    }
  }

  void show_progress(std::size_t number) {
    if (!context_.progress) return;
    const CheckPage::Sums sums = page_.sums();
    progress_.show(fmt::format("{} of {} rows, {} unexpected; {}", sums.done, sums.rows,
                               sums.unexpected, page_.scenarios[places_[number].scenario].name));
  }

  Context& context_;
  const unsigned jobs_;
  const double row_seconds_;
  Progress progress_;
  CheckPage page_;
  std::vector<CheckSearch> searches_;
  std::vector<Place> places_;  // of each of them
  std::size_t said_ = 0;       // scenarios
};

int run_check(const Arguments& arguments, Context& context) {
  return Check(arguments, context).run();
}

constexpr std::string_view check_more =
    "The file of a scenario has a table of what searches come to: clean, or which\n"
    "violation, with every fix and without some, on each backend, under the backend's\n"
    "memory model and others that the table names. Each row is searched; the output\n"
    "is KTAP: a test for each scenario, a subtest for each row.\n"
    "A row that is to be complete is searched by dpor and must see every execution.\n"
    "Others are searched by pct: 2000 executions where nothing should be found, up\n"
    "to 20000 for a violation, unless the table has another number. The first\n"
    "violation that is found must be the expected one.\n"
    "Of a surprise it prints what was expected, the schedule for tlblab replay, and\n"
    "the tlblab explore command that makes the same search. --json has a schedule of\n"
    "every violation. The result does not depend on --jobs. A row that meets\n"
    "--budget is undecided, and that is unexpected.\n"
    "--filter fast takes all scenarios, on x86, s390 and arm64 only (or else on the\n"
    "first backend that the scenario has), 300 executions where nothing should be\n"
    "found, and no complete searches: for a look between two changes.\n"
    "Exit code 1 if anything came out unlike what its table says.\n\n"
    "examples:\n"
    "  tlblab check --filter fast\n"
    "  tlblab check --filter 'madvise-.*2017'\n"
    "  tlblab check --filter gup --jobs 2 --json\n"
    "  tlblab check\n";

}  // namespace

Command check_command() {
  return {.name = "check",
          .line = "search every scenario on every backend; compare with the expected verdicts",
          .options = {{"--filter", "R", "scenarios whose name fits a regular expression; or fast"},
                      {"--jobs", "N", "processes that search (default: one a processor, up to 16)"},
                      {"--budget", "T", "for each row at most, as a safety net (default 5m)"},
                      {"--json", "", "as one JSON object"}},
          .more = check_more,
          .run = run_check};
}

}  // namespace tlblab
