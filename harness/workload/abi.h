// SPDX-License-Identifier: GPL-2.0-or-later
// The numbers of Linux's system call interface that a recording shows. They are here, and not taken
// from the host's headers, because a recording means the machine it was made on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tlblab::abi {

inline constexpr std::uint32_t prot_read = 1, prot_write = 2, prot_exec = 4;

inline constexpr std::uint32_t map_type = 0x0f, map_private = 0x02;
inline constexpr std::uint32_t map_fixed = 0x10, map_anonymous = 0x20;
inline constexpr std::uint32_t map_locked = 0x2000, map_populate = 0x8000, map_nonblock = 0x10000;
inline constexpr std::uint32_t map_hugetlb = 0x40000;

inline constexpr std::uint32_t mremap_maymove = 1, mremap_fixed = 2, mremap_dontunmap = 4;

enum Advice : std::uint32_t {
  madv_willneed = 3,
  madv_dontneed = 4,
  madv_free = 8,
  madv_remove = 9,
  madv_dontfork = 10,
  madv_dofork = 11,
  madv_hugepage = 14,
  madv_dodump = 17,
  madv_wipeonfork = 18,
  madv_keeponfork = 19,
  madv_cold = 20,
  madv_pageout = 21,
  madv_populate_read = 22,
  madv_populate_write = 23,
  madv_dontneed_locked = 24,
  madv_collapse = 25,
  madv_guard_install = 102,
};

// "DONTNEED"; a number if it has no name.
[[nodiscard]] std::string advice_name(std::uint32_t advice);

// A system call's return value that is an error: -4095..-1.
[[nodiscard]] constexpr bool failed(std::int64_t value) noexcept {
  return value < 0 && value > -4096;
}
inline constexpr std::int64_t enomem = 12;

}  // namespace tlblab::abi
