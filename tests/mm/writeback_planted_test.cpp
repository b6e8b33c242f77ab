// SPDX-License-Identifier: GPL-2.0-or-later
// What keeps write-back from losing stores, taken away: some schedule must lose one.
#include "harness/instances/mm_entry.h"
#include "tests/mm/backends.h"
#include "tests/mm/writeback_race.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

template <class A>
class WriteBackPlanted : public testing::Test {
 protected:
  // Nothing to take away where clearing an entry invalidates it.
  void SetUp() override {
    if (A::features.no_gather) GTEST_SKIP() << A::name << " invalidates before the lock is dropped";
  }
};
TYPED_TEST_SUITE(WriteBackPlanted, Backends);

constexpr unsigned schedules = 4000;

// Commit 5df397dec7c4: the mapcount goes down before the flush, so write-back takes the page for
// one that nobody maps.
TYPED_TEST(WriteBackPlanted, WithoutDelayedRmapAStoreIsLost) {
  std::uint64_t lost = 0;
  each_trial(3, schedules, [&](const MachineOptions& options) {
    if (lost == 0)
      lost = lost_stores<TypeParam>(options, true, {.delayed_rmap = DelayedRmap::in_lock});
  });
  EXPECT_GT(lost, 0U);
}

// page_mkclean changes the entry and leaves the translations.
template <class A>
struct cleans_without_flush : A {
  static pte_t ptep_clear_flush(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
    return A::ptep_get_and_clear(mm, va, word, false);
  }
};
TYPED_TEST(WriteBackPlanted, WithoutTheFlushOfMkcleanAStoreIsLost) {
  if (flushes_with_entries()) GTEST_SKIP() << "clearing has flushed";
  std::uint64_t lost = 0;
  each_trial(3, schedules, [&](const MachineOptions& options) {
    if (lost == 0) lost = lost_stores<cleans_without_flush<TypeParam>>(options, false);
  });
  // There it is the change of the entry that flushes.
  if (std::string_view(TypeParam::name) == "sparc64")
    EXPECT_EQ(lost, 0U);
  else
    EXPECT_GT(lost, 0U);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
