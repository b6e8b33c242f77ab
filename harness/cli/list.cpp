// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/suggest.h"
#include "harness/instances/table.h"
#include "harness/oracle/kinds.h"
#include "harness/report/json.h"
#include "harness/report/layout.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

const std::vector<std::string> sections{"scenarios", "backends", "fixes", "violations"};

bool wanted(const Arguments& arguments, const std::string& section) {
  return arguments.words.empty() || arguments.words.front() == section;
}

void check_section(const std::string& word) {
  if (std::ranges::find(sections, word) != sections.end()) return;
  const std::string nearest = nearest_of(word, sections);
  throw UsageError(fmt::format("there is no list of '{}'; type tlblab list {}", word,
                               nearest.empty() ? joined(sections, ", ", " or ") : nearest));
}

int run_list(const Arguments& arguments, Context& context) {
  if (!arguments.words.empty()) check_section(arguments.words.front());
  ListPage page{.tables = &tables(),
                .scenarios = wanted(arguments, "scenarios"),
                .backends = wanted(arguments, "backends"),
                .fixes = wanted(arguments, "fixes"),
                .violations = wanted(arguments, "violations"),
                .brief = arguments.words.empty(),
                .violation_kinds = {}};
  for (const ViolationKind& kind : violation_kinds())
    page.violation_kinds.push_back({std::string(kind.name), std::string(kind.line)});
  context.out << (context.json ? list_json(page) : list_text(page, context.paint));
  return exit_fine;
}

}  // namespace

Command list_command() {
  return {.name = "list",
          .words = "[scenarios|backends|fixes|violations]",
          .most_words = 1,
          .line = "what there is: scenarios, backends, fixes, kinds of violations",
          .options = {{"--json", "", "as one JSON object"}},
          .more =
              "examples:\n"
              "  tlblab list                  everything\n"
              "  tlblab list fixes            what --without can take away\n",
          .run = run_list};
}

}  // namespace tlblab
