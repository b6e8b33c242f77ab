// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/suggest.h"
#include "harness/instances/table.h"
#include "harness/oracle/kinds.h"
#include "harness/report/json.h"
#include "harness/report/layout.h"

namespace tlblab {
namespace {

// A name that tlblab prints or takes, and what it means.
struct Meaning {
  std::string word, what, line, more;
};

std::string invariant_words(std::string_view invariant) {
  if (invariant == "mm") return "violation of mm's own checks";
  if (invariant == "cpu") return "violation of the rules of the machine";
  if (invariant == "text") return "violation of what a scenario's text says";
  return fmt::format("violation of invariant {}", invariant);
}

std::vector<Meaning> meanings() {
  std::vector<Meaning> all;
  for (const ViolationKind& kind : violation_kinds())
    all.push_back(
        {std::string(kind.name), invariant_words(kind.invariant), std::string(kind.line), {}});
  for (const FixInfo& fix : fix_table)
    all.push_back({std::string(fix.name), fmt::format("fix of {}, {}", fix.year, fix.commit),
                   std::string(fix.line), fmt::format("taken away by --without {}", fix.name)});
  for (const ScenarioEntry& entry : tables().scenarios)
    all.push_back({std::string(entry.name), "scenario", std::string(entry.line),
                   fmt::format("tlblab explore {}", entry.name)});
  for (const BackendEntry& entry : tables().backends)
    all.push_back({std::string(entry.name), "backend",
                   fmt::format("TLB: {}; filled by {}; a flush is due in {}", entry.tlb,
                               entry.filled_by, entry.debt_paid),
                   fmt::format("chosen by --arch {}", entry.name)});
  return all;
}

const Meaning& meaning_of(const std::string& word, const std::vector<Meaning>& all) {
  const auto found = std::ranges::find(all, word, &Meaning::word);
  if (found != all.end()) return *found;
  std::vector<std::string> words;
  words.reserve(all.size());
  for (const Meaning& meaning : all) words.push_back(meaning.word);
  const std::string nearest = nearest_of(word, words);
  throw UsageError(
      fmt::format("nothing here is called '{}'; type tlblab {}", word,
                  nearest.empty() ? "list to see what has a name" : "explain " + nearest));
}

int run_explain(const Arguments& arguments, Context& context) {
  const std::vector<Meaning> all = meanings();
  const Meaning& meaning = meaning_of(arguments.words.front(), all);
  if (context.json) {
    context.out << flat_json(
        "tlblab/explain/1",
        {{"word", meaning.word}, {"what", meaning.what}, {"line", meaning.line}});
    return exit_fine;
  }
  context.out << context.paint.strong(meaning.word) << ": " << meaning.what << '\n'
              << wrapped("  ", meaning.line, "  ");
  if (!meaning.more.empty()) context.out << wrapped("  ", meaning.more, "  ");
  return exit_fine;
}

}  // namespace

Command explain_command() {
  return {.name = "explain",
          .words = "WORD",
          .least_words = 1,
          .most_words = 1,
          .line = "what a violation, a fix, a scenario or a backend is, in a line",
          .options = {{"--json", "", "as one JSON object"}},
          .more =
              "example:\n"
              "  tlblab explain stale_translation_use\n",
          .run = run_explain};
}

}  // namespace tlblab
