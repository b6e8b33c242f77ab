// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/json.h"
#include "harness/report/json_parts.h"

namespace tlblab {
namespace {

// The time last: all before it is the same in every run.
Json evidence_json(const QuestionsPage::Evidence& evidence) {
  return {{"command", evidence.command},
          {"complete", evidence.complete},
          {"executions", evidence.executions},
          {"verdict", evidence.verdict},
          {"shows", evidence.shows},
          {"scenario", evidence.scenario},
          {"arch", evidence.arch},
          {"model", evidence.model},
          {"without", evidence.without},
          {"flushes_per_execution",
           evidence.flushes ? Json(rounded(*evidence.flushes)) : Json(nullptr)},
          {"text", text_or_null(evidence.text)},
          {"schedule", text_or_null(evidence.schedule)},
          {"seconds", rounded(evidence.seconds)}};
}

Json question_json(const QuestionsPage::Question& question) {
  Json evidence = Json::array();
  for (const QuestionsPage::Evidence& one : question.evidence)
    evidence.push_back(evidence_json(one));
  return {{"id", question.id},
          {"verdict", question.verdict},
          {"answer", question.answer},
          {"evidence", std::move(evidence)},
          {"expected", question.expected},
          {"author", question.author},
          {"thread", question.thread},
          {"quote", question.quote},
          {"asked", question.asked},
          {"claims", question.claims}};
}

}  // namespace

std::string questions_json(const QuestionsPage& page) {
  Json questions = Json::array();
  for (const QuestionsPage::Question& question : page.questions)
    questions.push_back(question_json(question));
  const Json out{{"schema", "tlblab/questions/1"},
                 {"questions", std::move(questions)},
                 {"tool", object(page.tool)},
                 {"seconds", rounded(page.seconds)}};
  return dumped(out);
}

}  // namespace tlblab
