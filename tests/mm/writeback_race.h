// SPDX-License-Identifier: GPL-2.0-or-later
// Write-back against everything that can make a page dirty behind its back. A store is lost if its
// page is clean and the disk does not have it.
#pragma once

#include "tests/mm/file_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

// CPU 1 has written the page and writes it once more; meanwhile CPU 2 writes the page back and, if
// zapped, CPU 0 unmaps it. Returns in how many rounds a store was lost.
template <ArchBackend A>
std::uint64_t lost_stores(const MachineOptions& options, bool zapped, struct fixes fixes = {}) {
  MmRig<A> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
  rig.mm().fixes = fixes;
  Meeting meeting;
  address_space* file = nullptr;
  std::uint64_t lost = 0;
  rig.run_all([&](unsigned cpu) {
    if (cpu == 0) {
      file = disk_file(1);
      map_file<A>(rig.mm(), file, 0, 1);
    }
    for (unsigned round = 0; round < trial_rounds; ++round) {
      const auto write = [&](std::uint64_t word) {
        EXPECT_EQ(user_write<A>(rig.mm(), page_at(0) + 8 * word, round + 1), AccessResult::done);
      };
      meeting.meet();
      if (cpu == 1) write(0);
      meeting.meet();
      if (cpu == 0 && zapped) dontneed<A>(rig.mm(), 0, 1);
      if (cpu == 1) write(1);
      if (cpu == 2) static_cast<void>(filemap_write_and_wait<A>(*file));
      meeting.meet();
      if (cpu == 0) lost += page_cache_check_clean(*file);
    }
    unuse_mm<A>();
  });
  rig.on(0, [&] { put_file(*file); });
  return lost;
}

}  // namespace tlblab::inline TLBLAB_WORLD
