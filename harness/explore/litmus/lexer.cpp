// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace tlblab {
namespace {

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool begins_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool in_word(char c) noexcept { return begins_word(c) || is_digit(c); }
constexpr bool is_one_of(char c, std::string_view set) noexcept {
  return set.find(c) != std::string_view::npos;
}

// Longest first.
constexpr std::array<std::string_view, 25> long_symbols{
    "<<=", ">>=", "/\\", "\\/", "==", "!=", "<=", ">=", "&&", "||", "=>", "<>", "++",
    "--",  "+=",  "-=",  "*=",  "/=", "%=", "&=", "|=", "^=", "->", "<<", ">>"};
constexpr std::string_view short_symbols = "(){}[];:,=<>+-*/%&|^!~?.#@";

}  // namespace

std::string quoted(const Token& token) {
  return token.kind == TokenKind::end ? "the end of the file" : fmt::format("'{}'", token.text);
}

void LitmusLexer::fail(unsigned line, std::string_view wrong, std::string_view expected) {
  throw LitmusError(file_, line != 0 ? line : line_, wrong, expected);
}

void LitmusLexer::advance(std::size_t bytes) noexcept {
  const std::string_view skipped = text_.substr(position_, bytes);
  line_ += static_cast<unsigned>(std::count(skipped.begin(), skipped.end(), '\n'));
  position_ += skipped.size();
}

void LitmusLexer::skip_line() noexcept {
  while (!at_end() && text_[position_] != '\n') ++position_;
}

void LitmusLexer::skip_comment(std::string_view open, std::string_view close, bool nests) {
  const unsigned begin = line_;
  std::size_t depth = 0;
  do {
    if (at_end())
      fail(begin, fmt::format("a comment that does not end"), fmt::format("'{}'", close));
    if (at(close)) {
      advance(close.size());
      --depth;
    } else if (at(open) && (depth == 0 || nests)) {
      advance(open.size());
      ++depth;
    } else {
      advance(1);
    }
  } while (depth != 0);
}

void LitmusLexer::skip_blanks() {
  while (!at_end()) {
    if (is_blank(text_[position_]))
      advance(1);
    else if (at("//"))
      skip_line();
    else if (at("/*"))
      skip_comment("/*", "*/", false);
    else if (!c_ && at("(*"))
      skip_comment("(*", "*)", true);
    else
      return;
  }
}

void LitmusLexer::skip_string() {
  const unsigned begin = line_;
  advance(1);
  while (!at_end() && text_[position_] != '"') advance(at("\\") ? 2 : 1);
  if (at_end()) fail(begin, "a string that does not end", "'\"'");
  advance(1);
}

std::string_view LitmusLexer::title() {
  skip_blanks();
  const std::size_t begin = position_;
  while (!at_end() && !at("\n") && !at(" (*") && !at(" /*") && !at(" //")) ++position_;
  return text_.substr(begin, position_ - begin);
}

void LitmusLexer::skip_header() {
  for (skip_blanks(); !at_end() && !at("{"); skip_blanks()) {
    if (at("\"")) {
      skip_string();
      continue;
    }
    const std::size_t begin = position_;
    skip_line();
    const std::string_view line = text_.substr(begin, position_ - begin);
    if (!begins_word(line.front()) || line.find('=') == line.npos)
      fail(0, fmt::format("'{}' between the name and the initial state", line.substr(0, 40)),
           "'{', a string in quotes or a line KEY=VALUE");
  }
}

Token LitmusLexer::scan_number() {
  Token token{.kind = TokenKind::number, .line = line_};
  const std::size_t begin = position_;
  while (!at_end() && in_word(text_[position_])) ++position_;
  token.text = text_.substr(begin, position_ - begin);
  const bool hex = token.text.starts_with("0x") || token.text.starts_with("0X");
  std::string_view digits = token.text.substr(hex ? 2 : 0);
  while (!digits.empty() && is_one_of(digits.back(), "uUlL")) digits.remove_suffix(1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), token.number, hex ? 16 : 10);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
    fail(0, fmt::format("'{}' is no number", token.text.substr(0, 40)),
         "digits, of at most 2^63 - 1");
  return token;
}

Token LitmusLexer::scan_symbol() {
  Token token{.kind = TokenKind::symbol, .line = line_};
  const auto found = std::find_if(long_symbols.begin(), long_symbols.end(),
                                  [&](std::string_view symbol) { return at(symbol); });
  const char c = text_[position_];
  if (found != long_symbols.end())
    token.text = text_.substr(position_, found->size());
  else if (is_one_of(c, short_symbols))
    token.text = text_.substr(position_, 1);
  else
    fail(0, fmt::format("the byte 0x{:02x} outside comments", static_cast<unsigned char>(c)),
         "a word, a number or an operator");
  advance(token.text.size());
  return token;
}

Token LitmusLexer::scan() {
  skip_blanks();
  if (at_end()) return {.kind = TokenKind::end, .line = line_};
  const char c = text_[position_];
  if (is_digit(c)) return scan_number();
  if (!begins_word(c)) return scan_symbol();
  const std::size_t begin = position_;
  while (!at_end() && in_word(text_[position_])) ++position_;
  return {.kind = TokenKind::word, .text = text_.substr(begin, position_ - begin), .line = line_};
}

const Token& LitmusLexer::peek() {
  if (!peeked_) token_ = scan();
  peeked_ = true;
  return token_;
}

Token LitmusLexer::take() {
  peek();
  peeked_ = false;
  return token_;
}

}  // namespace tlblab
