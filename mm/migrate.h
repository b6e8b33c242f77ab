// SPDX-License-Identifier: GPL-2.0-or-later
// A page of a program moves to another frame. Kernel files: migrate.c, try_to_migrate of rmap.c, and the
// faults of NUMA balancing in memory.c. Bodies: migrate.tcc.
//
// Every entry of the page gives way to one that says "under migration", with its invalidate; then the page
// is copied, and the entries are made again, for the copy. Who faults on such an entry waits for the page
// lock. So nobody may store into the old frame from the invalidate on: a store after the copy is lost.
//
// NUMA balancing learns which CPUs use a page by taking the rights from its entries (PROT_NONE) now and
// then: the next access faults. The kernel asks there whether the page had better be on another node. This
// machine has no distances, so each page that may be moved is.
//
// The entry without rights is made under mmap_lock for reading, and flushed later. A fault on it may so
// come before the flush: to hardware the entry is as good as empty, but another CPU may still write through
// what it has. That is what pte_accessible must know (arch/generic/pte_accessible.h; scenario
// numa-migrate-2013).
//
// Only single anonymous pages that are in no cache are moved.
#pragma once

#include "mm/memory.h"
#include "mm/vmscan.h"

namespace tlblab::inline TLBLAB_WORLD {

enum class MigrateMode : std::uint8_t {
  async,  // flushes may be put together
  sync,
};

// The page, which the caller has isolated and mm shows at va, moves. 0: the caller's reference is the last.
// -EAGAIN: somebody uses it, or has it locked or pinned; -EBUSY: it is of a kind that stays; -ENOMEM.
// REQUIRES: no spinlock.
template <ArchBackend A>
std::int64_t migrate_folio(page* p, MigrateMode mode, mm_struct& mm, vaddr_t va) noexcept;

// Moves the page that mm shows at va, as for move_pages(2) or compaction. Also -ENOENT: no such page, or a
// large one. Takes mmap_lock.
template <ArchBackend A>
std::int64_t migrate_page_at(mm_struct& mm, vaddr_t va) noexcept;

// Takes the rights from the entries of what lies in the range and may be moved, so that the next access
// tells who uses it. Takes mmap_lock. Kernel: task_numa_work, change_prot_numa.
template <ArchBackend A>
std::int64_t do_change_prot_numa(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
