// SPDX-License-Identifier: GPL-2.0-or-later
// What each fence that has a name is for: the rows of the scenarios' tables in which it alone is taken away,
// searched now.
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "harness/cli/about.h"
#include "harness/cli/check_plan.h"
#include "harness/cli/check_searches.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/progress.h"
#include "harness/cli/suggest.h"
#include "harness/cli/values.h"
#include "harness/report/json.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

bool is_fence(const FixInfo& info) {
  fixes all;
  info.put(all, 0);
  return all.dropped_fences != 0;
}

std::vector<const FixInfo*> all_fences() {
  std::vector<const FixInfo*> fences;
  for (const FixInfo& info : fix_table)
    if (is_fence(info)) fences.push_back(&info);
  return fences;
}

std::vector<const FixInfo*> chosen_fences(const std::vector<std::string>& words) {
  std::vector<const FixInfo*> all = all_fences();
  if (words.empty()) return all;
  std::vector<std::string> names;
  for (const FixInfo* info : all) names.emplace_back(info->name);
  std::vector<const FixInfo*> chosen;
  for (const std::string& word : words) {
    const auto found = std::ranges::find(names, word);
    if (found == names.end()) {
      const std::string nearest = nearest_of(word, names);
      throw UsageError(fmt::format("there is no fence '{}'; type {}", word,
                                   nearest.empty() ? "tlblab fences" : nearest));
    }
    chosen.push_back(all[static_cast<std::size_t>(found - names.begin())]);
  }
  return chosen;
}

class Fences {
 public:
  Fences(const Arguments& arguments, Context& context)
      : context_(context),
        jobs_(jobs_value(arguments, usable_processors())),
        row_seconds_(seconds_value(arguments, "--budget", usual_row_seconds)) {
    page_.tool = tool_facts();
    for (const FixInfo* info : chosen_fences(arguments.words)) plan(*info);
  }

  int run() {
    const auto began = std::chrono::steady_clock::now();
    Progress progress(context_.err, context_.progress, "fences");
    std::size_t done = 0;
    progress.show(done, searches_.size());
    make_searches(searches_, jobs_, row_seconds_, context_.stop,
                  [&](std::size_t number, const CheckOutcome& outcome) {
                    judge(row_at(number), outcome);
                    progress.show(++done, searches_.size());
                  });
    if (context_.stop) return exit_interrupted;
    progress.clear();
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
    page_.seconds = passed.count();
    context_.out << (context_.json ? fences_json(page_) : fences_text(page_, context_.paint));
    return page_.unexpected() == 0 ? exit_fine : exit_violation;
  }

 private:
  // Where in the page a search belongs.
  struct Place {
    std::size_t fence = 0, row = 0;
  };

  void plan(const FixInfo& info) {
    FencesPage::Fence& fence = page_.fences.emplace_back();
    fence.id = info.name;
    fence.commit = info.commit;
    fence.year = info.year;
    fence.line = info.line;
    for (const ScenarioEntry& entry : tables().scenarios)
      if (!entry.expected.empty()) plan(info, entry);
  }
  void plan(const FixInfo& info, const ScenarioEntry& entry) {
    FencesPage::Fence& fence = page_.fences.back();
    for (CheckSearch& search : searches_of(entry)) {
      const bool alone = search.fixes.without.size() == 1 && search.fixes.without[0] == info.name;
      if (!alone || !search.skipped.empty()) continue;
      fence.rows.push_back({std::string(entry.name), row_of(search, row_seconds_)});
      places_.push_back({page_.fences.size() - 1, fence.rows.size() - 1});
      searches_.push_back(std::move(search));
    }
  }
  CheckPage::Row& row_at(std::size_t number) {
    const Place place = places_[number];
    return page_.fences[place.fence].rows[place.row].row;
  }

  Context& context_;
  const unsigned jobs_;
  const double row_seconds_;
  FencesPage page_;
  std::vector<CheckSearch> searches_;
  std::vector<Place> places_;  // of each of them
};

int run_fences(const Arguments& arguments, Context& context) {
  return Fences(arguments, context).run();
}

constexpr std::string_view fences_more =
    "Fences of mm and arch that have a name can be left out one by one (--without).\n"
    "For each this makes the searches of the scenarios' tables that leave out it and\n"
    "nothing else, and says where something fails without it, and where not and why.\n"
    "Exit code 1 if a search came out unlike its table.\n"
    "A fence that no scenario takes away is said to be so. Fences without a name are\n"
    "not listed yet.\n\n"
    "examples:\n"
    "  tlblab fences\n"
    "  tlblab fences gup-pin-mb ksm-clear-mb\n";

}  // namespace

Command fences_command() {
  return {.name = "fences",
          .words = "[ID...]",
          .least_words = 0,
          .most_words = 64,
          .line = "what fails without each fence, or what hides it",
          .options = {{"--jobs", "N", "processes that search (default: one a processor, up to 16)"},
                      {"--budget", "T", "for each search at most, as a safety net (default 5m)"},
                      {"--json", "", "as one JSON object"}},
          .more = fences_more,
          .run = run_fences};
}

}  // namespace tlblab
