// SPDX-License-Identifier: GPL-2.0-or-later
// When does a flush read the ASID (D29)? CPU 0 takes a page away from an mm that it does not run, as reclaim does.
// Meanwhile CPU 1 uses up the last ASID, so that the mm gets another one there, and walks.
#include "arch/arm/arm.h"
#include "arch/chosen.h"
#include "arch/generic/software_walk.h"
#include "tests/arch/searched_mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;
constexpr std::uint64_t x = 0;
constexpr unsigned others = 6;  // ASIDs of tiny_tlb, all of them with mm's; the last has none yet

mm_struct* other[others];
pte_t pte_of_x;

generic::table_slot slot_of_x(mm_struct& mm) { return generic::find_slot<arm>(mm.pgd, page_at(x)); }

void take_all_asids(mm_struct& mm) {
  map<A>(mm, x, 1);
  static_cast<void>(user_write<A>(mm, page_at(x), 1));
  for (mm_struct*& one : other) one = mm_alloc<A>(3);
  for (unsigned n = 0; n + 1 < others; ++n) use_mm<A>(*other[n]);
  use_mm<A>(*other[0]);
}

void reclaim_beside_rollover(mm_struct& mm, unsigned cpu) {
  if (cpu == 0) {
    pte_of_x = arm::ptep_get_and_clear(mm, page_at(x), slot_of_x(mm).word(), false);
    arm::flush_tlb_page(mm, page_at(x));
    return;
  }
  use_mm<A>(*other[1]);           // leaves the mm
  use_mm<A>(*other[others - 1]);  // a new generation, and the mm's number is gone
  use_mm<A>(mm);
  const access_window_of<arm> window;
  static_cast<void>(arm::translate(page_at(x), Access::read));
}

std::string stale_entry(mm_struct& mm) {
  bool held = false;
  const pfn_t pfn = arm::pte_pfn(pte_of_x);
  arm::mmu_of(1).tlb.for_each(page_at(x), page_at(x) + 1, [&](const hw::TlbView& view) {
    held = held || view.data.frame->pfn == pfn;
  });
  slot_of_x(mm).word().store(pte_of_x.val, order::relaxed);  // so that the page goes with the mm
  for (mm_struct* one : other) mmput<A>(*one);
  return held ? "stale entry" : "";
}

SearchedMm searched(std::string_view option) {
  chosen_arch::choose<arm>();
  EXPECT_TRUE(arm::set_option(option));
  const SearchedMm result = search_mm(MemoryModel::weak, 2, 200'000, take_all_asids,
                                      reclaim_beside_rollover, stale_entry);
  static_cast<void>(arm::set_option(""));
  return result;
}

TEST(ArmAsidOrder, ReadBehindTheDsbItIsTheOneInUse) {
  const SearchedMm result = searched("");
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(result.lost, 0U);
  EXPECT_GT(result.executions, 2U);
  EXPECT_THAT(result.violations, testing::IsEmpty());
}

TEST(ArmAsidOrder, ReadBeforeItAnEntryOutlivesItsFlush) {
  const SearchedMm result = searched("asid-before-dsb");
  EXPECT_TRUE(result.complete);
  EXPECT_THAT(result.violations, testing::ElementsAre(testing::Key("stale entry")));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
