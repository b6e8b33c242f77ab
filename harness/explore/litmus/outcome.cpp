// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/outcome.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tlblab {
namespace {

using Kind = LitmusProposition::Kind;

bool satisfied(const LitmusCheck& check, const std::vector<LitmusValue>& state) {
  const auto holds = [&](const LitmusCheck& operand) { return satisfied(operand, state); };
  switch (check.kind) {
    case Kind::always: return true;
    case Kind::never: return false;
    case Kind::equal: return state[check.observable] == check.value;
    case Kind::negation: return !holds(check.operands[0]);
    case Kind::conjunction: return std::all_of(check.operands.begin(), check.operands.end(), holds);
    case Kind::disjunction: return std::any_of(check.operands.begin(), check.operands.end(), holds);
    case Kind::implication: return !holds(check.operands[0]) || holds(check.operands[1]);
  }
  return false;
}

}  // namespace

void LitmusTally::add(const LitmusProgram& program, std::vector<LitmusValue> final) {
  if (!satisfied(program.filter, final)) return;
  ++(satisfied(program.check, final) ? positive_ : negative_);
  final.resize(program.shown);
  states_.insert(std::move(final));
}

void LitmusTally::merge(const LitmusTally& other) {
  states_.insert(other.states_.begin(), other.states_.end());
  positive_ += other.positive_;
  negative_ += other.negative_;
}

std::string_view LitmusTally::observation() const noexcept {
  if (positive_ == 0) return "Never";
  return negative_ == 0 ? "Always" : "Sometimes";
}

bool LitmusTally::holds(LitmusQuantifier quantifier) const noexcept {
  switch (quantifier) {
    case LitmusQuantifier::exists: return positive_ != 0;
    case LitmusQuantifier::not_exists: return positive_ == 0;
    case LitmusQuantifier::forall: return negative_ == 0;
  }
  return false;
}

std::string value_text(const LitmusProgram& program, LitmusValue value) {
  if (is_pointer(value, program.locations.size()))
    return program.locations[location_of(value)].name;
  return fmt::format("{}", value);
}

std::string state_text(const LitmusProgram& program, const std::vector<LitmusValue>& state) {
  std::string text;
  for (std::size_t n = 0; n < program.shown; ++n) {
    const LitmusObservable& each = program.observables[n];
    text += fmt::format("{}{}={};", n != 0 ? " " : "",
                        each.process ? each.name : fmt::format("[{}]", each.name),
                        value_text(program, state[n]));
  }
  return text;
}

}  // namespace tlblab
