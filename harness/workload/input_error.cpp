// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/input_error.h"

#include <fmt/format.h>

namespace tlblab {
namespace {

std::string one_line(std::string_view file,
                     std::uint64_t line,
                     std::string_view wrong,
                     std::string_view expected) {
  if (line == 0) return fmt::format("{}: {}; expected {}", file, wrong, expected);
  return fmt::format("{}:{}: {}; expected {}", file, line, wrong, expected);
}

}  // namespace

InputError::InputError(std::string_view file,
                       std::uint64_t line,
                       std::string_view wrong,
                       std::string_view expected)
    : std::runtime_error(one_line(file, line, wrong, expected)) {}

InputError::InputError(std::string_view file,
                       std::uint64_t line,
                       std::uint64_t column,
                       std::string_view wrong,
                       std::string_view expected)
    : std::runtime_error(
          fmt::format("{}:{}:{}: {}; expected {}", file, line, column, wrong, expected)) {}

}  // namespace tlblab
