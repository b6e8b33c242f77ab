// SPDX-License-Identifier: GPL-2.0-or-later
// The handler of SuperH changes the PTE without its lock. CPU 0 gives the page back, CPU 1 misses on it.
#include "arch/chosen.h"
#include "arch/generic/software_walk.h"
#include "arch/sh/sh.h"
#include "tests/arch/searched_mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;
constexpr std::uint64_t x = 0;

void map_x(mm_struct& mm) {
  map<A>(mm, x, 1);
  static_cast<void>(user_write<A>(mm, page_at(x), 1));
}
void give_back_beside_a_miss(mm_struct& mm, unsigned cpu) {
  if (cpu == 0)
    dontneed<A>(mm, x, 1);
  else
    static_cast<void>(sh::tlb_miss(mm, page_at(x), Access::read));
}
// Nobody has faulted the page in again.
std::string page_is_back(mm_struct& mm) {
  Atomic<std::uint64_t>& word = generic::find_slot<sh>(mm.pgd, page_at(x)).word();
  const bool back = word.load(order::relaxed) != 0;
  word.store(0, order::relaxed);  // it is not the mm's any more
  sh::flush_tlb_mm(mm);
  return back ? "page is back" : "";
}

SearchedMm searched(std::string_view option) {
  chosen_arch::choose<sh>();
  EXPECT_TRUE(sh::set_option(option));
  const SearchedMm result =
      search_mm(MemoryModel::weak, 2, 200'000, map_x, give_back_beside_a_miss, page_is_back);
  static_cast<void>(sh::set_option(""));
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(result.lost, 0U);
  return result;
}

TEST(ShHandlerStore, ACompareAndSwapBringsNothingBack) {
  const SearchedMm result = searched("");
  EXPECT_GT(result.executions, 2U);
  EXPECT_THAT(result.violations, testing::IsEmpty());
}

TEST(ShHandlerStore, APlainStoreBringsAPageBackThatWasGiven) {
  EXPECT_THAT(searched("plain-store").violations,
              testing::ElementsAre(testing::Key("page is back")));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
