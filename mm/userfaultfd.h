// SPDX-License-Identifier: GPL-2.0-or-later
// userfaultfd as far as page tables and TLBs see it. Kernel files: mm/userfaultfd.c,
// fs/userfaultfd.c.
//
// Write protection is asynchronous (UFFD_FEATURE_WP_ASYNC): an entry is marked and made read-only;
// the first write to it takes the mark away and goes on. Where nothing is mapped a marker stands in
// the entry's place. There is no thread that answers missing pages: a fault in an area registered
// for them is served as if UFFDIO_ZEROPAGE had been the answer.
//
// Marks belong to the area: fork, mremap and unregistering leave them behind, mprotect and swap
// carry them along.
#pragma once

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD {

inline constexpr std::uint32_t vm_uffd_flags = VM_UFFD_MISSING | VM_UFFD_WP;

// modes: VM_UFFD_MISSING, VM_UFFD_WP. 0; -EINVAL: a bad range or no area in it, or one that shows
// frames without a count; -ENOMEM. Takes mmap_lock for writing.
template <ArchBackend A>
std::int64_t do_uffd_register(mm_struct& mm,
                              vaddr_t start,
                              std::uint64_t length,
                              std::uint32_t modes) noexcept;
// What was write-protected is writable again. Takes mmap_lock for writing.
template <ArchBackend A>
std::int64_t do_uffd_unregister(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;
// -ENOENT: nothing there, or something that is not registered for VM_UFFD_WP; what comes before it
// is changed. Takes mmap_lock for reading.
template <ArchBackend A>
std::int64_t do_uffd_writeprotect(mm_struct& mm,
                                  vaddr_t start,
                                  std::uint64_t length,
                                  bool on) noexcept;

// Fill what is empty in one registered area, page by page, and stop with the first error: 0;
// -EEXIST: something is there; -ENOENT: no registered area; -EINVAL; -ENOMEM; copy, -EFAULT: the
// source cannot be read. Nothing is flushed. They take mmap_lock for reading.
template <ArchBackend A>
std::int64_t do_uffd_zeropage(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept;
template <ArchBackend A>
std::int64_t do_uffd_copy(mm_struct& mm, vaddr_t to, std::uint64_t length, vaddr_t from) noexcept;
// Moves pages of private anonymous memory that this mm has for itself alone. 0; -EINVAL: areas that
// do not fit; -ENOENT: nothing to move; -EEXIST: something is there; -EBUSY: shared or pinned;
// -EAGAIN: moved in part.
template <ArchBackend A>
std::int64_t do_uffd_move(mm_struct& mm, vaddr_t to, vaddr_t from, std::uint64_t length) noexcept;

// ---- marks ---------------------------------------------------------------------------------------

inline constexpr std::uint32_t without_userfaultfd(std::uint32_t vm_flags) noexcept {
  return vm_flags & ~vm_uffd_flags;
}

// What a marker says; 0: not a marker.
template <ArchBackend A>
std::uint64_t pte_marker_get(pte_t pte) noexcept {
  if (A::pte_none(pte) || A::pte_present(pte)) return 0;
  const swp_entry_t entry = A::pte_swap_entry(pte);
  return entry.type == SwapType::marker ? entry.offset : 0;
}
template <ArchBackend A>
pte_t make_pte_marker(std::uint64_t marker) noexcept {
  return marker == 0 ? pte_t{} : A::mk_swap_pte({SwapType::marker, marker});
}
template <ArchBackend A>
bool pte_marker_uffd_wp(pte_t pte) noexcept {
  return (pte_marker_get<A>(pte) & PTE_MARKER_UFFD_WP) != 0;
}

// The entry without its mark, whatever kind of entry it is.
template <ArchBackend A>
pte_t without_uffd_wp(pte_t pte) noexcept {
  if (A::pte_none(pte)) return pte;
  if (A::pte_present(pte)) return A::pte_clear_uffd_wp(pte);
  const std::uint64_t marker = pte_marker_get<A>(pte);
  return marker == 0 ? A::pte_swp_clear_uffd_wp(pte)
                     : make_pte_marker<A>(marker & ~std::uint64_t{PTE_MARKER_UFFD_WP});
}
// With the mark. A marker that says more stays as it is.
template <ArchBackend A>
pte_t with_uffd_wp(pte_t pte) noexcept {
  if (A::pte_none(pte)) return make_pte_marker<A>(PTE_MARKER_UFFD_WP);
  if (A::pte_present(pte)) return A::pte_mkuffd_wp(pte);
  return pte_marker_get<A>(pte) == 0 ? A::pte_swp_mkuffd_wp(pte) : pte;
}

}  // namespace tlblab::inline TLBLAB_WORLD
