// SPDX-License-Identifier: GPL-2.0-or-later
#include <cmath>

#include <nlohmann/json.hpp>

#include "harness/report/json.h"

namespace tlblab {
namespace {

using Json = nlohmann::ordered_json;

Json rounded(double seconds) { return std::round(seconds * 1e6) / 1e6; }

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
          {"text", evidence.text.empty() ? Json(nullptr) : Json(evidence.text)},
          {"schedule", evidence.schedule.empty() ? Json(nullptr) : Json(evidence.schedule)},
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
  Json tool = Json::object();
  for (const auto& [name, value] : page.tool) tool[name] = value;
  const Json out{{"schema", "tlblab/questions/1"},
                 {"questions", std::move(questions)},
                 {"tool", std::move(tool)},
                 {"seconds", rounded(page.seconds)}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tlblab
