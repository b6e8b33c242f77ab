// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/error.h"

#include <fmt/format.h>

namespace tlblab {
namespace {

std::string one_line(std::string_view file,
                     unsigned line,
                     std::string_view wrong,
                     std::string_view expected) {
  if (line == 0) return fmt::format("{}: {}; expected {}", file, wrong, expected);
  return fmt::format("{}:{}: {}; expected {}", file, line, wrong, expected);
}

}  // namespace

LitmusError::LitmusError(std::string_view file,
                         unsigned line,
                         std::string_view wrong,
                         std::string_view expected)
    : std::runtime_error(one_line(file, line, wrong, expected)),
      line_(line),
      wrong_(wrong),
      expected_(expected) {}

}  // namespace tlblab
