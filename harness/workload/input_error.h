// SPDX-License-Identifier: GPL-2.0-or-later
// What is thrown when a file that a user gave cannot be used. what() is the one line the user is
// shown: `FILE:LINE: what is wrong; what was expected`, without a line break; `FILE:LINE:COLUMN: ...`
// where the column is known.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tlblab {

class InputError : public std::runtime_error {
 public:
  // REQUIRES: `wrong` and `expected` are one line each. Line 0: the file as a whole.
  InputError(std::string_view file,
             std::uint64_t line,
             std::string_view wrong,
             std::string_view expected);
  // The column is counted in bytes, from 1.
  InputError(std::string_view file,
             std::uint64_t line,
             std::uint64_t column,
             std::string_view wrong,
             std::string_view expected);
};

}  // namespace tlblab
