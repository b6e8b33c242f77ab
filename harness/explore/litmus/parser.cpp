// SPDX-License-Identifier: GPL-2.0-or-later
// All of a litmus test but the inside of its processes, which is c_parser.cpp.
#include "harness/explore/litmus/parser.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "harness/explore/litmus/reader.h"

namespace tlblab {
namespace {

using Proposition = LitmusProposition;

class TestParser {
 public:
  TestParser(std::string_view text, std::string_view file) : read_(text, file) {
    test_.file = file;
  }

  LitmusTest parse() {
    title();
    read_.lexer.skip_header();
    initial_state();
    while (is_process(read_.peek())) process();
    if (test_.processes.empty()) read_.unexpected("the first process, 'P0(...) { ... }'");
    if (read_.accept("locations")) locations();
    if (read_.accept("filter")) test_.filter = proposition();
    condition();
    if (read_.peek().kind != TokenKind::end) read_.unexpected("the end of the file");
    return std::move(test_);
  }

 private:
  static bool is_process(const Token& token) noexcept {
    return token.kind == TokenKind::word && token.text.size() > 1 && token.text[0] == 'P' &&
           std::all_of(token.text.begin() + 1, token.text.end(),
                       [](char c) { return c >= '0' && c <= '9'; });
  }

  void title() {
    std::string_view line = read_.lexer.title();
    while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
    const std::string_view arch = line.substr(0, std::min(line.find_first_of(" \t"), line.size()));
    line.remove_prefix(arch.size());
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    constexpr std::string_view expected = "'C NAME', a test for the kernel's memory model";
    if (arch != "C")
      read_.lexer.fail(0, fmt::format("the test begins with '{}'", printable(arch)), expected);
    if (line.empty()) read_.lexer.fail(0, "the test has no name", expected);
    if (line.size() > max_name || printable(line) != line ||
        line.find_first_of(" \t\"") != std::string_view::npos)
      read_.lexer.fail(0, fmt::format("'{}' as a name", printable(line)), "one word");
    test_.name = line;
  }

  static constexpr std::size_t max_name = 200;
  static bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }
  static std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text.substr(0, max_name)) result += c >= ' ' && c <= '~' ? c : '?';
    return result;
  }

  void count_place() {
    if (++places_ > LitmusLimits::places)
      read_.fail("there are too many locations", fmt::format("at most {}", LitmusLimits::places));
  }

  // `0:r0`, `[x]` or `x`.
  LitmusPlace place() {
    count_place();
    LitmusPlace place{.process = {}, .name = {}, .line = read_.here()};
    if (read_.peek().kind == TokenKind::number) {
      place.process = read_.expect_count(LitmusLimits::processes - 1, "the number of a process");
      read_.expect(":", "between process and register");
    }
    const bool bracket = !place.process && read_.accept("[");
    place.name = read_.expect_name("a location 'x' or a register '0:r0'").text;
    if (bracket) read_.expect("]", "after the location");
    if (read_.next_is("["))
      read_.fail("arrays are not supported", "a single variable for each element");
    return place;
  }

  // `1`, `-1`, `x`, `&x`, `ATOMIC_INIT(1)`.
  LitmusConstant constant() {
    if (read_.next_is("{")) read_.fail("arrays are not supported", "a number or a location");
    if (read_.accept("ATOMIC_INIT")) {
      read_.expect("(", "after ATOMIC_INIT");
      LitmusConstant value{.number = read_.signed_number(), .name = {}};
      read_.expect(")", "after the number");
      return value;
    }
    if (read_.peek().kind == TokenKind::number || read_.next_is("-"))
      return {.number = read_.signed_number(), .name = {}};
    if (read_.accept("&") && read_.next_is("ATOMIC_INIT")) read_.unexpected("a location");
    return {.number = 0, .name = std::string(read_.expect_word("a number or a location").text)};
  }

  void initial_state() {
    read_.expect("{", "before the initial state");
    while (!read_.accept("}")) {
      LitmusInitial entry;
      if (read_.peek().kind == TokenKind::word) {
        LitmusReader::Declared declared = read_.type_and_name();
        count_place();
        entry.type = std::move(declared.type);
        entry.place = {.process = {}, .name = std::move(declared.name), .line = declared.line};
      } else {
        entry.place = place();
      }
      if (read_.accept("="))
        entry.value = constant();
      else if (entry.type.words.empty())
        read_.unexpected("'=' and a value");
      test_.initial.push_back(std::move(entry));
      if (!read_.next_is("}")) read_.expect(";", "after the entry");
    }
  }

  void process() {
    const Token name = read_.take();
    const std::string expected = fmt::format("P{}", test_.processes.size());
    if (name.text != expected)
      read_.lexer.fail(name.line, fmt::format("process {} comes here", name.text), expected);
    if (test_.processes.size() == LitmusLimits::processes)
      read_.lexer.fail(name.line, "there are too many processes",
                       fmt::format("at most {}", LitmusLimits::processes));
    LitmusProcessText& process = test_.processes.emplace_back();
    read_.expect("(", "before the parameters");
    if (!read_.next_is(")")) {
      do process.parameters.push_back(parameter());
      while (read_.accept(","));
    }
    read_.expect(")", "after the parameters");
    read_.expect("{", "before the statements");
    read_.lexer.in_c(true);
    process.body = read_process_body(read_);
    read_.expect("}", "after the statements");
    read_.lexer.in_c(false);
  }

  LitmusParameter parameter() {
    LitmusReader::Declared declared = read_.type_and_name();
    count_place();
    if (declared.type.stars == 0)
      read_.lexer.fail(declared.line.number,
                       fmt::format("the parameter {} is not a pointer", declared.name),
                       fmt::format("'int *{}'", declared.name));
    return {std::move(declared.type), std::move(declared.name)};
  }

  void locations() {
    read_.expect("[", "after 'locations'");
    while (!read_.accept("]")) {
      test_.locations.push_back(place());
      if (!read_.next_is("]")) read_.expect(";", "or ']' after the location");
    }
  }

  void condition() {
    if (read_.peek().kind == TokenKind::end) {  // nothing is asked
      test_.quantifier = LitmusQuantifier::forall;
      return;
    }
    if (read_.accept("exists"))
      test_.quantifier = LitmusQuantifier::exists;
    else if (read_.accept("forall"))
      test_.quantifier = LitmusQuantifier::forall;
    else if (read_.accept("~") && read_.accept("exists"))
      test_.quantifier = LitmusQuantifier::not_exists;
    else
      read_.unexpected("a process, 'locations', 'filter', 'exists', '~exists' or 'forall'");
    test_.condition = proposition();
  }

  // How it is printed may take more recursion than how it was written, so this limit is lower.
  Proposition proposition() {
    operators_ = 0;
    Proposition whole = implication();
    if (depth_of(whole) > LitmusLimits::proposition_depth)
      read_.fail("the condition is nested too deeply",
                 fmt::format("at most {} levels", LitmusLimits::proposition_depth));
    return whole;
  }

  static unsigned depth_of(const Proposition& p) {
    unsigned depth = 0;
    for (const Proposition& operand : p.operands) depth = std::max(depth, depth_of(operand));
    return depth + 1;
  }

  Proposition implication() {
    const Nesting nesting(read_);
    Proposition left = alternatives(Proposition::Kind::disjunction);
    if (!read_.accept("=>")) return left;
    Proposition whole{.kind = Proposition::Kind::implication};
    whole.operands.push_back(std::move(left));
    whole.operands.push_back(implication());
    return whole;
  }

  // Operands of \/ (looser) or /\, any number; what is written with more parentheses than needed
  // is the same proposition.
  Proposition alternatives(Proposition::Kind kind) {
    const bool loose = kind == Proposition::Kind::disjunction;
    const auto operand = [&] {
      return loose ? alternatives(Proposition::Kind::conjunction) : atom();
    };
    Proposition first = operand();
    if (!accept_operator(loose)) return first;
    Proposition whole{.kind = kind};
    append(whole, std::move(first));
    do append(whole, operand());
    while (accept_operator(loose));
    return whole;
  }

  bool accept_operator(bool loose) {
    const bool accepted = loose ? read_.accept("\\/") || read_.accept("||")
                                : read_.accept("/\\") || read_.accept("&&");
    if (accepted && ++operators_ > LitmusLimits::operators)
      read_.fail("the condition is too long",
                 fmt::format("at most {} operators", LitmusLimits::operators));
    return accepted;
  }

  static void append(Proposition& whole, Proposition part) {
    if (part.kind != whole.kind) return whole.operands.push_back(std::move(part));
    std::move(part.operands.begin(), part.operands.end(), std::back_inserter(whole.operands));
  }

  Proposition atom() {
    const Nesting nesting(read_);
    if (read_.accept("~") || read_.accept("not")) return negation(atom());
    if (read_.accept("(")) {
      Proposition inner = implication();
      read_.expect(")", "after the condition");
      return inner;
    }
    if (read_.accept("true")) return {.kind = Proposition::Kind::always};
    if (read_.accept("false")) return {.kind = Proposition::Kind::never};
    Proposition equal{.kind = Proposition::Kind::equal, .place = place(), .value = {}};
    const bool unequal = read_.accept("<>") || read_.accept("!=");
    if (!unequal && !read_.accept("=") && !read_.accept("=="))
      read_.unexpected(fmt::format("'=' after {}", equal.place.name));
    equal.value = constant();
    return unequal ? negation(std::move(equal)) : equal;
  }

  static Proposition negation(Proposition inner) {
    if (inner.kind == Proposition::Kind::negation) return Proposition(inner.operands[0]);
    Proposition whole{.kind = Proposition::Kind::negation};
    whole.operands.push_back(std::move(inner));
    return whole;
  }

  LitmusReader read_;
  LitmusTest test_;
  unsigned places_ = 0, operators_ = 0;
};

}  // namespace

LitmusTest parse_litmus(std::string_view text, std::string_view file) {
  if (text.size() > LitmusLimits::bytes)
    throw LitmusError(file, 0, fmt::format("the file has {} bytes", text.size()),
                      fmt::format("at most {}", LitmusLimits::bytes));
  return TestParser(text, file).parse();
}

}  // namespace tlblab
