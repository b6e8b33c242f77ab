// SPDX-License-Identifier: GPL-2.0-or-later
// What the two halves of the parser share: tokens, and the limits on what recursion may do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/explore/litmus/ast.h"
#include "harness/explore/litmus/lexer.h"
#include "harness/explore/litmus/parser.h"

namespace tlblab {

class LitmusReader {
 public:
  LitmusReader(std::string_view text, std::string_view file) : lexer(text, file) {}

  LitmusLexer lexer;

  [[nodiscard]] const Token& peek() { return lexer.peek(); }
  Token take() { return lexer.take(); }
  [[nodiscard]] bool next_is(std::string_view what) { return peek().is(what); }
  bool accept(std::string_view what);
  void expect(std::string_view what, std::string_view where);
  Token expect_word(std::string_view expected);
  // A whole number, at most `most`.
  unsigned expect_count(unsigned most, std::string_view expected);
  // `-` and a number.
  std::int64_t signed_number();
  // "unsigned long **x", or "x" alone: the last word is the name.
  struct Declared {
    LitmusType type;
    std::string name;
    SourceLine line;
  };
  Declared type_and_name();
  [[noreturn]] void fail(std::string_view wrong, std::string_view expected) {
    lexer.fail(peek().line, wrong, expected);
  }
  // "unexpected 'xchg'".
  [[noreturn]] void unexpected(std::string_view expected);
  [[nodiscard]] SourceLine here() { return {peek().line}; }

 private:
  friend class Nesting;
  unsigned depth_ = 0;
};

// While it lives, one level of recursion is in use.
class Nesting {
 public:
  explicit Nesting(LitmusReader& reader);
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  ~Nesting() { --reader_.depth_; }

 private:
  LitmusReader& reader_;
};

// A word that begins a declaration or a cast.
[[nodiscard]] bool is_type_word(std::string_view word) noexcept;

// In C mode, after the process's '{' and up to its '}', which is left.
[[nodiscard]] std::vector<LitmusStatement> read_process_body(LitmusReader& reader);

}  // namespace tlblab
