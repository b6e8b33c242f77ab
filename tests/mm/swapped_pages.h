// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of swap and of reclaim ask of the pages of an mm. Pages are counted from page_at(0).
#pragma once

#include "mm/swap.h"
#include "mm/vmscan.tcc"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

template <class A>
class SwappedPages : public testing::Test {
 protected:
  static std::int64_t out(mm_struct& mm, std::uint64_t at) {
    return swap_out_page<A>(mm, page_at(at));
  }
  static pte_t entry(mm_struct& mm, std::uint64_t at) { return peek_pte<A>(mm, page_at(at)); }
  static bool swapped(mm_struct& mm, std::uint64_t at) { return is_swap_pte<A>(entry(mm, at)); }
  static page* mapped(mm_struct& mm, std::uint64_t at) {
    return pfn_to_page(A::pte_pfn(entry(mm, at)));
  }
  // The child exits; the CPU runs in the parent again.
  static void end(mm_struct& child, mm_struct& parent) {
    use_mm<A>(parent);
    mmput<A>(child);
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
