// SPDX-License-Identifier: GPL-2.0-or-later
// From a page of a file to the entries that map it. Kernel file: rmap.c. Bodies: rmap.tcc.
//
// A walk goes through the file's areas under i_mmap_rwsem and takes the PTL of each place where the
// page may be: the entry is looked at under it, never before. That is what makes a zap wait-able
// for: until its flush is done it holds that PTL, and until then the page's mapcount says "mapped"
// (delayed rmap, zap.tcc). Fails without it: tests/mm, write-back against zap.
#pragma once

#include "mm/memory.h"

namespace tlblab::inline TLBLAB_WORLD {

// Makes every shared mapping of the page read-only and clean, with its invalidate: from here on a
// write faults. Returns how many entries were not so before. REQUIRES: page lock, no spinlock.
template <ArchBackend A>
unsigned page_mkclean(page* p) noexcept;

// Unmaps pages [first, first + nr) of the file wherever they are mapped, one gather for each area.
// even_cows: private copies too. REQUIRES: no spinlock, no gather open on this CPU.
template <ArchBackend A>
void unmap_mapping_range(address_space& file,
                         std::uint64_t first,
                         std::uint64_t nr,
                         bool even_cows) noexcept;

// Punches a hole: unmaps and drops the pages; whoever looks there again sees zeros. Kernel:
// vfs_fallocate with FALLOC_FL_PUNCH_HOLE. REQUIRES: as above.
template <ArchBackend A>
void file_punch_hole(address_space& file, std::uint64_t first, std::uint64_t nr) noexcept;

// ---- write-back: page-writeback.c ---------------------------------------------------------------

// Takes PG_dirty away, and with it what the mappings know. True: the page was dirty and the caller
// writes it. REQUIRES: page lock.
template <ArchBackend A>
[[nodiscard]] bool folio_clear_dirty_for_io(page* p) noexcept;

// Writes all dirty pages of a disk's file and waits. 0, or -ENOMEM: no room on the disk, some are
// still dirty. REQUIRES: no spinlock.
template <ArchBackend A>
std::int64_t filemap_write_and_wait(address_space& file) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
