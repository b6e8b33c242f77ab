// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/report.h"

#include <utility>

#include <fmt/format.h>

#include "harness/explore/litmus/print.h"

namespace tlblab {
namespace {

std::string_view kind_text(LitmusQuantifier quantifier) noexcept {
  switch (quantifier) {
    case LitmusQuantifier::exists: return "Allowed";
    case LitmusQuantifier::not_exists: return "Forbidden";
    case LitmusQuantifier::forall: return "Required";
  }
  return "";
}

}  // namespace

std::string condition_text(const LitmusProgram& program) {
  return fmt::format("{} {}", quantifier_text(program.quantifier),
                     print_proposition(program.proposition));
}

std::string litmus_text(const LitmusProgram& program, const LitmusTally& tally, double seconds) {
  std::string text = fmt::format("Test {} {}\nStates {}\n", program.name,
                                 kind_text(program.quantifier), tally.states().size());
  for (const auto& state : tally.states()) text += state_text(program, state) + "\n";
  // Witnesses are of what the test claims, the observation is of the proposition: ~exists turns
  // one against the other.
  auto witnesses = std::pair(tally.positive(), tally.negative());
  if (program.quantifier == LitmusQuantifier::not_exists)
    std::swap(witnesses.first, witnesses.second);
  return text + fmt::format(
                    "{}\nWitnesses\nPositive: {} Negative: {}\nCondition {}\n"
                    "Observation {} {} {} {}\nTime {} {:.2f}\n\n",
                    tally.holds(program.quantifier) ? "Ok" : "No", witnesses.first,
                    witnesses.second, condition_text(program), program.name, tally.observation(),
                    tally.positive(), tally.negative(), program.name, seconds);
}

std::string buffering_text(const LitmusOutcome& outcome) {
  std::string text;
  if (!outcome.buffering || outcome.buffering->is_exact()) return text;
  for (const LitmusBuffering::Pair& pair : outcome.buffering->pairs)
    text += fmt::format("Load buffering: P{} may write {} before it reads {}\n", pair.process,
                        pair.write, pair.read);
  if (outcome.buffering->hidden)
    text += "Load buffering: a value may depend on a load by no dependency\n";
  return text + "\n";
}

}  // namespace tlblab
