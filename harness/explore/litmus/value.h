// SPDX-License-Identifier: GPL-2.0-or-later
// What a register or a location of a litmus test holds: a number, or a pointer to a location. herd7
// computes with 64 bits whatever the type; so does this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tlblab {

using LitmusValue = std::int64_t;

// Location number n as a value. Tests count with small numbers: one that reaches this range by
// arithmetic is taken for a pointer, of which is_pointer() still checks that it leads somewhere.
inline constexpr LitmusValue first_pointer = LitmusValue{1} << 62;

[[nodiscard]] constexpr LitmusValue pointer_to(std::size_t location) noexcept {
  return first_pointer + static_cast<LitmusValue>(location);
}

[[nodiscard]] constexpr bool is_pointer(LitmusValue value, std::size_t locations) noexcept {
  return value >= first_pointer && value - first_pointer < static_cast<LitmusValue>(locations);
}

// REQUIRES: is_pointer().
[[nodiscard]] constexpr std::size_t location_of(LitmusValue value) noexcept {
  return static_cast<std::size_t>(value - first_pointer);
}

}  // namespace tlblab
