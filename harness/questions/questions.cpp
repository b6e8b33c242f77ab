// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "harness/questions/question.h"

namespace tlblab {

std::vector<const Finding*> Findings::of(std::string_view role) const {
  std::vector<const Finding*> found;
  for (const Finding& finding : all_)
    if (finding.evidence->role == role) found.push_back(&finding);
  return found;
}

bool Findings::violate(std::string_view role) const {
  const auto found = of(role);
  return !found.empty() &&
         std::ranges::all_of(found, [](const Finding* one) { return !one->kind.empty(); });
}

bool Findings::are_clean(std::string_view role) const {
  const auto found = of(role);
  return !found.empty() && std::ranges::all_of(found, [](const Finding* one) {
    return one->settled && one->kind.empty();
  });
}

bool Findings::are_clean_and_complete(std::string_view role) const {
  return are_clean(role) && std::ranges::all_of(of(role), &Finding::complete);
}

bool Findings::are_alike(std::string_view role, std::string_view other) const {
  const auto these = of(role), those = of(other);
  return !these.empty() &&
         std::ranges::equal(these, those, [](const Finding* one, const Finding* two) {
           return one->settled && two->settled && one->kind == two->kind;
         });
}

std::string Findings::arches(std::string_view role) const {
  std::vector<std::string_view> names;
  for (const Finding* finding : of(role))
    if (std::ranges::find(names, finding->evidence->arch) == names.end())
      names.push_back(finding->evidence->arch);
  std::string words;
  for (std::size_t at = 0; at < names.size(); ++at) {
    if (at != 0) words += at + 1 == names.size() ? " and " : ", ";
    words += names[at];
  }
  return words;
}

std::uint64_t Findings::executions(std::string_view role) const {
  std::uint64_t sum = 0;
  for (const Finding* finding : of(role)) sum += finding->executions;
  return sum;
}

double Findings::flushes(std::string_view role) const {
  std::uint64_t sum = 0;
  for (const Finding* finding : of(role)) sum += finding->flushes;
  const std::uint64_t made = executions(role);
  return made == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(made);
}

std::string_view word_of(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::yes: return "yes";
    case Verdict::no: return "no";
    case Verdict::depends: return "depends";
    case Verdict::unsettled: break;
  }
  return "unsettled";
}

std::span<const Question> questions() {
  static const std::vector<Question> all = [] {
    std::vector<Question> list;
    for (const auto part :
         {questions_of_thread_000(), questions_of_thread_001(), questions_of_thread_002(),
          questions_of_thread_003(), questions_of_thread_004()})
      list.insert(list.end(), part.begin(), part.end());
    return list;
  }();
  return all;
}

}  // namespace tlblab
