// SPDX-License-Identifier: GPL-2.0-or-later
// What is known of each page of an address space, in blocks of 2 MiB, so that a range is dropped or
// moved in steps of what it holds and not of its length: programs reserve gigabytes and touch
// little of them.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "harness/workload/range.h"

namespace tlblab {

enum class PageState : std::uint8_t {
  absent,   // no fault has brought it in, as far as the recording tells
  written,  // D: written, or populated for writing
  zero,     // Z: only read: the zero page
  other,    // F: of a file, or in a state that does not follow from the recording
};

class PageStates {
 public:
  [[nodiscard]] PageState at(vaddr_t address) const;
  void set(vaddr_t address, PageState state);
  void erase(Range range);
  // Every page of the range in state `from` becomes `to`.
  void change(Range range, PageState from, PageState to);
  // Pages of the range are afterwards `distance` bytes further up (modulo 2^64) and no longer here.
  // REQUIRES: nothing is known of where they go; `distance` is a multiple of the page size.
  void move(Range range, vaddr_t distance);

 private:
  static constexpr unsigned block_shift = 21;
  static constexpr std::size_t block_pages = 512;
  using Block = std::array<PageState, block_pages>;

  template <class Visit>
  void visit(Range range, Visit visit);

  std::map<vaddr_t, Block> blocks_;  // by address >> block_shift
};

}  // namespace tlblab
