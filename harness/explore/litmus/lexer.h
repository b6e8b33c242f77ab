// SPDX-License-Identifier: GPL-2.0-or-later
// Words of a litmus test. The file is written in two languages: C between the braces of a process,
// herd7's own elsewhere. `(*` begins a comment in the latter only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/explore/litmus/error.h"

namespace tlblab {

enum class TokenKind : std::uint8_t { end, word, number, symbol };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text{};  // "" at the end
  std::int64_t number = 0;
  unsigned line = 1;
  [[nodiscard]] bool is(std::string_view what) const noexcept {
    return kind != TokenKind::end && text == what;
  }
};

// What a message calls it: "'xchg'", "the end of the file".
[[nodiscard]] std::string quoted(const Token& token);

class LitmusLexer {
 public:
  // REQUIRES: `text` outlives it and its tokens.
  LitmusLexer(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  // The first line that is not blank, without the comments around it: "C MP+poonceonces".
  [[nodiscard]] std::string_view title();
  // Skips what may stand between the title and the initial state: quoted strings and lines
  // `KEY=VALUE`.
  void skip_header();

  const Token& peek();
  Token take();
  // Which of the two languages comes next. REQUIRES: nothing of it has been peeked at.
  void in_c(bool c) noexcept { c_ = c; }

  // The error is at `line`; at 0 it is where the next token is.
  [[noreturn]] void fail(unsigned line, std::string_view wrong, std::string_view expected);

 private:
  [[nodiscard]] bool at(std::string_view what) const noexcept {
    return text_.substr(position_).starts_with(what);
  }
  [[nodiscard]] bool at_end() const noexcept { return position_ >= text_.size(); }
  void advance(std::size_t bytes) noexcept;
  void skip_blanks();
  void skip_line() noexcept;
  void skip_comment(std::string_view open, std::string_view close, bool nests);
  void skip_string();
  Token scan();
  Token scan_number();
  Token scan_symbol();

  std::string_view text_;
  std::string file_;
  std::size_t position_ = 0;
  unsigned line_ = 1;
  bool c_ = false;
  bool peeked_ = false;
  Token token_;
};

}  // namespace tlblab
