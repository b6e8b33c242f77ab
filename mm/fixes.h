// SPDX-License-Identifier: GPL-2.0-or-later
// One switch per historical fix. All are on in a new mm; a scenario, or --without on the command
// line, takes one away, and the race that it cured must come back.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tlblab {

struct fixes {
  bool nested_flush = true;
  bool delayed_rmap = true;
  bool mremap_rmap_lock = true;
  bool batched_pending = true;
  bool reclaim_flush_dirty = true;
};

struct FixInfo {
  std::string_view name;    // as typed after --without
  std::string_view commit;  // in Linux
  unsigned year;
  std::string_view line;  // what it does
  bool fixes::* member;
};

inline constexpr std::array fix_table{
    FixInfo{"nested-flush", "99baac21e458", 2017,
            "tlb_finish_mmu flushes when another gather of the mm is open", &fixes::nested_flush},
    FixInfo{"delayed-rmap", "5df397dec7c4", 2022,
            "a dirty page of a file stays mapped for rmap until its zap has flushed",
            &fixes::delayed_rmap},
    FixInfo{"mremap-rmap-lock", "97113eb39fa7", 2021,
            "mremap keeps reverse mapping out while it moves a whole page table",
            &fixes::mremap_rmap_lock},
    FixInfo{"batched-pending", "3ea277194daa", 2017,
            "who changes entries flushes first what reclaim unmapped and has not flushed yet",
            &fixes::batched_pending},
    FixInfo{"reclaim-flush-dirty", "not in 6.18", 2026,
            "reclaim flushes a dirty page that it unmapped and leaves before it unlocks it",
            &fixes::reclaim_flush_dirty},
};

}  // namespace tlblab
