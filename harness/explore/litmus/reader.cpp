// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace tlblab {

bool LitmusReader::accept(std::string_view what) {
  if (!next_is(what)) return false;
  take();
  return true;
}

void LitmusReader::unexpected(std::string_view expected) {
  fail(fmt::format("unexpected {}", quoted(peek())), expected);
}

void LitmusReader::expect(std::string_view what, std::string_view where) {
  if (!accept(what)) unexpected(fmt::format("'{}' {}", what, where));
}

Token LitmusReader::expect_word(std::string_view expected) {
  if (peek().kind != TokenKind::word) unexpected(expected);
  return take();
}

unsigned LitmusReader::expect_count(unsigned most, std::string_view expected) {
  const Token& token = peek();
  if (token.kind != TokenKind::number || token.number < 0 || token.number > most)
    unexpected(expected);
  return static_cast<unsigned>(take().number);
}

std::int64_t LitmusReader::signed_number() {
  const bool negative = accept("-");
  if (peek().kind != TokenKind::number) unexpected("a number");
  const std::int64_t number = take().number;
  return negative ? -number : number;
}

LitmusReader::Declared LitmusReader::type_and_name() {
  LitmusType type;
  Token word = expect_word("a type or a name");
  while (peek().kind == TokenKind::word || next_is("*")) {
    if (word.is("struct") || word.is("union") || word.is("enum"))
      lexer.fail(word.line, fmt::format("{} is not supported", quoted(word)), "int and pointers");
    if (!type.words.empty()) type.words += ' ';
    type.words += word.text;
    while (accept("*")) ++type.stars;
    word = expect_word("a name after the type");
  }
  if (is_type_word(word.text))
    lexer.fail(word.line, fmt::format("{} where a name should be", quoted(word)), "a name");
  if (next_is("[")) fail("arrays are not supported", "a single variable for each element");
  return {std::move(type), std::string(word.text), {word.line}};
}

Nesting::Nesting(LitmusReader& reader) : reader_(reader) {
  if (reader.depth_ == LitmusLimits::nesting)
    reader.fail("this is nested too deeply",
                fmt::format("at most {} levels", LitmusLimits::nesting));
  ++reader.depth_;
}

bool is_type_word(std::string_view word) noexcept {
  static constexpr std::array<std::string_view, 13> words{
      "int",  "long",       "short",       "char",  "signed",   "unsigned", "void",
      "bool", "atomic_int", "atomic_uint", "const", "volatile", "_Bool"};
  // atomic_t, spinlock_t, intptr_t, uint64_t; u8 to s64.
  if (word.ends_with("_t")) return true;
  if (word.size() >= 2 && word.size() <= 3 && (word[0] == 'u' || word[0] == 's') &&
      (word.substr(1) == "8" || word.substr(1) == "16" || word.substr(1) == "32" ||
       word.substr(1) == "64"))
    return true;
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace tlblab
