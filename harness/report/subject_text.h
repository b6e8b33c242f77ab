// SPDX-License-Identifier: GPL-2.0-or-later
// What the texts of stress and explore share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/report/pages.h"
#include "harness/report/paint.h"

namespace tlblab {

// "madvise-parallel-2017 on x86 without nested-flush"
[[nodiscard]] std::string subject_title(const Subject& subject);
[[nodiscard]] std::string violation_lines(const Violation& violation, const Paint& paint);
// "allocations: 3 of 120 failed (user_page 3 of 80, ...)" in lines; empty: none was to fail.
[[nodiscard]] std::string allocation_lines(const AllocReport& report);
// As a shell takes it for one word.
[[nodiscard]] std::string shell_word(const std::string& word);
// "x86 tso without nested-flush"
[[nodiscard]] std::string search_place(const std::string& arch,
                                       const std::string& model,
                                       const std::vector<std::string>& without);
// What to type to make a search again. In one line, however long.
struct SearchWords {
  std::string_view scenario, arch, model, strategy;
  const std::vector<std::string>& without;
  std::uint64_t executions = 0;  // 0: as many as the budget allows
  double budget_seconds = 0;
};
[[nodiscard]] std::string search_command(const SearchWords& search);
// A single-quoted word may go over several lines, and white space of any kind parts a schedule's
// words; so this can be pasted into a shell as it is.
[[nodiscard]] std::string replay_command(const std::string& schedule);
// What to type to see the other direction: with the fixes, or without the first cure.
[[nodiscard]] std::string next_command(std::string_view verb,
                                       const Subject& subject,
                                       const std::vector<std::string>& cures);

}  // namespace tlblab
