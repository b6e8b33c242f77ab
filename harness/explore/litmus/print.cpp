// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/print.h"

#include <fmt/format.h>

namespace tlblab {
namespace {

using Expression = LitmusExpression;
using Statement = LitmusStatement;
using Proposition = LitmusProposition;

struct Operator {
  std::string_view text{};
  int tightness = 0;  // of C's binary operators; 0: it is none
};

Operator operator_of(Expression::Kind kind) noexcept {
  switch (kind) {
    case Expression::Kind::logical_or: return {"||", 1};
    case Expression::Kind::logical_and: return {"&&", 2};
    case Expression::Kind::bit_or: return {"|", 3};
    case Expression::Kind::bit_xor: return {"^", 4};
    case Expression::Kind::bit_and: return {"&", 5};
    case Expression::Kind::equal: return {"==", 6};
    case Expression::Kind::not_equal: return {"!=", 6};
    case Expression::Kind::less: return {"<", 7};
    case Expression::Kind::greater: return {">", 7};
    case Expression::Kind::less_equal: return {"<=", 7};
    case Expression::Kind::greater_equal: return {">=", 7};
    case Expression::Kind::add: return {"+", 8};
    case Expression::Kind::subtract: return {"-", 8};
    case Expression::Kind::multiply: return {"*", 9};
    default: return {};
  }
}

std::string expression_text(const Expression& e);

// In parentheses only if it binds less tightly: a text within the parser's limits stays so.
std::string operand_text(const Expression& e, int tightness) {
  const int own = operator_of(e.kind).tightness;
  const std::string text = expression_text(e);
  return own != 0 && own < tightness ? fmt::format("({})", text) : text;
}

constexpr int unary_tightness = 10;

std::string prefixed(char sign, const Expression& e) {
  const std::string operand = operand_text(e.operands[0], unary_tightness);
  return fmt::format("{}{}{}", sign, sign == '-' && operand.front() == '-' ? " " : "", operand);
}

std::string binary_text(const Expression& e) {
  const auto [text, tightness] = operator_of(e.kind);
  return fmt::format("{} {} {}", operand_text(e.operands[0], tightness), text,
                     operand_text(e.operands[1], tightness + 1));
}

std::string call_text(const Expression& e) {
  std::string text = e.name + "(";
  for (std::size_t n = 0; n < e.operands.size(); ++n)
    text += (n != 0 ? ", " : "") + expression_text(e.operands[n]);
  return text + ")";
}

std::string expression_text(const Expression& e) {
  switch (e.kind) {
    case Expression::Kind::number: return fmt::format("{}", e.number);
    case Expression::Kind::name: return e.name;
    case Expression::Kind::call: return call_text(e);
    case Expression::Kind::dereference: return prefixed('*', e);
    case Expression::Kind::negate: return prefixed('-', e);
    case Expression::Kind::logical_not: return prefixed('!', e);
    default: return binary_text(e);
  }
}

std::string declarator(const LitmusType& type, std::string_view name) {
  if (type.words.empty()) return std::string(name);
  return fmt::format("{} {}{}", type.words, std::string(type.stars, '*'), name);
}

void print_statements(std::string& out, const std::vector<Statement>& list, std::size_t depth);

void print_branch(std::string& out, const Statement& s, std::size_t depth) {
  const std::string indent(depth, '\t');
  out += fmt::format("if ({}) {{\n", expression_text(*s.value));
  print_statements(out, s.body, depth + 1);
  if (!s.otherwise.empty()) {
    out += indent + "} else {\n";
    print_statements(out, s.otherwise, depth + 1);
  }
  out += indent + "}\n";
}

void print_statement(std::string& out, const Statement& s, std::size_t depth) {
  const std::string value = s.value ? expression_text(*s.value) : "";
  out.append(depth, '\t');
  switch (s.kind) {
    case Statement::Kind::declare:
      out += declarator(s.type, s.name) + (s.value ? " = " + value : "") + ";\n";
      break;
    case Statement::Kind::assign: out += fmt::format("{} = {};\n", s.name, value); break;
    case Statement::Kind::store:
      out += fmt::format("{} = {};\n", expression_text(*s.target), value);
      break;
    case Statement::Kind::evaluate: out += value + ";\n"; break;
    case Statement::Kind::branch: print_branch(out, s, depth); break;
    case Statement::Kind::block:
      out += "{\n";
      print_statements(out, s.body, depth + 1);
      out.append(depth, '\t') += "}\n";
      break;
  }
}

void print_statements(std::string& out, const std::vector<Statement>& list, std::size_t depth) {
  for (const Statement& s : list) print_statement(out, s, depth);
}

std::string constant_text(const LitmusConstant& value) {
  return value.name.empty() ? fmt::format("{}", value.number) : value.name;
}

// `bracket`: herd7 prints [x] in conditions and states; both forms can be read everywhere.
std::string place_text(const LitmusPlace& place, bool bracket) {
  if (place.process) return fmt::format("{}:{}", *place.process, place.name);
  return bracket ? fmt::format("[{}]", place.name) : place.name;
}

std::string initial_text(const LitmusInitial& entry) {
  const std::string place = place_text(entry.place, false);
  return fmt::format("{}{};\n", declarator(entry.type, place),
                     entry.value ? " = " + constant_text(*entry.value) : "");
}

std::string proposition_text(const Proposition& p);

int tightness(Proposition::Kind kind) noexcept {
  switch (kind) {
    case Proposition::Kind::implication: return 0;
    case Proposition::Kind::disjunction: return 1;
    case Proposition::Kind::conjunction: return 2;
    default: return 3;
  }
}

// With no more parentheses than needed, as herd7. `=>` groups to the right.
std::string joined(const Proposition& p, std::string_view between) {
  std::string text;
  for (const Proposition& operand : p.operands) {
    const bool is_left_of_arrow =
        p.kind == Proposition::Kind::implication && &operand == &p.operands.front();
    const bool alone = tightness(operand.kind) >= tightness(p.kind) + (is_left_of_arrow ? 1 : 0);
    if (!text.empty()) text += between;
    text += alone ? proposition_text(operand) : fmt::format("({})", proposition_text(operand));
  }
  return text;
}

std::string proposition_text(const Proposition& p) {
  switch (p.kind) {
    case Proposition::Kind::always: return "true";
    case Proposition::Kind::never: return "false";
    case Proposition::Kind::equal:
      return fmt::format("{}={}", place_text(p.place, true), constant_text(p.value));
    case Proposition::Kind::negation:
      return fmt::format("not ({})", proposition_text(p.operands[0]));
    case Proposition::Kind::conjunction: return joined(p, " /\\ ");
    case Proposition::Kind::disjunction: return joined(p, " \\/ ");
    case Proposition::Kind::implication: return joined(p, " => ");
  }
  return "";
}

std::string process_text(const LitmusProcessText& process, std::size_t number) {
  std::string out = fmt::format("P{}(", number);
  for (std::size_t n = 0; n < process.parameters.size(); ++n)
    out +=
        (n != 0 ? ", " : "") + declarator(process.parameters[n].type, process.parameters[n].name);
  out += ")\n{\n";
  print_statements(out, process.body, 1);
  return out + "}\n\n";
}

}  // namespace

std::string_view quantifier_text(LitmusQuantifier quantifier) noexcept {
  switch (quantifier) {
    case LitmusQuantifier::exists: return "exists";
    case LitmusQuantifier::not_exists: return "~exists";
    case LitmusQuantifier::forall: return "forall";
  }
  return "";
}

std::string print_proposition(const Proposition& proposition) {
  return fmt::format("({})", proposition_text(proposition));
}

std::string print_litmus(const LitmusTest& test) {
  std::string out = fmt::format("C {}\n\n{{\n", test.name);
  for (const LitmusInitial& entry : test.initial) out += initial_text(entry);
  out += "}\n\n";
  for (std::size_t n = 0; n < test.processes.size(); ++n) out += process_text(test.processes[n], n);
  if (!test.locations.empty()) {
    out += "locations [";
    for (const LitmusPlace& place : test.locations) out += place_text(place, false) + "; ";
    out.replace(out.size() - 1, 1, "]\n");
  }
  if (test.filter) out += fmt::format("filter {}\n", print_proposition(*test.filter));
  out +=
      fmt::format("{} {}\n", quantifier_text(test.quantifier), print_proposition(test.condition));
  return out;
}

}  // namespace tlblab
