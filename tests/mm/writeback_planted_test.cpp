// SPDX-License-Identifier: GPL-2.0-or-later
// What keeps write-back from losing stores, taken away: some schedule must lose one.
#include "harness/instances/mm_entry.h"
#include "tests/mm/backends.h"
#include "tests/mm/writeback_race.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

template <class A>
class WriteBackPlanted : public testing::Test {};
TYPED_TEST_SUITE(WriteBackPlanted, Backends);

constexpr unsigned schedules = 400;

// Commit 5df397dec7c4: the mapcount goes down before the flush, so write-back takes the page for
// one that nobody maps.
TYPED_TEST(WriteBackPlanted, WithoutDelayedRmapAStoreIsLost) {
  std::uint64_t lost = 0;
  each_trial(3, schedules, [&](const MachineOptions& options) {
    if (lost == 0) lost = lost_stores<TypeParam>(options, true, {.delayed_rmap = false});
  });
  EXPECT_GT(lost, 0U);
}

// page_mkclean changes the entry and leaves the translations.
template <class A>
struct cleans_without_flush : A {
  static void flush_tlb_page(mm_struct&, vaddr_t) noexcept {}
};
TYPED_TEST(WriteBackPlanted, WithoutTheFlushOfMkcleanAStoreIsLost) {
  std::uint64_t lost = 0;
  each_trial(3, schedules, [&](const MachineOptions& options) {
    if (lost == 0) lost = lost_stores<cleans_without_flush<TypeParam>>(options, false);
  });
  EXPECT_GT(lost, 0U);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
