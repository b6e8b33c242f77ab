// SPDX-License-Identifier: GPL-2.0-or-later
// A CPU begins a new version of contexts while another one, whose number is carried over, takes a page
// away: the page has to be gone from its own TLB.
#include "arch/sparc64/sparc64.h"
#include "harness/instances/backends.h"
#include "tests/arch/searched_mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

// The numbers of tiny_tlb are all taken, and one more address space wants one.
class Wrap {
 public:
  void setup(mm_struct& mm) {
    others_.clear();  // those of an execution that was given up are gone with its memory
    for (unsigned n = 1; n < tiny_tlb.asids - 1; ++n) {
      others_.push_back(mm_alloc<A>(3));
      use_mm<A>(*others_.back());
    }
    others_.push_back(mm_alloc<A>(3));
    use_mm<A>(mm);
    map<A>(mm, 0, 1);
    fill<A>(mm, 0, 1);
  }
  void race(mm_struct& mm, unsigned cpu) {
    if (cpu == 0)
      use_mm<A>(*others_.back());
    else
      called_ = user_touch<A>(mm, page_at(0), Access::read) == AccessResult::done &&
                dontneed<A>(mm, 0, 1) == 0;
  }
  std::string check() {
    bool held = false;
    sparc64::mmu_of(1).tlb.for_each(page_at(0), page_at(1),
                                    [&](const hw::TlbView&) { held = true; });
    for (mm_struct* mm : others_) mmput<A>(*mm);
    return !called_ ? "the call failed" : held ? "stale entry" : "";
  }

 private:
  std::vector<mm_struct*> others_;
  bool called_ = false;
};

SearchedMm searched() {
  Wrap wrap;
  return search_mm(
      MemoryModel::tso, 2, 20'000, [&](mm_struct& mm) { wrap.setup(mm); },
      [&](mm_struct& mm, unsigned cpu) { wrap.race(mm, cpu); },
      [&](mm_struct&) { return wrap.check(); });
}

TEST(Sparc64Wrap, ARunningContextIsFlushedMeanwhile) {
  choose_backend("sparc64");
  const SearchedMm result = searched();
  choose_backend("x86");
  EXPECT_TRUE(result.complete);
  EXPECT_GT(result.executions, 2U);
  EXPECT_EQ(result.lost, 0U);
  EXPECT_EQ(result.violations, (std::map<std::string, std::uint64_t>{}));
}

TEST(Sparc64Wrap, WhoAsksForTheVersionFirstKeepsIt) {
  choose_backend("sparc64+flush-if-valid");
  const SearchedMm result = searched();
  choose_backend("x86");
  EXPECT_TRUE(result.violations.contains("stale entry"));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
