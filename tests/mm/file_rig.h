// SPDX-License-Identifier: GPL-2.0-or-later
// Files for tests of mm.
#pragma once

#include "mm/page_cache.h"
#include "mm/rmap.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

// What a test file holds before anybody writes it.
constexpr std::uint64_t initial_word(std::uint64_t index, std::size_t word) noexcept {
  return (index + 1) * 1000 + word;
}
inline address_space* disk_file(std::uint64_t pages) {
  address_space* file =
      file_create({.kind = FileKind::disk, .pages = pages, .contents = &initial_word});
  EXPECT_NE(file, nullptr);
  return file;
}
inline address_space* memfd(std::uint64_t pages) {
  address_space* file = file_create({.pages = pages, .contents = &initial_word});
  EXPECT_NE(file, nullptr);
  return file;
}

inline constexpr std::uint32_t rw_shared = rw | VM_SHARED;

// Maps pages [pgoff, pgoff + pages) of the file. The caller keeps its reference.
template <ArchBackend A>
void map_file(mm_struct& mm,
              address_space* file,
              std::uint64_t page,
              std::uint64_t pages,
              std::uint32_t flags = rw_shared,
              std::uint64_t pgoff = 0) {
  ASSERT_EQ(do_mmap<A>(mm, {.address = page_at(page),
                            .length = pages * page_size,
                            .flags = flags,
                            .fixed = true,
                            .file = file,
                            .pgoff = pgoff}),
            static_cast<std::int64_t>(page_at(page)));
}
inline bool is_cached(address_space& file, std::uint64_t index) {
  page* p = find_get_page(file, index);
  if (p != nullptr) put_page(p);
  return p != nullptr;
}
inline bool is_dirty(address_space& file, std::uint64_t index) {
  page* p = find_get_page(file, index);
  if (p == nullptr) return false;
  const bool dirty = page_test(p, PG_dirty);
  put_page(p);
  return dirty;
}
template <ArchBackend A>
pte_t pte_of(mm_struct& mm, std::uint64_t page) {
  return peek_pte<A>(mm, page_at(page));
}
// Which of the pages are present, as letters: x present, - not, g a guard or another marker.
template <ArchBackend A>
std::string present(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
  std::string letters;
  for (std::uint64_t n = 0; n < pages; ++n) {
    const pte_t pte = pte_of<A>(mm, page + n);
    letters += A::pte_none(pte) ? '-' : A::pte_present(pte) ? 'x' : 'g';
  }
  return letters;
}

}  // namespace tlblab::inline TLBLAB_WORLD
