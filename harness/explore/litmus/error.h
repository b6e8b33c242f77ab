// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace tlblab {

// A litmus test cannot be used. what() is one line: `FILE:LINE: what is wrong; expected ...`.
class LitmusError : public std::runtime_error {
 public:
  // REQUIRES: `wrong` and `expected` are one line each. Line 0: the file as a whole.
  LitmusError(std::string_view file,
              unsigned line,
              std::string_view wrong,
              std::string_view expected);

  [[nodiscard]] unsigned line() const noexcept { return line_; }
  [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }
  [[nodiscard]] const std::string& expected() const noexcept { return expected_; }

 private:
  unsigned line_;
  std::string wrong_, expected_;
};

}  // namespace tlblab
