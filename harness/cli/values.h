// SPDX-License-Identifier: GPL-2.0-or-later
// Values of options. A value that will not do is a UsageError that names the option and a good one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cli/command.h"
#include "harness/workload/alloc_failures.h"
#include "harness/workload/hardware_actors.h"
#include "harness/workload/stall_points.h"

namespace tlblab {

inline constexpr double max_duration = 1e6;  // seconds, 11 days

// Seconds from "10s", "500ms", "2m", "1.5h", "10"; negative if it is none of these.
[[nodiscard]] double duration_from(std::string_view text) noexcept;

// "a,b,c" at its commas; empty parts are kept.
[[nodiscard]] std::vector<std::string> split_list(std::string_view list);
// The same of every time that the option was given.
[[nodiscard]] std::vector<std::string> list_value(const Arguments& arguments,
                                                  std::string_view option);

// These return `otherwise` where the option was not given.
[[nodiscard]] std::uint64_t number_value(const Arguments& arguments,
                                         std::string_view option,
                                         std::uint64_t otherwise,
                                         std::uint64_t least,
                                         std::uint64_t most);
[[nodiscard]] double seconds_value(const Arguments& arguments,
                                   std::string_view option,
                                   double otherwise);
[[nodiscard]] HardwareActors hardware_actors(const Arguments& arguments,
                                             const HardwareActors& otherwise);
// --fail-alloc, as often as it was given; `otherwise` if it was not, and none for the word none.
[[nodiscard]] std::vector<AllocRule> alloc_rules(const Arguments& arguments,
                                                 std::string_view otherwise = {});
// --stall; `otherwise` if it was not given, and none for the word none.
[[nodiscard]] std::vector<StallPoint> stall_points(const Arguments& arguments,
                                                   std::string_view otherwise);
inline constexpr OptionSpec stall_option{
    "--stall", "POINT[,POINT]", "make CPUs wait there, as 0:flush (none; default: the scenario's)"};
inline constexpr OptionSpec fail_alloc_option{
    "--fail-alloc", "RULE",
    "make allocations fail, for instance site=gather_batch,every=3; may be given again"};
inline constexpr OptionSpec actors_option{
    "--actors", "A[,A]", "walker, evict, arrive: what hardware does unasked (none: nothing)"};
// One of a few words; `why_not` explains why there are no others.
[[nodiscard]] std::string word_value(const Arguments& arguments,
                                     std::string_view option,
                                     const std::vector<std::string>& allowed,
                                     std::string_view why_not = {});

// --jobs N.
[[nodiscard]] unsigned jobs_value(const Arguments& arguments, unsigned otherwise);
// That this process may run on, at most 16: how many processes search if not told.
[[nodiscard]] unsigned usable_processors();

}  // namespace tlblab
