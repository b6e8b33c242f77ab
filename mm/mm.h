// SPDX-License-Identifier: GPL-2.0-or-later
// Address spaces as a program sees them: its calls, its accesses (access.h), their life. What the harness is
// written against. Kernel files: mmap.c, mprotect.c, mremap.c, madvise.c, fork.c, fault.c.
//
// Calls return 0 (or an address), or -errno. All take mmap_lock themselves.
#pragma once

#include "mm/access.h"

namespace tlblab::inline TLBLAB_WORLD {

// ---- life ---------------------------------------------------------------------------------------

// An empty address space with tables of the given top level (3: four levels, 4: five); null: no
// memory.
template <ArchBackend A>
[[nodiscard]] mm_struct* mm_alloc(unsigned top_level) noexcept;
// A copy for a child process; null: no memory. REQUIRES: called on a CPU that runs parent.
template <ArchBackend A>
[[nodiscard]] mm_struct* dup_mm(mm_struct& parent) noexcept;
// Unmaps everything and frees the mm. No thread runs on it any more; CPUs may still have it loaded
// lazily.
template <ArchBackend A>
void mmput(mm_struct& mm) noexcept;

// This CPU runs a program of mm from now on.
template <ArchBackend A>
void use_mm(mm_struct& mm) noexcept;
// This CPU runs none.
template <ArchBackend A>
void unuse_mm() noexcept;

// ---- calls --------------------------------------------------------------------------------------

struct mmap_request {
  vaddr_t address = 0;  // 0: anywhere
  std::uint64_t length = 0;
  std::uint32_t flags = 0;        // vm_flag
  bool fixed = false;             // what is mapped there goes away
  address_space* file = nullptr;  // the caller keeps its reference
  std::uint64_t pgoff = 0;
  bool populate = false;  // every page is mapped when the call returns, if there is memory
};
template <ArchBackend A>
std::int64_t do_mmap(mm_struct& mm, const mmap_request& request) noexcept;
template <ArchBackend A>
std::int64_t do_munmap(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;
// prot: VM_READ, VM_WRITE, VM_EXEC.
template <ArchBackend A>
std::int64_t do_mprotect(mm_struct& mm,
                         vaddr_t start,
                         std::uint64_t length,
                         std::uint32_t prot) noexcept;

// Advice. -EINVAL also where the area is locked (but for locked, which is MADV_DONTNEED_LOCKED).
template <ArchBackend A>
std::int64_t do_madvise_dontneed(mm_struct& mm,
                                 vaddr_t start,
                                 std::uint64_t length,
                                 bool locked = false) noexcept;
// The contents may be thrown away until the next write. Private anonymous memory only.
template <ArchBackend A>
std::int64_t do_madvise_free(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;
template <ArchBackend A>
std::int64_t do_madvise_cold(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;
// Reclaims what can be had of the range (vmscan.h).
template <ArchBackend A>
std::int64_t do_madvise_pageout(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;
// Faults every page in. -EFAULT: one of them is fatal to touch.
template <ArchBackend A>
std::int64_t do_madvise_populate(mm_struct& mm,
                                 vaddr_t start,
                                 std::uint64_t length,
                                 bool write) noexcept;
// Brings pages of files into the cache.
template <ArchBackend A>
std::int64_t do_madvise_willneed(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;
// Punches a hole into the files of shared mappings.
template <ArchBackend A>
std::int64_t do_madvise_remove(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;
// install: what is there goes, and an access is fatal from then on; else such guards go.
template <ArchBackend A>
std::int64_t do_madvise_guard(mm_struct& mm,
                              vaddr_t start,
                              std::uint64_t length,
                              bool install) noexcept;
template <ArchBackend A>
std::int64_t do_madvise_flags(mm_struct& mm,
                              vaddr_t start,
                              std::uint64_t length,
                              std::uint32_t set,
                              std::uint32_t clear) noexcept;

// Locks what lies in the range and faults it in; unlocks it.
template <ArchBackend A>
std::int64_t do_mlock(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;
template <ArchBackend A>
std::int64_t do_munlock(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;

struct mremap_request {
  vaddr_t old_address = 0;
  std::uint64_t old_length = 0, new_length = 0;
  bool may_move = false, fixed = false;
  bool dont_unmap = false;  // the old area stays, empty
  vaddr_t new_address = 0;  // with fixed
};
template <ArchBackend A>
std::int64_t do_mremap(mm_struct& mm, const mremap_request& request) noexcept;
// Returns the break that holds afterwards, as the system call does.
template <ArchBackend A>
vaddr_t do_brk(mm_struct& mm, vaddr_t brk) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
