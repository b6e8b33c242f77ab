// SPDX-License-Identifier: GPL-2.0-or-later
// The inside of a process: statements and expressions of a small part of C. Which calls there are
// and what they take is checked when the process is compiled.
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "harness/explore/litmus/reader.h"

namespace tlblab {
namespace {

using Expression = LitmusExpression;
using Statement = LitmusStatement;
using Kind = LitmusExpression::Kind;

struct Operator {
  std::string_view text;
  Kind kind;
};
// Levels of precedence, the loosest first.
constexpr Operator or_level[] = {{"||", Kind::logical_or}};
constexpr Operator and_level[] = {{"&&", Kind::logical_and}};
constexpr Operator bit_or_level[] = {{"|", Kind::bit_or}};
constexpr Operator bit_xor_level[] = {{"^", Kind::bit_xor}};
constexpr Operator bit_and_level[] = {{"&", Kind::bit_and}};
constexpr Operator equality_level[] = {{"==", Kind::equal}, {"!=", Kind::not_equal}};
constexpr Operator order_level[] = {
    {"<=", Kind::less_equal}, {">=", Kind::greater_equal}, {"<", Kind::less}, {">", Kind::greater}};
constexpr Operator sum_level[] = {{"+", Kind::add}, {"-", Kind::subtract}};
constexpr Operator product_level[] = {{"*", Kind::multiply}};
constexpr std::array<std::span<const Operator>, 9> levels{
    or_level,       and_level,   bit_or_level, bit_xor_level, bit_and_level,
    equality_level, order_level, sum_level,    product_level};

// C that herd7 or people know and this does not.
constexpr std::array<std::string_view, 12> other_keywords{"while",  "for",    "do",    "switch",
                                                          "goto",   "return", "break", "continue",
                                                          "struct", "union",  "enum",  "sizeof"};
constexpr std::array<std::string_view, 21> other_operators{
    "/",  "%",  "<<", ">>", "?",  "->", ".", "++",  "--",  "+=", "-=",
    "*=", "/=", "%=", "&=", "|=", "^=", "[", "<<=", ">>=", "#"};

bool among(std::span<const std::string_view> words, const Token& token) {
  return std::find(words.begin(), words.end(), token.text) != words.end();
}

class BodyParser {
 public:
  explicit BodyParser(LitmusReader& read) : read_(read) {}

  std::vector<Statement> statements() {
    std::vector<Statement> list;
    while (!read_.next_is("}") && read_.peek().kind != TokenKind::end) statement(list);
    return list;
  }

 private:
  // An empty statement adds none, a declaration of several names one for each.
  void statement(std::vector<Statement>& list) {
    const Nesting nesting(read_);
    count_statement();
    refuse_keyword();
    if (read_.next_is("else")) read_.unexpected("'if' before it");
    if (read_.accept(";")) return;
    const SourceLine line = read_.here();
    if (read_.next_is("{"))
      list.push_back({.kind = Statement::Kind::block, .body = block(), .line = line});
    else if (read_.accept("if"))
      list.push_back(branch(line));
    else if (is_type_word(read_.peek().text))
      declaration(list);
    else
      list.push_back(simple_statement(line));
  }

  void count_statement() {
    if (++statements_ > LitmusLimits::statements)
      read_.fail("the process is too long",
                 fmt::format("at most {} statements", LitmusLimits::statements));
  }

  void refuse_keyword() {
    if (among(other_keywords, read_.peek()))
      read_.fail(fmt::format("{} is not supported", quoted(read_.peek())),
                 "declarations, assignments, calls and if");
  }

  std::vector<Statement> block() {
    read_.expect("{", "before the statements");
    std::vector<Statement> body = statements();
    read_.expect("}", "after the statements");
    return body;
  }

  // What an if governs: a block, or one statement, which is the same.
  std::vector<Statement> governed() {
    if (read_.next_is("{")) return block();
    std::vector<Statement> body;
    statement(body);
    return body;
  }

  Statement branch(SourceLine line) {
    Statement result{.kind = Statement::Kind::branch, .line = line};
    read_.expect("(", "after 'if'");
    result.value = expression();
    read_.expect(")", "after the condition");
    result.body = governed();
    if (read_.accept("else")) result.otherwise = governed();
    return result;
  }

  void declaration(std::vector<Statement>& list) {
    LitmusReader::Declared declared = read_.type_and_name();
    for (;;) {
      Statement result{.kind = Statement::Kind::declare,
                       .type = declared.type,
                       .name = std::move(declared.name),
                       .line = declared.line};
      if (read_.accept("=")) result.value = expression();
      list.push_back(std::move(result));
      if (!read_.accept(",")) break;
      count_statement();
      declared.type.stars = 0;
      while (read_.accept("*")) ++declared.type.stars;
      declared.line = read_.here();
      declared.name = read_.expect_word("a name").text;
    }
    end_statement();
  }

  void end_statement() {
    refuse_operator();
    read_.expect(";", "after the statement");
  }

  Statement simple_statement(SourceLine line) {
    Statement result{.kind = Statement::Kind::evaluate, .line = line};
    Expression left = expression();
    if (!read_.accept("=")) {
      refuse_operator();
      if (left.kind != Kind::call)
        read_.lexer.fail(line.number, "a statement that does nothing", "an assignment or a call");
      result.value = std::move(left);
    } else if (left.kind == Kind::name || left.kind == Kind::dereference) {
      const bool is_name = left.kind == Kind::name;
      result.kind = is_name ? Statement::Kind::assign : Statement::Kind::store;
      result.value = expression();
      if (is_name)
        result.name = std::move(left.name);
      else
        result.target = std::move(left);
    } else {
      read_.lexer.fail(line.number, "an assignment to what is no variable", "'r0 = ' or '*x = '");
    }
    end_statement();
    return result;
  }

  void refuse_operator() {
    if (read_.peek().kind == TokenKind::symbol && among(other_operators, read_.peek()))
      read_.fail(fmt::format("the operator {} is not supported", quoted(read_.peek())),
                 "one of + - * & | ^ == != < > <= >= && || !");
  }

  Expression expression() {
    operators_ = 0;
    return binary(0);
  }

  // Left to right at each level; the loop and not the stack holds a long chain, of limited length.
  Expression binary(std::size_t level) {
    if (level == levels.size()) return unary();
    Expression left = binary(level + 1);
    while (const Operator* found = operator_of(level)) {
      const SourceLine line{read_.take().line};
      count_operator();
      Expression whole{.kind = found->kind, .line = line};
      whole.operands.push_back(std::move(left));
      whole.operands.push_back(binary(level + 1));
      left = std::move(whole);
    }
    return left;
  }

  const Operator* operator_of(std::size_t level) {
    for (const Operator& candidate : levels[level])
      if (read_.next_is(candidate.text)) return &candidate;
    return nullptr;
  }

  void count_operator() {
    if (++operators_ > LitmusLimits::operators)
      read_.fail("the expression is too long",
                 fmt::format("at most {} operators", LitmusLimits::operators));
  }

  Expression unary() {
    const Nesting nesting(read_);
    const SourceLine line = read_.here();
    if (read_.accept("!")) return apply(Kind::logical_not, unary(), line);
    if (read_.accept("-")) return negated(unary(), line);
    if (read_.accept("*")) return apply(Kind::dereference, unary(), line);
    if (read_.next_is("&"))
      read_.fail("'&' before a name is not supported",
                 "the parameter itself, which is a pointer already");
    if (read_.next_is("~"))
      read_.fail("the operator '~' is not supported", "one of ! - * before an operand");
    return primary();
  }

  Expression apply(Kind kind, Expression operand, SourceLine line) {
    count_operator();
    Expression whole{.kind = kind, .line = line};
    whole.operands.push_back(std::move(operand));
    return whole;
  }

  // -1 is a number, so that it is printed and read as one.
  Expression negated(Expression operand, SourceLine line) {
    if (operand.kind != Kind::number || operand.number < 0)
      return apply(Kind::negate, std::move(operand), line);
    operand.number = -operand.number;
    return operand;
  }

  Expression primary() {
    refuse_keyword();
    const SourceLine line = read_.here();
    if (read_.peek().kind == TokenKind::number)
      return {.kind = Kind::number, .number = read_.take().number, .line = line};
    if (read_.accept("(")) return parenthesis();
    const Token word = read_.expect_word("a number, a name, a call or '('");
    if (word.is("NULL")) return {.kind = Kind::number, .number = 0, .line = line};
    if (!read_.accept("(")) {
      refuse_suffix();
      return {.kind = Kind::name, .name = std::string(word.text), .line = line};
    }
    Expression call{.kind = Kind::call, .name = std::string(word.text), .line = line};
    if (!read_.accept(")")) arguments(call);
    return call;
  }

  void refuse_suffix() {
    if (read_.next_is("[")) read_.fail("arrays are not supported", "a single variable");
    if (read_.next_is("->") || read_.next_is("."))
      read_.fail("structures are not supported", "a single variable for each member");
  }

  // After '(': a cast, which changes nothing, or an expression.
  Expression parenthesis() {
    if (is_type_word(read_.peek().text)) {
      while (is_type_word(read_.peek().text)) read_.take();
      while (read_.accept("*")) continue;
      read_.expect(")", "after the type");
      return unary();
    }
    Expression inner = binary(0);
    refuse_operator();
    read_.expect(")", "after the expression");
    return inner;
  }

  void arguments(Expression& call) {
    do {
      count_operator();
      call.operands.push_back(binary(0));
    } while (read_.accept(","));
    refuse_operator();
    read_.expect(")", fmt::format("after the arguments of {}", call.name));
  }

  LitmusReader& read_;
  unsigned statements_ = 0, operators_ = 0;
};

}  // namespace

std::vector<LitmusStatement> read_process_body(LitmusReader& reader) {
  return BodyParser(reader).statements();
}

}  // namespace tlblab
