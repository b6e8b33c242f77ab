// SPDX-License-Identifier: GPL-2.0-or-later
// A fence, then where it is needed, then what hides it elsewhere: backends for which the same is said stand
// together.
#include <algorithm>

#include <fmt/format.h>

#include "harness/report/layout.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

// What is said of several backends at once.
struct Group {
  std::string scenario, words;
  std::vector<std::string> places;
};

std::string words_of(const CheckPage::Row& row) {
  if (row.is_unexpected()) return fmt::format("{}, but expected: {}", row.got, row.expected);
  if (row.got != "clean" || row.masked_by.empty()) return row.got;
  return "clean, masked: " + row.masked_by;
}

std::vector<Group> groups_of(const FencesPage::Fence& fence) {
  std::vector<Group> groups;
  for (const FencesPage::Row& one : fence.rows) {
    const std::string words = words_of(one.row);
    auto at = std::ranges::find_if(groups, [&](const Group& group) {
      return group.scenario == one.scenario && group.words == words;
    });
    if (at == groups.end()) at = groups.insert(groups.end(), {one.scenario, words, {}});
    at->places.push_back(fmt::format("{} {}", one.row.arch, one.row.model));
  }
  return groups;
}

bool is_needed(const Group& group) { return group.words.starts_with("violation"); }

std::string fence_text(const FencesPage::Fence& fence, const Paint& paint) {
  std::string out = paint.strong(fence.id) + fmt::format("  ({}, {})\n", fence.commit, fence.year) +
                    wrapped("  ", fence.line, "  ");
  if (fence.rows.empty()) return out + "  no scenario takes it away yet\n";
  const std::vector<Group> groups = groups_of(fence);
  for (const bool needed : {true, false})
    for (const Group& group : groups)
      if (is_needed(group) == needed)
        out += wrapped(
            "  - ", fmt::format("{}: {} on {}", group.scenario, group.words, joined(group.places)),
            "    ");
  return out;
}

}  // namespace

std::size_t FencesPage::unexpected() const {
  std::size_t sum = 0;
  for (const Fence& fence : fences)
    sum += static_cast<std::size_t>(
        std::ranges::count_if(fence.rows, [](const Row& one) { return one.row.is_unexpected(); }));
  return sum;
}

std::string fences_text(const FencesPage& page, const Paint& paint) {
  std::string out;
  for (const FencesPage::Fence& fence : page.fences) out += fence_text(fence, paint) + "\n";
  return out + fmt::format("{}, {} unexpected, {}\n", counted(page.fences.size(), "fence"),
                           page.unexpected(), readable_seconds(page.seconds));
}

}  // namespace tlblab
