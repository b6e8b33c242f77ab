// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/suggest.h"

#include <algorithm>
#include <vector>

namespace tlblab {

// Rows of the usual table; a swap of neighbours looks two rows back.
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before, last(to.size() + 1), now(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const bool same = from[i - 1] == to[j - 1];
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before = last;
    last = now;
  }
  return last[to.size()];
}

std::string nearest_of(std::string_view word, std::span<const std::string> names) {
  constexpr std::size_t longest = 64;  // what is longer is no name, and the table is quadratic
  if (word.empty() || word.size() > longest) return {};
  const auto by_distance = [word](const std::string& a, const std::string& b) {
    return edit_distance(word, a) < edit_distance(word, b);
  };
  const auto nearest = std::ranges::min_element(names, by_distance);
  if (nearest == names.end()) return {};
  if (edit_distance(word, *nearest) <= std::max<std::size_t>(1, (word.size() + 1) / 3))
    return *nearest;
  const auto begins = [word](const std::string& name) { return name.starts_with(word); };
  return std::ranges::count_if(names, begins) == 1 ? *std::ranges::find_if(names, begins)
                                                   : std::string();
}

}  // namespace tlblab
