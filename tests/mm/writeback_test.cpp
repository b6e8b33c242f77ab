// SPDX-License-Identifier: GPL-2.0-or-later
// Files under several CPUs: no store is lost, no page is mapped after the file has dropped it.
#include "tests/mm/backends.h"
#include "tests/mm/writeback_race.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

template <class A>
class WriteBack : public testing::Test {};
TYPED_TEST_SUITE(WriteBack, Backends);

TYPED_TEST(WriteBack, LosesNoStoreOfAnotherCpu) {
  each_trial(3, 150, [](const MachineOptions& options) {
    EXPECT_EQ(lost_stores<TypeParam>(options, false), 0U);
  });
}

TYPED_TEST(WriteBack, LosesNoStoreOfAPageThatIsUnmapped) {
  each_trial(3, 300, [](const MachineOptions& options) {
    EXPECT_EQ(lost_stores<TypeParam>(options, true), 0U);
  });
}

// Faults take the page lock, so a page that was dropped is not mapped again.
TYPED_TEST(WriteBack, AHoleIsPunchedUnderFire) {
  each_trial(3, 150, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    address_space* file = nullptr;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) {
        file = disk_file(2);
        map_file<TypeParam>(rig.mm(), file, 0, 2);
      }
      meeting.meet();
      if (cpu == 0) {
        EXPECT_EQ(do_madvise_remove<TypeParam>(rig.mm(), page_at(0), 2 * page_size), 0);
      } else if (cpu == 1) {
        peek<TypeParam>(rig.mm(), 0);
        EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(1), 5), AccessResult::done);
      } else {
        EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
      }
      meeting.meet();
      if (cpu == 0) {
        EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 0U);
        for (std::uint64_t n = 0; n < 2; ++n) {
          page* p = find_get_page(*file, n);
          const pte_t pte = pte_of<TypeParam>(rig.mm(), n);
          if (TypeParam::pte_present(pte)) {
            EXPECT_EQ(pfn_to_page(TypeParam::pte_pfn(pte)), p) << "a page that is not the file's";
          }
          if (p != nullptr) put_page(p);
        }
        EXPECT_EQ(page_cache_check_clean(*file), 0U);
      }
      unuse_mm<TypeParam>();
    });
    rig.on(0, [&] { put_file(*file); });
  });
}

// The walk of a file's areas beside calls that cut, join, move and remove them.
TYPED_TEST(WriteBack, FindsPagesWhereverTheyAre) {
  each_trial(3, 150, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    address_space* file = nullptr;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) {
        file = disk_file(4);
        map_file<TypeParam>(rig.mm(), file, 0, 4);
        fill<TypeParam>(rig.mm(), 0, 4, 1);
      }
      meeting.meet();
      if (cpu == 0) {
        EXPECT_GT(move_to<TypeParam>(rig.mm(), 1, 2, 600), 0);
        protect<TypeParam>(rig.mm(), 601, 1, VM_READ);
        protect<TypeParam>(rig.mm(), 601, 1, rw);
        unmap<TypeParam>(rig.mm(), 600, 1);
      } else if (cpu == 1) {
        for (std::uint64_t n : {3U, 601U})
          static_cast<void>(user_write<TypeParam>(rig.mm(), page_at(n) + 8, 70));
      } else {
        EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
      }
      meeting.meet();
      if (cpu == 0) {
        EXPECT_EQ(page_cache_check_clean(*file), 0U);
        EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
        for (std::uint64_t n : {0U, 3U, 601U})
          EXPECT_FALSE(TypeParam::pte_write(pte_of<TypeParam>(rig.mm(), n))) << "not found";
      }
      unuse_mm<TypeParam>();
    });
    rig.on(0, [&] { put_file(*file); });
  });
}

// Two CPUs at each of the things that want the page lock.
TYPED_TEST(WriteBack, TwoWriteBacksAndTwoFaultsAtOnce) {
  each_trial(4, 100, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    address_space* file = nullptr;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) {
        file = disk_file(1);
        map_file<TypeParam>(rig.mm(), file, 0, 1);
      }
      meeting.meet();
      for (unsigned round = 0; round < trial_rounds; ++round)
        if (cpu < 2) {
          EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
        } else {
          EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(0) + 8 * cpu, round),
                    AccessResult::done);
        }
      meeting.meet();
      if (cpu == 0) {
        EXPECT_EQ(page_cache_check_clean(*file), 0U);
        EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
        EXPECT_EQ(page_cache_check_clean(*file), 0U);
        EXPECT_FALSE(is_dirty(*file, 0));
      }
      unuse_mm<TypeParam>();
    });
    rig.on(0, [&] { put_file(*file); });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
