// SPDX-License-Identifier: GPL-2.0-or-later
// An answer is read from the top: the words of who asked, the verdict and why, the searches, and one
// counterexample step by step.
#include <algorithm>

#include <fmt/format.h>

#include "harness/report/columns.h"
#include "harness/report/layout.h"
#include "harness/report/subject_text.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

using Evidence = QuestionsPage::Evidence;

std::string place_words(const Evidence& evidence) {
  return search_place(evidence.arch, evidence.model, evidence.without);
}

std::string flushes_words(const Evidence& evidence) {
  if (!evidence.flushes) return {};
  return fmt::format(", {:.2f} interrupts or invalidates elsewhere in each", *evidence.flushes);
}

std::string evidence_text(const Evidence& evidence) {
  return wrapped("  - ", evidence.shows, "    ") +
         wrapped("    ",
                 fmt::format("{} ({}): {}; {}{}{}", evidence.scenario, place_words(evidence),
                             evidence.verdict, counted(evidence.executions, "execution"),
                             evidence.complete ? ", complete" : "", flushes_words(evidence)),
                 "      ") +
         fmt::format("    {}\n", evidence.command);
}

std::string told_text(const Evidence& evidence, const Paint& paint) {
  const std::vector<TraceStep> rows = key_rows(evidence.trace);
  if (rows.empty()) return {};
  return wrapped("counterexample: ",
                 fmt::format("{}, {}", evidence.scenario, place_words(evidence)), "  ") +
         wrapped("  ", evidence.text, "    ") + cpu_columns(rows, true, paint) +
         replay_command(evidence.schedule);
}

std::string verdict_text(const QuestionsPage::Question& question, const Paint& paint) {
  const std::string verdict =
      question.as_expected() ? paint.strong(question.verdict) : paint.bad(question.verdict);
  const std::string why =
      question.answer.empty() ? "what was searched comes to no answer" : question.answer;
  std::string out = wrapped("answer: ", verdict + ": " + why, "  ");
  if (!question.as_expected()) out += fmt::format("  expected: {}\n", question.expected);
  return out;
}

std::string question_text(const QuestionsPage::Question& question, const Paint& paint) {
  std::string out = paint.strong(fmt::format("{}. {}", question.id, question.author)) +
                    fmt::format(" (thread {})\n", question.thread) +
                    wrapped("  \"", question.quote + "\"", "  ") +
                    wrapped("question: ", question.asked, "  ") + verdict_text(question, paint) +
                    wrapped("claims: ", question.claims, "  ") + "evidence:\n";
  for (const Evidence& evidence : question.evidence) out += evidence_text(evidence);
  for (const Evidence& evidence : question.evidence) out += told_text(evidence, paint);
  return out + "\n";
}

}  // namespace

std::string questions_text(const QuestionsPage& page, const Paint& paint) {
  std::string out;
  for (const QuestionsPage::Question& question : page.questions)
    out += question_text(question, paint);
  const auto unlike =
      std::ranges::count(page.questions, false, &QuestionsPage::Question::as_expected);
  return out + fmt::format("{}, {} unlike what is expected, {}\n",
                           counted(page.questions.size(), "question"), unlike,
                           readable_seconds(page.seconds));
}

}  // namespace tlblab
