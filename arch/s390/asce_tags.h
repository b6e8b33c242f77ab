// SPDX-License-Identifier: GPL-2.0-or-later
// What tells address spaces apart in the TLB of s390: no number that software gives out, but the ASCE
// itself, the address of the root of the tables. So a root that is freed and taken again names the entries
// of its dead owner, unless they were flushed.
//
// A CPU's TLB has a tag for each of the last few ASCEs that it had loaded. Used inside an access window of
// that CPU, or with its MMU taken.
#pragma once

#include <algorithm>

#include "mm/types.h"

namespace tlblab::inline TLBLAB_WORLD {

class asce_tags {
 public:
  static constexpr unsigned room = 64, usual = 16;
  static constexpr unsigned none = 0;  // nobody's: loaded while there is no address space

  static constexpr unsigned tags(unsigned asked) noexcept {
    return asked == 0 ? usual : std::clamp(asked, 2U, room);
  }
  void init(unsigned asked) noexcept { tags_ = tags(asked); }

  // none: nothing of it can be here.
  [[nodiscard]] unsigned find(pfn_t root) const noexcept {
    for (unsigned tag = none + 1; tag < tags_; ++tag)
      if (roots_[tag] == root) return tag;
    return none;
  }
  struct Taken {
    unsigned tag;
    bool was_another;  // its entries have to go
  };
  [[nodiscard]] Taken take(pfn_t root) noexcept {
    if (const unsigned tag = find(root); tag != none) return {tag, false};
    const unsigned tag = next_;
    next_ = next_ + 1 < tags_ ? next_ + 1 : none + 1;
    roots_[tag] = root;
    return {tag, true};
  }

 private:
  pfn_t roots_[room]{};  // frame 0 is the zero page: no root
  unsigned tags_ = usual;
  unsigned next_ = none + 1;
};

}  // namespace tlblab::inline TLBLAB_WORLD
