// SPDX-License-Identifier: GPL-2.0-or-later
// The named kinds of what can go wrong, with their meaning in one line: what an oracle reports, and
// what `tlblab explain` and `tlblab list violations` print. World-neutral.
#pragma once

#include <span>
#include <string_view>

#include "mm/types.h"

namespace tlblab {

namespace kind {

inline constexpr std::string_view freed_frame_use = "freed_frame_use";
inline constexpr std::string_view frame_freed_while_cached = "frame_freed_while_cached";
inline constexpr std::string_view freed_table_walk = "freed_table_walk";
inline constexpr std::string_view table_freed_while_cached = "table_freed_while_cached";
inline constexpr std::string_view stale_translation_after_return = "stale_translation_after_return";
inline constexpr std::string_view stale_translation_use = "stale_translation_use";
inline constexpr std::string_view store_during_copy = "store_during_copy";
inline constexpr std::string_view dirty_translation_after_clean = "dirty_translation_after_clean";
inline constexpr std::string_view unmarked_store = "unmarked_store";
inline constexpr std::string_view unreliable_pin = "unreliable_pin";
inline constexpr std::string_view debt_without_pending = "debt_without_pending";
inline constexpr std::string_view duplicate_hash_entry = "duplicate_hash_entry";
inline constexpr std::string_view mixed_contiguous_entries = "mixed_contiguous_entries";
inline constexpr std::string_view pending_below_zero = "pending_below_zero";
inline constexpr std::string_view page_freed_before_flush = "page_freed_before_flush";
inline constexpr std::string_view page_left_in_gather = "page_left_in_gather";
inline constexpr std::string_view page_put_twice = "page_put_twice";
inline constexpr std::string_view table_freed_before_flush = "table_freed_before_flush";
inline constexpr std::string_view table_queued_twice = "table_queued_twice";
inline constexpr std::string_view table_left_in_gather = "table_left_in_gather";
inline constexpr std::string_view gather_out_of_order = "gather_out_of_order";

}  // namespace kind

struct ViolationKind {
  std::string_view name;
  std::string_view invariant;  // I1, I2, ...; "mm": mm's own checks; "cpu": rules of the machine;
                               // "text": what a scenario's text says
  std::string_view line;
};

// Oracles first, in the order of their invariants.
[[nodiscard]] std::span<const ViolationKind> violation_kinds() noexcept;
// Null: no such kind.
[[nodiscard]] const ViolationKind* find_violation_kind(std::string_view name) noexcept;

// As the system call is called, for texts.
[[nodiscard]] std::string_view call_name(MmCall call) noexcept;

}  // namespace tlblab
