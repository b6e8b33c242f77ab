// SPDX-License-Identifier: GPL-2.0-or-later
// Advice but for DONTNEED and the advice on files, and mlock: states of pages, errors, what fork,
// mprotect and mremap make of it.
#include <cerrno>

#include "harness/instances/mm_entry.h"
#include "tests/mm/backends.h"
#include "tests/mm/file_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
class Madvise : public testing::Test {
 protected:
  static std::int64_t free(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
    return do_madvise_free<A>(mm, page_at(page), pages * page_size);
  }
  static std::int64_t cold(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
    return do_madvise_cold<A>(mm, page_at(page), pages * page_size);
  }
  static std::int64_t guard(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
    return do_madvise_guard<A>(mm, page_at(page), pages * page_size, true);
  }
  static std::int64_t unguard(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
    return do_madvise_guard<A>(mm, page_at(page), pages * page_size, false);
  }
  static std::int64_t populate(mm_struct& mm, std::uint64_t page, std::uint64_t pages, bool write) {
    return do_madvise_populate<A>(mm, page_at(page), pages * page_size, write);
  }
  static std::int64_t lock(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
    return do_mlock<A>(mm, page_at(page), pages * page_size);
  }
  static std::int64_t unlock(mm_struct& mm, std::uint64_t page, std::uint64_t pages) {
    return do_munlock<A>(mm, page_at(page), pages * page_size);
  }
  static page* page_of(mm_struct& mm, std::uint64_t page) {
    return pfn_to_page(A::pte_pfn(pte_of<A>(mm, page)));
  }
  static AccessResult read(mm_struct& mm, std::uint64_t page) {
    return user_touch<A>(mm, page_at(page), Access::read);
  }
};
TYPED_TEST_SUITE(Madvise, Backends);

// ---- FREE ---------------------------------------------------------------------------------------

TYPED_TEST(Madvise, FreeMakesPagesCleanAndLazy) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 8);
    fill<TypeParam>(rig.mm(), 2, 3);
    EXPECT_TRUE(page_test(this->page_of(rig.mm(), 2), PG_swapbacked));
    rig.flushes();
    EXPECT_EQ(this->free(rig.mm(), 0, 8), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(3)));
    for (std::uint64_t n = 2; n < 5; ++n) {
      const pte_t pte = pte_of<TypeParam>(rig.mm(), n);
      EXPECT_TRUE(TypeParam::pte_present(pte) && TypeParam::pte_write(pte));
      EXPECT_FALSE(TypeParam::pte_dirty(pte) || TypeParam::pte_young(pte));
      EXPECT_FALSE(page_test(this->page_of(rig.mm(), n), PG_swapbacked));
    }
    EXPECT_EQ(this->free(rig.mm(), 0, 8), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "nothing is young or dirty any more";
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 3), 2U) << "still there, as long as nobody needs the page";
    EXPECT_EQ(this->free(rig.mm(), 0, 8), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1))) << "the page that was read";
  });
}

TYPED_TEST(Madvise, AWriteAfterFreeMakesThePageDirtyAgain) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 2);
    fill<TypeParam>(rig.mm(), 0, 2);
    this->free(rig.mm(), 0, 2);
    fill<TypeParam>(rig.mm(), 1, 1, 9);
    EXPECT_FALSE(TypeParam::pte_dirty(pte_of<TypeParam>(rig.mm(), 0)));
    EXPECT_TRUE(TypeParam::pte_dirty(pte_of<TypeParam>(rig.mm(), 1)));
  });
}

TYPED_TEST(Madvise, FreeLeavesTheZeroPageAlone) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 2);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 0U);
    rig.flushes();
    EXPECT_EQ(this->free(rig.mm(), 0, 2), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

TYPED_TEST(Madvise, FreeIsForUnlockedAnonymousMemory) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = memfd(4);
    map<TypeParam>(rig.mm(), 0, 4);
    map_file<TypeParam>(rig.mm(), file, 4, 4, rw);
    map<TypeParam>(rig.mm(), 8, 4);
    fill<TypeParam>(rig.mm(), 0, 4);
    fill<TypeParam>(rig.mm(), 8, 4);
    rig.flushes();
    EXPECT_EQ(this->free(rig.mm(), 4, 4), -EINVAL);
    EXPECT_EQ(this->free(rig.mm(), 2, 10), -EINVAL);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(2))) << "up to the file";
    EXPECT_EQ(this->lock(rig.mm(), 8, 1), 0);
    EXPECT_EQ(this->free(rig.mm(), 8, 2), -EINVAL);
    EXPECT_EQ(this->free(rig.mm(), 9, 9), -ENOMEM);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(3))) << "up to the hole";
    EXPECT_EQ(do_madvise_free<TypeParam>(rig.mm(), page_at(0) + 1, page_size), -EINVAL);
    EXPECT_EQ(this->free(rig.mm(), 100, 0), 0);
    put_file(*file);
  });
}

// ---- COLD ---------------------------------------------------------------------------------------

TYPED_TEST(Madvise, ColdTakesOnlyTheAge) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 8);
    fill<TypeParam>(rig.mm(), 2, 3);
    rig.flushes();
    EXPECT_EQ(this->cold(rig.mm(), 0, 8), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(3)));
    EXPECT_TRUE(TypeParam::pte_dirty(pte_of<TypeParam>(rig.mm(), 2)));
    EXPECT_FALSE(TypeParam::pte_young(pte_of<TypeParam>(rig.mm(), 2)));
    EXPECT_EQ(this->cold(rig.mm(), 0, 8), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

TYPED_TEST(Madvise, ColdLeavesSharedPagesAndLockedAreas) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4);
    fill<TypeParam>(rig.mm(), 0, 4);
    mm_struct* child = dup_mm<TypeParam>(rig.mm());
    rig.flushes();
    EXPECT_EQ(this->cold(rig.mm(), 0, 4), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "the child has them too";
    mmput<TypeParam>(*child);
    EXPECT_EQ(this->lock(rig.mm(), 1, 1), 0);
    rig.flushes();
    EXPECT_EQ(this->cold(rig.mm(), 0, 4), -EINVAL);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1))) << "the area before the locked one";
  });
}

// ---- guards -------------------------------------------------------------------------------------

TYPED_TEST(Madvise, AGuardIsFatalToTouchUntilItIsRemoved) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 8);
    fill<TypeParam>(rig.mm(), 0, 4);
    rig.flushes();
    EXPECT_EQ(this->guard(rig.mm(), 2, 4), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(2))) << "what was there";
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 8), "xxgggg--");
    EXPECT_EQ(this->read(rig.mm(), 2), AccessResult::sigsegv);
    EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(5), 1), AccessResult::sigsegv);
    EXPECT_EQ(dontneed<TypeParam>(rig.mm(), 0, 8), 0);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 8), "--gggg--") << "DONTNEED leaves it";
    rig.flushes();
    EXPECT_EQ(this->guard(rig.mm(), 1, 4), 0);
    EXPECT_EQ(this->unguard(rig.mm(), 3, 5), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 8), "-gg-----");
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 3), 0U);
    EXPECT_EQ(this->read(rig.mm(), 1), AccessResult::sigsegv);
  });
}

TYPED_TEST(Madvise, GuardsSurviveMprotectAndMoveAndFork) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4);
    EXPECT_EQ(this->guard(rig.mm(), 1, 1), 0);
    rig.flushes();
    EXPECT_EQ(protect<TypeParam>(rig.mm(), 0, 4, VM_READ), 0);
    EXPECT_EQ(protect<TypeParam>(rig.mm(), 0, 4, rw), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_EQ(this->read(rig.mm(), 1), AccessResult::sigsegv);
    mm_struct* child = dup_mm<TypeParam>(rig.mm());
    use_mm<TypeParam>(*child);
    EXPECT_EQ(this->read(*child, 1), AccessResult::sigsegv);
    EXPECT_EQ(this->read(*child, 0), AccessResult::done);
    use_mm<TypeParam>(rig.mm());
    mmput<TypeParam>(*child);
    rig.flushes();
    EXPECT_GT(move_to<TypeParam>(rig.mm(), 0, 4, 10), 0);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 10, 4), "-g--");
    EXPECT_EQ(unmap<TypeParam>(rig.mm(), 10, 4), 0);
    map<TypeParam>(rig.mm(), 10, 4);
    EXPECT_EQ(this->read(rig.mm(), 11), AccessResult::done) << "went with its area";
  });
}

TYPED_TEST(Madvise, GuardsOverSeveralTablesAndInFiles) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = memfd(8);
    map<TypeParam>(rig.mm(), 0, 1024);
    EXPECT_EQ(this->guard(rig.mm(), 510, 4), 0);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 509, 6), "-gggg-");
    EXPECT_EQ(dontneed<TypeParam>(rig.mm(), 0, 1024), 0);
    EXPECT_EQ(this->read(rig.mm(), 513), AccessResult::sigsegv) << "a table with guards stays";
    map_file<TypeParam>(rig.mm(), file, 2000, 8);
    peek<TypeParam>(rig.mm(), 2000);
    EXPECT_EQ(this->guard(rig.mm(), 2002, 1), 0);
    EXPECT_EQ(this->read(rig.mm(), 2002), AccessResult::sigsegv);
    peek<TypeParam>(rig.mm(), 2000);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 2000, 8), "xxgxxxxx") << "no fault-around over it";
    put_file(*file);
  });
}

TYPED_TEST(Madvise, GuardErrors) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4);
    EXPECT_EQ(this->guard(rig.mm(), 2, 4), -ENOMEM);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 4), "--gg");
    EXPECT_EQ(this->populate(rig.mm(), 0, 4, false), -EFAULT);
    EXPECT_EQ(this->unguard(rig.mm(), 0, 8), -ENOMEM);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 2, 2), "--");
    EXPECT_EQ(this->lock(rig.mm(), 0, 1), 0);
    EXPECT_EQ(this->guard(rig.mm(), 0, 1), -EINVAL);
    EXPECT_EQ(this->unguard(rig.mm(), 0, 1), 0);
  });
}

TYPED_TEST(Madvise, AGuardNeedsATable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4);
    rig.allocations.fail(AllocSite::page_table, 2);
    EXPECT_EQ(this->guard(rig.mm(), 0, 4), -ENOMEM);
    rig.allocations.fail_none();
    EXPECT_EQ(this->guard(rig.mm(), 0, 4), 0);
  });
}

// Installing zaps and tries again; meanwhile others touch the pages.
TYPED_TEST(Madvise, GuardsAreInstalledUnderFire) {
  each_trial(3, 60, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) map<TypeParam>(rig.mm(), 0, 2);
      meeting.meet();
      if (cpu == 0) {
        EXPECT_EQ(do_madvise_guard<TypeParam>(rig.mm(), page_at(0), 2 * page_size, true), 0);
      } else {
        for (std::uint64_t n = 0; n < 2; ++n)
          user_touch<TypeParam>(rig.mm(), page_at((n + cpu) % 2), Access::write);
      }
      meeting.meet();
      for (std::uint64_t n = 0; n < 2; ++n)
        EXPECT_EQ(user_touch<TypeParam>(rig.mm(), page_at(n), Access::read), AccessResult::sigsegv);
      unuse_mm<TypeParam>();
    });
    EXPECT_EQ(rig.mm().rss.load(order::relaxed), 0);
  });
}

// ---- populate, mlock ----------------------------------------------------------------------------

TYPED_TEST(Madvise, PopulateFaultsIn) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 8);
    EXPECT_EQ(this->populate(rig.mm(), 1, 2, false), 0);
    EXPECT_EQ(this->page_of(rig.mm(), 1), zero_page());
    EXPECT_EQ(this->populate(rig.mm(), 2, 2, true), 0);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 5), "-xxx-");
    EXPECT_TRUE(TypeParam::pte_write(pte_of<TypeParam>(rig.mm(), 2)));
    EXPECT_EQ(this->populate(rig.mm(), 6, 4, true), -ENOMEM);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 6, 2), "xx");
    protect<TypeParam>(rig.mm(), 0, 1, VM_READ);
    EXPECT_EQ(this->populate(rig.mm(), 0, 1, true), -EINVAL);
    EXPECT_EQ(this->populate(rig.mm(), 0, 1, false), 0);
    protect<TypeParam>(rig.mm(), 4, 1, 0);
    EXPECT_EQ(this->populate(rig.mm(), 4, 1, false), -EINVAL);
  });
}

TYPED_TEST(Madvise, PopulateOfAFileMakesItDirtyOnlyForWriting) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(4);
    map_file<TypeParam>(rig.mm(), file, 0, 8);
    EXPECT_EQ(this->populate(rig.mm(), 0, 4, false), 0);
    EXPECT_FALSE(is_dirty(*file, 1));
    EXPECT_EQ(this->populate(rig.mm(), 1, 1, true), 0);
    EXPECT_TRUE(is_dirty(*file, 1));
    EXPECT_EQ(this->populate(rig.mm(), 3, 2, false), -EFAULT) << "beyond the end";
    put_file(*file);
  });
}

TYPED_TEST(Madvise, MmapPopulates) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    const auto at = [](std::uint64_t page, std::uint32_t flags, address_space* file) {
      return mmap_request{.address = page_at(page),
                          .length = 4 * page_size,
                          .flags = flags,
                          .fixed = true,
                          .file = file,
                          .populate = true};
    };
    address_space* file = disk_file(2);
    EXPECT_GT(do_mmap<TypeParam>(rig.mm(), at(0, rw, nullptr)), 0);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 5), "xxxx-");
    EXPECT_NE(this->page_of(rig.mm(), 0), zero_page());
    EXPECT_GT(do_mmap<TypeParam>(rig.mm(), at(10, VM_READ, nullptr)), 0);
    EXPECT_EQ(this->page_of(rig.mm(), 10), zero_page());
    EXPECT_GT(do_mmap<TypeParam>(rig.mm(), at(20, rw_shared, file)), 0) << "errors do not count";
    EXPECT_EQ(present<TypeParam>(rig.mm(), 20, 4), "xx--");
    EXPECT_FALSE(is_dirty(*file, 0));
    EXPECT_GT(do_mmap<TypeParam>(rig.mm(), at(30, 0, nullptr)), 0);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 30, 4), "----");
    put_file(*file);
  });
}

TYPED_TEST(Madvise, MlockFaultsInAndKeepsOthersOut) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 8);
    rig.flushes();
    EXPECT_EQ(do_mlock<TypeParam>(rig.mm(), page_at(2) + 100, page_size), 0) << "two pages";
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 8), "--xx----");
    EXPECT_EQ(dontneed<TypeParam>(rig.mm(), 0, 8), -EINVAL);
    EXPECT_EQ(do_madvise_dontneed<TypeParam>(rig.mm(), page_at(3), page_size, true), 0);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 8), "--x-----");
    rig.flushes();
    mm_struct* child = dup_mm<TypeParam>(rig.mm());
    EXPECT_EQ(dontneed<TypeParam>(*child, 2, 1), 0) << "a child's memory is not locked";
    mmput<TypeParam>(*child);
    rig.flushes();
    EXPECT_EQ(this->unlock(rig.mm(), 0, 8), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_EQ(dontneed<TypeParam>(rig.mm(), 0, 8), 0);
    EXPECT_EQ(rig.mm().vmas.size(), 1U);
  });
}

TYPED_TEST(Madvise, MlockErrors) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4);
    EXPECT_EQ(this->lock(rig.mm(), 2, 4), -ENOMEM);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 4), "----") << "a hole: nothing is faulted in";
    EXPECT_EQ(this->lock(rig.mm(), 10, 1), -ENOMEM);
    EXPECT_EQ(this->lock(rig.mm(), 10, 0), 0);
    EXPECT_EQ(do_mlock<TypeParam>(rig.mm(), page_at(0), ~0ULL - page_at(0) - 1), -EINVAL);
    protect<TypeParam>(rig.mm(), 0, 1, 0);
    EXPECT_EQ(this->lock(rig.mm(), 0, 1), -ENOMEM);
    map<TypeParam>(rig.mm(), 10, 1);
    rig.allocations.fail(AllocSite::user_page, 1);
    EXPECT_EQ(this->lock(rig.mm(), 10, 1), -EAGAIN);
    rig.allocations.fail_none();
    EXPECT_EQ(this->unlock(rig.mm(), 0, 20), -ENOMEM);
  });
}

TYPED_TEST(Madvise, FlagsKnowWhatTheyAreFor) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    const auto advise = [&](std::uint64_t page, std::uint32_t set) {
      return do_madvise_flags<TypeParam>(rig.mm(), page_at(page), page_size, set, 0);
    };
    address_space* file = memfd(1);
    map<TypeParam>(rig.mm(), 0, 1);
    map_file<TypeParam>(rig.mm(), file, 1, 1);
    put_file(*file);
    EXPECT_EQ(advise(0, VM_WIPEONFORK), 0);
    EXPECT_EQ(advise(1, VM_WIPEONFORK), -EINVAL);
    EXPECT_EQ(advise(1, VM_MERGEABLE), 0);
    EXPECT_EQ(vma_lookup(rig.mm(), page_at(1))->vm_flags & VM_MERGEABLE, 0U);
    EXPECT_EQ(advise(0, VM_SEQ_READ), 0);
    EXPECT_EQ(advise(2, VM_SEQ_READ), -ENOMEM);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
