// SPDX-License-Identifier: GPL-2.0-or-later
// From an anonymous page to the areas that may map it. Kernel file: rmap.c, its first half.
//
// An area gets an anon_vma with its first anonymous page. fork gives the child's area one of its
// own and links it to all that the parent's area is linked to: a page that parent and child share
// names the parent's, through which both areas are found; a page that the child makes names the
// child's, through which only the child (and its children) are looked at. An area is linked to an
// anon_vma by an anon_vma_chain, which stands in a list of each.
//
// Where in the area. A page keeps the index that its address had in the area when it was put there
// (page::index), and an area keeps its vm_pgoff when it moves: so whoever walks finds the new
// address, and with the move under way the old one.
//
// One lock for a whole family: the rwsem of the root, for reading to walk, for writing to change
// the lists or the borders of a linked area. An anon_vma lives as long as an area is linked to it, a
// root as long as its family; it is given back after a grace period, for who comes from a page.
//
// Locks, from the outside in: mmap_lock, the page lock, i_mmap_rwsem, anon_vma::rwsem, a PTL.
#pragma once

#include "mm/vma.h"

namespace tlblab::inline TLBLAB_WORLD {

// The area has an anon_vma afterwards; false: no memory. REQUIRES: mmap_lock for reading.
[[nodiscard]] bool anon_vma_prepare(vm_area_struct& vma) noexcept;
// Links dst to all that src is linked to. A dst without an anon_vma may get one that lost its own
// area. False: no memory, dst linked to nothing. REQUIRES: mmap_lock of both for writing.
[[nodiscard]] bool anon_vma_clone(vm_area_struct& dst, const vm_area_struct& src) noexcept;
// The same for the child's area, which gets an anon_vma of its own.
[[nodiscard]] bool anon_vma_fork(vm_area_struct& child, const vm_area_struct& parent) noexcept;
// The area is found from no page any more. Before its tables may go.
void unlink_anon_vmas(vm_area_struct& vma) noexcept;

// May two neighbours become one area, as far as this goes? Their pages must be found through it, and
// areas that share pages with a parent stay apart: else every walk visits the whole family.
[[nodiscard]] bool anon_vmas_mergeable(const vm_area_struct& low,
                                       const vm_area_struct& high) noexcept;

// A page becomes the area's, or is so again: it is mapped by nobody else. PTL held, or the page is
// not mapped yet. Kernel: folio_move_anon_rmap.
inline void folio_move_anon_rmap(page* folio, const vm_area_struct& vma) noexcept {
  // Acquire, and the release of the entry that shows the page, hand the anon_vma itself on to who comes
  // from there. Linux has the address dependency.
  folio->anon_vma.store(vma.anon_vma.load(order::acquire), order::relaxed);
}
// A page that nobody maps is to be mapped at va; the first page of a large folio, at its address.
// Not exclusive: its other areas may be anywhere in the family. Kernel: a part of
// folio_add_new_anon_rmap and of folio_add_anon_rmap_ptes.
inline void folio_set_anon(page* folio,
                           const vm_area_struct& vma,
                           vaddr_t va,
                           bool exclusive = true) noexcept {
  struct anon_vma* av = vma.anon_vma.load(order::acquire);
  vm_bug_on(av == nullptr, "anonymous_page_without_anon_vma");
  folio->anon_vma.store(exclusive ? av : av->root, order::relaxed);
  write_once(folio->index, linear_page_index(vma, va));
}

// The family of a mapped anonymous page, with a reference; null: it is mapped no more. Keep the page's
// reference meanwhile.
[[nodiscard]] anon_vma* folio_get_anon_vma(page* p) noexcept;
void put_anon_vma(anon_vma& av) noexcept;
// The family of a mapped anonymous page, locked for reading; null: it is mapped no more. Keep the
// page's reference meanwhile.
[[nodiscard]] anon_vma* folio_lock_anon_vma_read(page* p) noexcept;
void anon_vma_unlock_read(anon_vma& av) noexcept;

// The family of an area for writing, if it has one and it is wanted.
class anon_vma_write_lock {
 public:
  anon_vma_write_lock(const vm_area_struct& vma, bool wanted) noexcept;
  ~anon_vma_write_lock();
  anon_vma_write_lock(const anon_vma_write_lock&) = delete;
  anon_vma_write_lock& operator=(const anon_vma_write_lock&) = delete;

 private:
  anon_vma* root_;
};

// Nobody comes to the area's tables by reverse mapping. Kernel: take_rmap_locks.
class rmap_write_lock {
 public:
  explicit rmap_write_lock(const vm_area_struct& vma, bool wanted = true) noexcept
      : file_(wanted ? vma.vm_file : nullptr), anon_(vma, wanted) {}

 private:
  i_mmap_write_lock file_;
  anon_vma_write_lock anon_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
