// SPDX-License-Identifier: GPL-2.0-or-later
// MADV_REMOVE and MADV_WILLNEED. Kernel file: madvise.c. Both drop mmap_lock while they work for a
// file: the file's own lock order stands above mmap_lock there.
#pragma once

#include "mm/madvise_lru.tcc"
#include "mm/rmap.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// act(first, nr) with the pages of the file that the part of the area shows; mmap_lock dropped.
template <class Act>
std::int64_t for_file_pages(
    mm_struct& mm, const vm_area_struct& vma, vaddr_t start, vaddr_t end, Act act) noexcept {
  address_space& file = *vma.vm_file;
  const std::uint64_t first = linear_page_index(vma, start);
  get_file(file);
  mm.mmap_lock.up_read();
  const std::int64_t result = act(file, first, (end - start) >> page_shift);
  put_file(file);
  mm.mmap_lock.down_read();
  return result;
}

template <ArchBackend A>
std::int64_t remove_area(mm_struct& mm,
                         const vm_area_struct& vma,
                         vaddr_t start,
                         vaddr_t end) noexcept {
  if ((vma.vm_flags & VM_LOCKED) != 0 || vma.vm_file == nullptr) return -EINVAL;
  if (is_cow_mapping(vma)) return -EACCES;
  if ((vma.vm_flags & VM_PFNMAP) != 0) return -ENODEV;  // a device has no holes
  return for_file_pages(mm, vma, start, end,
                        [](address_space& file, std::uint64_t first, std::uint64_t nr) {
                          file_punch_hole<A>(file, first, nr);
                          return 0;
                        });
}

// Anonymous memory: what is in swap would be read; shared memory likewise.
inline std::int64_t willneed_area(mm_struct& mm,
                                  const vm_area_struct& vma,
                                  vaddr_t start,
                                  vaddr_t end) noexcept {
  if (vma.vm_file == nullptr || vma.vm_file->made_as.kind != FileKind::disk) return 0;
  return for_file_pages(mm, vma, start, end,
                        [](address_space& file, std::uint64_t first, std::uint64_t nr) {
                          read_ahead(file, first, nr);
                          return 0;
                        });
}

}  // namespace detail

template <ArchBackend A>
std::int64_t do_madvise_remove(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  return detail::madvise_call(mm, start, length, MmCall::madvise_remove,
                              [&](detail::call_range at) {
                                return detail::madvise_walk_vmas(
                                    mm, at, [&](vm_area_struct& vma, vaddr_t from, vaddr_t end) {
                                      return detail::remove_area<A>(mm, vma, from, end);
                                    });
                              });
}

template <ArchBackend A>
std::int64_t do_madvise_willneed(mm_struct& mm, vaddr_t start, std::uint64_t length) noexcept {
  detail::call_range range{};
  if (const std::int64_t error = detail::check_advice(start, length, range)) return error;
  mm.mmap_lock.down_read();
  const std::int64_t result =
      detail::madvise_walk_vmas(mm, range, [&](vm_area_struct& vma, vaddr_t from, vaddr_t end) {
        return detail::willneed_area(mm, vma, from, end);
      });
  mm.mmap_lock.up_read();
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
