// SPDX-License-Identifier: GPL-2.0-or-later
// Did you mean?
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tlblab {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
[[nodiscard]] std::size_t edit_distance(std::string_view from, std::string_view to);

// The name that was probably meant: the nearest one, if it is near, or the only one that begins
// like `word`. Empty: none.
[[nodiscard]] std::string nearest_of(std::string_view word, std::span<const std::string> names);

}  // namespace tlblab
