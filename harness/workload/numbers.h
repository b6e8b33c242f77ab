// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers out of text, whole or not at all: no sign where none is due, nothing left over, no
// overflow.
#pragma once

#include <charconv>
#include <concepts>
#include <string_view>

namespace tlblab {

template <std::integral T>
[[nodiscard]] inline bool read_decimal(std::string_view text, T& value) noexcept {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc{} && result.ptr == end;
}

// 0x and hexadecimal digits.
template <std::unsigned_integral T>
[[nodiscard]] inline bool read_hex(std::string_view text, T& value) noexcept {
  if (text.size() < 3 || text[0] != '0' || text[1] != 'x') return false;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data() + 2, end, value, 16);
  return result.ec == std::errc{} && result.ptr == end;
}

}  // namespace tlblab
