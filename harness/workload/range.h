// SPDX-License-Identifier: GPL-2.0-or-later
// Page-aligned address ranges made of what a recording says, which may be anything: nothing here
// overflows.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mm/types.h"

namespace tlblab {

// The end of what a program can map with four levels of tables; with five it has to ask for more.
inline constexpr vaddr_t user_end = (vaddr_t{1} << 47) - page_size;

// Below this the kernel maps nothing (vm.mmap_min_addr); an access there is a null pointer.
inline constexpr vaddr_t user_begin = vaddr_t{1} << 16;

struct Range {
  vaddr_t begin = 0;
  vaddr_t end = 0;

  [[nodiscard]] constexpr bool empty() const noexcept { return begin >= end; }
  [[nodiscard]] constexpr std::uint64_t pages() const noexcept {
    return empty() ? 0 : (end - begin) / page_size;
  }
  [[nodiscard]] constexpr bool contains(vaddr_t address) const noexcept {
    return begin <= address && address < end;
  }
  friend constexpr bool operator==(const Range&, const Range&) noexcept = default;
};

[[nodiscard]] constexpr vaddr_t page_down(vaddr_t address) noexcept { return address & page_mask; }
// Cut at the end of what a program can map.
[[nodiscard]] constexpr vaddr_t page_up(vaddr_t address) noexcept {
  return (std::min(address, user_end) + page_size - 1) & page_mask;
}

// The pages that [begin, end) touches, cut at the end of what a program can map.
[[nodiscard]] constexpr Range pages_between(vaddr_t begin, vaddr_t end) noexcept {
  return {std::min(page_down(begin), user_end), std::min(page_up(end), user_end)};
}
[[nodiscard]] constexpr Range pages_of(vaddr_t address, std::uint64_t length) noexcept {
  return pages_between(address, length > ~address ? ~vaddr_t{0} : address + length);
}
// At most so many pages of the range, from its begin.
[[nodiscard]] constexpr Range first_pages(Range range, std::uint64_t count) noexcept {
  return count < range.pages() ? Range{range.begin, range.begin + count * page_size} : range;
}
[[nodiscard]] constexpr Range page_of(vaddr_t address) noexcept {
  return pages_of(page_down(address), page_size);
}

}  // namespace tlblab
