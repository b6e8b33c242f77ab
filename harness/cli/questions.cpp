// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <charconv>
#include <chrono>
#include <stdexcept>

#include <fmt/format.h>

#include "harness/cli/about.h"
#include "harness/cli/check_plan.h"
#include "harness/cli/check_searches.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/progress.h"
#include "harness/cli/runs.h"
#include "harness/cli/schedule_header.h"
#include "harness/cli/values.h"
#include "harness/questions/question.h"
#include "harness/report/json.h"
#include "harness/report/layout.h"
#include "harness/report/subject_text.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

std::string ids_there_are() {
  std::vector<std::string> ids;
  for (const Question& question : questions()) ids.push_back(std::to_string(question.id));
  return joined(ids, ", ", " or ");
}

const Question& question_numbered(const std::string& word) {
  unsigned id = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
  const auto found = std::ranges::find(questions(), id, &Question::id);
  if (error != std::errc() || end != word.data() + word.size() || found == questions().end())
    throw UsageError(
        fmt::format("there is no question '{}' that has evidence; type {}", word, ids_there_are()));
  return *found;
}

std::vector<const Question*> chosen_questions(const std::vector<std::string>& words) {
  std::vector<const Question*> chosen;
  for (const std::string& word : words) chosen.push_back(&question_numbered(word));
  if (!words.empty()) return chosen;
  for (const Question& question : questions()) chosen.push_back(&question);
  return chosen;
}

CheckSearch search_of(const Evidence& evidence) {
  const ScenarioEntry& scenario = scenario_named(evidence.scenario);
  const BackendEntry* backend = find_backend(evidence.arch);
  if (backend == nullptr) throw std::logic_error(fmt::format("no backend {}", evidence.arch));
  CheckSearch search{
      .scenario = &scenario,
      .arch = std::string(evidence.arch),
      .model = std::string(evidence.memory.empty() ? backend->memory : evidence.memory),
      .fixes = fixes_without(names_in(evidence.set)),
      .is_complete = evidence.executions == 0,
      .executions = evidence.executions,
      .shrink = evidence.told,
      .count_flushes = evidence.counts};
  search.skipped = why_not(search);
  if (!search.skipped.empty())
    throw std::logic_error(fmt::format("{}: {}", evidence.scenario, search.skipped));
  return search;
}

std::uint64_t all_flushes(const FlushCounts& flushes) noexcept {
  return flushes.interrupts + flushes.broadcasts + flushes.hash_removals;
}

QuestionsPage::Evidence row_of(const Evidence& evidence,
                               const CheckSearch& search,
                               const CheckOutcome& outcome,
                               double most_seconds) {
  QuestionsPage::Evidence row{.shows = std::string(evidence.shows),
                              .command = {},
                              .scenario = std::string(evidence.scenario),
                              .arch = search.arch,
                              .model = search.model,
                              .without = search.fixes.without,
                              .verdict = "clean",
                              .complete = outcome.complete,
                              .executions = outcome.executions,
                              .seconds = outcome.seconds,
                              .schedule = outcome.schedule,
                              .text = outcome.text,
                              .trace = {}};
  row.command = search_command({.scenario = row.scenario,
                                .arch = row.arch,
                                .model = row.model,
                                .strategy = strategy_of(search),
                                .without = row.without,
                                .executions = search.executions,
                                .budget_seconds = most_seconds});
  if (evidence.counts && outcome.executions != 0) {
    const auto made = static_cast<double>(outcome.executions);
    row.flushes = static_cast<double>(all_flushes(outcome.flushes)) / made;
  }
  if (!outcome.kind.empty()) row.verdict = "violation " + outcome.kind;
  if (!is_settled(outcome, search.executions)) row.verdict = "undecided";
  return row;
}

// What the schedule does, step by step.
std::vector<TraceStep> told(const QuestionsPage::Evidence& row, Context& context) {
  const ScheduleHeader header = header_of(row.schedule);
  ExploreRequest request = replay_request(row.schedule, header);
  request.scenario = &scenario_named(header.scenario);
  return explore(request, context).runs.front().report.trace;
}

class Questions {
 public:
  Questions(const Arguments& arguments, Context& context)
      : context_(context),
        chosen_(chosen_questions(arguments.words)),
        jobs_(jobs_value(arguments, usable_processors())),
        search_seconds_(seconds_value(arguments, "--budget", usual_row_seconds)) {
    for (const Question* question : chosen_)
      for (const Evidence& evidence : question->evidence) searches_.push_back(search_of(evidence));
    outcomes_.resize(searches_.size());
  }

  int run() {
    const auto began = std::chrono::steady_clock::now();
    search();
    if (context_.stop) return exit_interrupted;
    QuestionsPage page;
    page.tool = tool_facts();
    std::size_t first = 0;
    for (const Question* question : chosen_) {
      page.questions.push_back(answered(*question, first));
      first += question->evidence.size();
    }
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
    page.seconds = passed.count();
    context_.out << (context_.json ? questions_json(page) : questions_text(page, context_.paint));
    const bool fine = std::ranges::all_of(page.questions, &QuestionsPage::Question::as_expected);
    return fine ? exit_fine : exit_violation;
  }

 private:
  void search() {
    Progress progress(context_.err, context_.progress, "questions");
    std::size_t done = 0;
    progress.show(done, searches_.size());
    make_searches(searches_, jobs_, search_seconds_, context_.stop,
                  [&](std::size_t number, const CheckOutcome& outcome) {
                    outcomes_[number] = outcome;
                    progress.show(++done, searches_.size());
                  });
  }

  // The question whose evidence begins there.
  QuestionsPage::Question answered(const Question& question, std::size_t first) {
    QuestionsPage::Question said{.id = question.id,
                                 .author = std::string(question.author),
                                 .thread = std::string(question.thread),
                                 .quote = std::string(question.quote),
                                 .asked = std::string(question.asked),
                                 .verdict = {},
                                 .expected = std::string(word_of(question.expected)),
                                 .answer = {},
                                 .claims = std::string(question.claims),
                                 .evidence = {}};
    std::vector<Finding> findings;
    for (std::size_t at = 0; at < question.evidence.size(); ++at) {
      const CheckOutcome& outcome = outcomes_[first + at];
      const CheckSearch& search = searches_[first + at];
      const Evidence& evidence = question.evidence[at];
      said.evidence.push_back(row_of(evidence, search, outcome, search_seconds_));
      if (evidence.told && !outcome.schedule.empty() && !context_.json)
        said.evidence.back().trace = told(said.evidence.back(), context_);
      findings.push_back({.evidence = &evidence,
                          .kind = outcome.kind,
                          .settled = is_settled(outcome, search.executions),
                          .complete = outcome.complete,
                          .executions = outcome.executions,
                          .flushes = all_flushes(outcome.flushes)});
    }
    const Answer answer = question.answer(Findings(std::move(findings)));
    said.verdict = word_of(answer.verdict);
    said.answer = answer.text;
    return said;
  }

  Context& context_;
  const std::vector<const Question*> chosen_;
  const unsigned jobs_;
  const double search_seconds_;
  std::vector<CheckSearch> searches_;
  std::vector<CheckOutcome> outcomes_;  // of each
};

int run_questions(const Arguments& arguments, Context& context) {
  return Questions(arguments, context).run();
}

constexpr std::string_view questions_more =
    "The mailing-list threads that this project comes from left thirteen questions\n"
    "open. Each answer here follows from searches that are made now, and of which the\n"
    "command is printed; one counterexample is told step by step. Nothing is stored\n"
    "but which verdict is expected: exit code 1 if one came out otherwise, or if the\n"
    "searches do not come to any (unsettled). A search that meets --budget is\n"
    "undecided. The result does not depend on --jobs.\n\n"
    "examples:\n"
    "  tlblab questions\n"
    "  tlblab questions 4 11\n"
    "  tlblab questions 5 --json\n";

}  // namespace

Command questions_command() {
  return {.name = "questions",
          .words = "[N...]",
          .least_words = 0,
          .most_words = 13,
          .line = "what the mailing-list threads left open, answered by searches",
          .options = {{"--jobs", "N", "processes that search (default: one a processor, up to 16)"},
                      {"--budget", "T", "for each search at most, as a safety net (default 5m)"},
                      {"--json", "", "as one JSON object"}},
          .more = questions_more,
          .run = run_questions};
}

}  // namespace tlblab
