// SPDX-License-Identifier: GPL-2.0-or-later
// Text in columns and in lines of limited length. Plain ASCII.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace tlblab {

inline constexpr std::size_t text_width = 72;  // what fits a mail and a changelog

// Stands for a blank at which wrapped() does not break.
inline constexpr char hard_blank = '\x01';

// `first` and the words of `text`, broken so that no line is longer than `width` if words allow it;
// later lines begin with `indent`. Ends with a line break.
[[nodiscard]] std::string wrapped(std::string_view first,
                                  std::string_view text,
                                  std::string_view indent,
                                  std::size_t width = text_width);

// "a, b, c"; `last` may join the last two: "a, b or c".
[[nodiscard]] std::string joined(const std::vector<std::string>& words,
                                 std::string_view between = ", ",
                                 std::string_view last = {});

// Rows of cells, each column as wide as its widest cell. The first `left` columns are set to the
// left, the others to the right; the last column ends the line, whatever its width.
class Columns {
 public:
  explicit Columns(std::size_t left = 1, std::string_view indent = {})
      : left_(left), indent_(indent) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  [[nodiscard]] std::string text() const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;
  std::size_t left_;
  std::string indent_;
  std::vector<std::vector<std::string>> rows_;
};

// Seconds in a unit that keeps them readable: "0.41 s", "12 ms", "350 ns".
[[nodiscard]] std::string readable_seconds(double seconds, char blank = ' ');
// "1 CPU", "3 CPUs", "2 processes".
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view one);

}  // namespace tlblab
