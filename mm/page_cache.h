// SPDX-License-Identifier: GPL-2.0-or-later
// What a mapping shows that is not private anonymous memory: a file, or shared anonymous memory,
// which is a file without a name. Pages by index, each with one reference of the cache's own.
// Kernel files: filemap.c, shmem.c as far as page faults go.
#pragma once

#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

// A new, empty file with one reference; null: no memory.
[[nodiscard]] address_space* file_create() noexcept;
void get_file(address_space& file) noexcept;
// With the last reference its pages leave the cache.
void put_file(address_space& file) noexcept;

// The page at this index, made (zeroed) if the file has none there yet, with a reference for the
// caller; null: no memory.
[[nodiscard]] page* file_get_page(address_space& file, std::uint64_t index) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
