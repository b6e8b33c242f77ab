// SPDX-License-Identifier: GPL-2.0-or-later
// Where a CPU on real threads is made to wait now and then, so that the others get on meanwhile: what
// --stall says. World-neutral.
//
// Points are [ROLE:]PLACE,... with no blank in it. ROLE is the number of an actor; without it all of
// them. PLACE is
//
//   flush       before core asks the architecture for a flush; interrupts are served meanwhile
//   anywhere    a few thousand times a second, wherever the CPU is
//   one of stall_events: right after that trace event, and nothing is served. Where a lock is held
//               it stays held.
#pragma once

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mm/types.h"

namespace tlblab {

inline constexpr std::array<std::pair<std::string_view, EventKind>, 14> stall_events{{
    {"page_fault", EventKind::page_fault},
    {"ptl_acquire", EventKind::ptl_acquire},
    {"pte_change", EventKind::pte_change},
    {"gather_begin", EventKind::gather_begin},
    {"gather_queue", EventKind::gather_queue},
    {"gather_flush", EventKind::gather_flush},
    {"pending_dec", EventKind::pending_dec},
    {"table_queue", EventKind::table_queue},
    {"tlb_flush", EventKind::tlb_flush},
    {"tlb_fill", EventKind::tlb_fill},
    {"walk_table", EventKind::walk_table},
    {"runs_mm", EventKind::runs_mm},
    {"copy_begin", EventKind::copy_begin},
    {"page_clean_act", EventKind::page_clean_act},
}};

struct StallPoint {
  std::optional<unsigned> role;    // nothing: everybody
  std::optional<EventKind> after;  // nothing: before a flush
  bool anywhere = false;           // neither
  std::string text;                // as it was typed
};

// what(): what is wrong, and what to type.
struct StallPointError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
// Throws StallPointError.
[[nodiscard]] std::vector<StallPoint> parse_stall_points(std::string_view text);

}  // namespace tlblab
