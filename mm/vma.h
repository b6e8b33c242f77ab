// SPDX-License-Identifier: GPL-2.0-or-later
// The areas of an address space. Kernel file: vma.c. mmap_lock is held for every function here,
// for writing where the tree or an area changes; areas that change are write-locked here
// (vma_lock.h), but for flags, which callers change after vma_start_write.
#pragma once

#include "mm/page_cache.h"

namespace tlblab::inline TLBLAB_WORLD {

// What a new area is to be.
struct vma_request {
  vaddr_t start = 0, end = 0;
  std::uint32_t flags = 0;
  address_space* file = nullptr;
  std::uint64_t pgoff = 0;  // of anonymous memory: its address's number of pages, unless it moved
};
inline std::uint64_t anon_pgoff(vaddr_t start) noexcept { return start >> page_shift; }

// The first area that ends above va; null if there is none.
[[nodiscard]] vm_area_struct* find_vma(mm_struct& mm, vaddr_t va) noexcept;
// The area that contains va.
[[nodiscard]] vm_area_struct* vma_lookup(mm_struct& mm, vaddr_t va) noexcept;
[[nodiscard]] vm_area_struct* vma_next(mm_struct& mm, vm_area_struct& vma) noexcept;
[[nodiscard]] vm_area_struct* vma_prev(mm_struct& mm, vm_area_struct& vma) noexcept;
[[nodiscard]] inline bool range_is_free(mm_struct& mm, vaddr_t start, vaddr_t end) noexcept {
  const vm_area_struct* vma = find_vma(mm, start);
  return vma == nullptr || vma->vm_start >= end;
}
// Every address of the range lies in some area.
[[nodiscard]] bool range_is_mapped(mm_struct& mm, vaddr_t start, vaddr_t end) noexcept;

// Puts a new area into a free range, joined with its neighbours where they are of the same kind.
// Takes over one reference of request.file, also if it fails. Null: no memory.
[[nodiscard]] vm_area_struct* vma_insert(mm_struct& mm, const vma_request& request) noexcept;
// A copy of the area for a child, not joined with anything: its pages are found by its own borders.
// Null: no memory.
[[nodiscard]] vm_area_struct* vma_dup(mm_struct& child,
                                      const vm_area_struct& vma,
                                      std::uint32_t flags) noexcept;
// A new area for pages of an old one, at a free place; a reference of the file is taken. Null: no
// memory. joined: it has become part of an older area, which a walk by reverse mapping may meet
// before the old one. Kernel: copy_vma.
[[nodiscard]] vm_area_struct* vma_copy(mm_struct& mm,
                                       const vm_area_struct& old,
                                       const vma_request& request,
                                       bool& joined) noexcept;
// Cuts the areas that reach over start or end there. False: no memory, nothing cut at that place.
[[nodiscard]] bool vma_split_at(mm_struct& mm, vaddr_t va) noexcept;
// Joins the area with the one before and the one after, if they are of the same kind now and there is
// memory. Returns the area that is left.
vm_area_struct& vma_merge(mm_struct& mm, vm_area_struct& vma) noexcept;
// Takes the area out of the tree; vma_free gives it back.
void vma_detach(mm_struct& mm, vm_area_struct& vma) noexcept;
// Grows the area by this many bytes at its end; the range is free.
void vma_grow(vm_area_struct& vma, std::uint64_t by) noexcept;
void vma_free(vm_area_struct& vma) noexcept;

// The highest free range of this length below mm.mmap_base; 0: there is none.
[[nodiscard]] vaddr_t get_unmapped_area(mm_struct& mm, std::uint64_t length) noexcept;

// Index of the page that va shows in the area's file.
inline std::uint64_t linear_page_index(const vm_area_struct& vma, vaddr_t va) noexcept {
  return vma.vm_pgoff + ((va - vma.vm_start) >> page_shift);
}
// Changes the flags of an area that is in the tree. A walk by reverse mapping may read them, with
// i_mmap_rwsem only: it must not care for what changes, so VM_SHARED never does. mmap_lock for
// writing, and vma_start_write.
inline void vm_flags_reset(vm_area_struct& vma, std::uint32_t flags) noexcept {
  write_once(vma.vm_flags, flags);
}
inline bool is_cow_mapping(const vm_area_struct& vma) noexcept {
  return (read_once(vma.vm_flags) & VM_SHARED) == 0;
}

// Must the file learn of the first write to a clean page? A disk's; nobody writes shared memory back.
// Kernel: vm_ops has page_mkwrite.
inline bool vma_has_page_mkwrite(const vm_area_struct& vma) noexcept {
  return vma.vm_file != nullptr && vma.vm_file->made_as.kind == FileKind::disk;
}
// Do the marks of single pages count? Else all of the area is taken for written (soft_dirty.h).
inline bool vma_soft_dirty_enabled(const vm_area_struct& vma) noexcept {
  return (vma.vm_flags & VM_SOFTDIRTY) == 0;
}
// Must the first write through a shared mapping fault?
inline bool vma_wants_writenotify(const vm_area_struct& vma) noexcept {
  constexpr std::uint32_t shared_write = VM_SHARED | VM_WRITE;
  return (vma.vm_flags & shared_write) == shared_write &&
         (vma_has_page_mkwrite(vma) || vma_soft_dirty_enabled(vma));
}
// The rights of an entry for a page that is not known to be dirty, as flags of an area.
inline std::uint32_t vm_page_prot(const vm_area_struct& vma) noexcept {
  return vma_wants_writenotify(vma) ? vma.vm_flags & ~VM_SHARED : vma.vm_flags;
}

}  // namespace tlblab::inline TLBLAB_WORLD
