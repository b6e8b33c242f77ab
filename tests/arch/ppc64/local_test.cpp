// SPDX-License-Identifier: GPL-2.0-or-later
// A CPU alone on an mm takes a page away with tlbiel, while another one begins to run the mm: it has
// to be counted, or not to find the copy.
#include "harness/instances/backends.h"
#include "tests/arch/searched_mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

class LateCpu {
 public:
  // other_ is known to CPU 0 alone.
  void setup() {
    other_ = mm_alloc<A>(3);
    use_mm<A>(*other_);
    map<A>(*other_, 0, 1);
    fill<A>(*other_, 0, 1);
  }
  void race(unsigned cpu) {
    if (cpu == 0) {
      dontneed<A>(*other_, 0, 1);
      return;
    }
    use_mm<A>(*other_);
    const access_window_of<A> window;
    first_ = A::translate(page_at(0), Access::read).host != nullptr;  // hardware alone
  }
  std::string check() {
    bool held = false;
    A::mmu_of(1).tlb.for_each(page_at(0), page_at(1), [&](const hw::TlbView&) { held = true; });
    found_early = found_early || first_;
    mmput<A>(*other_);
    return held ? "stale entry" : "";
  }
  bool found_early = false;

 private:
  mm_struct* other_ = nullptr;
  bool first_ = false;
};

SearchedMm searched(LateCpu& late) {
  return search_mm(
      MemoryModel::weak, 2, 100'000, [&](mm_struct&) { late.setup(); },
      [&](mm_struct&, unsigned cpu) { late.race(cpu); }, [&](mm_struct&) { return late.check(); });
}

TEST(Ppc64Local, TheLateCpuIsCountedOrFindsNothing) {
  choose_backend("ppc64_hash");
  LateCpu late;
  const SearchedMm result = searched(late);
  choose_backend("x86");
  EXPECT_TRUE(result.complete);
  EXPECT_GT(result.executions, 2U);
  EXPECT_TRUE(late.found_early) << "or nothing was tested";
  EXPECT_EQ(result.lost, 0U);
  EXPECT_EQ(result.violations, (std::map<std::string, std::uint64_t>{}));
}

TEST(Ppc64Local, WhoDecidesFirstMissesIt) {
  choose_backend("ppc64_hash+early-local");
  LateCpu late;
  const SearchedMm result = searched(late);
  choose_backend("x86");
  EXPECT_TRUE(result.violations.contains("stale entry"));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
