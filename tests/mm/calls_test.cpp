// SPDX-License-Identifier: GPL-2.0-or-later
// mmap, munmap, mprotect, madvise and brk as a program sees them: what is where afterwards, and the
// error of each mistake.
#include <cerrno>

#include "mm/page_cache.h"
#include "mm/vma.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Areas as pairs of first page and number of pages.
using Areas = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
Areas areas(const mm_struct& mm) {
  Areas found;
  for (const vm_area_struct& vma : mm.vmas)
    found.emplace_back((vma.vm_start - test_base) / page_size,
                       (vma.vm_end - vma.vm_start) / page_size);
  return found;
}

template <class A>
class Calls : public testing::Test {
 protected:
  static std::int64_t mmap(mm_struct& mm, vaddr_t va, std::uint64_t length, bool fixed = true) {
    return do_mmap<A>(mm, {.address = va, .length = length, .flags = rw, .fixed = fixed});
  }
};
TYPED_TEST_SUITE(Calls, Backends);

// ---- mmap ---------------------------------------------------------------------------------------

TYPED_TEST(Calls, MmapAnywhereGrowsDownFromTheTop) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    const auto place = [&](std::uint64_t pages) {
      return static_cast<vaddr_t>(this->mmap(mm, 0, pages * page_size, false));
    };
    const vaddr_t first = place(4), second = place(2);
    EXPECT_EQ(first, mm.mmap_base - 4 * page_size);
    EXPECT_EQ(second, first - 2 * page_size);
    EXPECT_EQ(do_munmap<TypeParam>(mm, first, page_size), 0);
    EXPECT_EQ(place(1), first) << "into the hole";
    EXPECT_EQ(this->mmap(mm, 0, mm.task_size, false), -ENOMEM);
  });
}

TYPED_TEST(Calls, MmapRoundsLengthsUp) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    EXPECT_EQ(this->mmap(rig.mm(), page_at(0), 1), static_cast<std::int64_t>(page_at(0)));
    EXPECT_EQ(this->mmap(rig.mm(), page_at(4), page_size + 1),
              static_cast<std::int64_t>(page_at(4)));
    EXPECT_EQ(areas(rig.mm()), (Areas{{0, 1}, {4, 2}}));
  });
}

TYPED_TEST(Calls, MmapMistakes) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    EXPECT_EQ(this->mmap(mm, page_at(0), 0), -EINVAL);
    EXPECT_EQ(this->mmap(mm, page_at(0) + 8, page_size), -EINVAL);
    EXPECT_EQ(this->mmap(mm, page_at(0), ~0ULL), -ENOMEM);
    EXPECT_EQ(this->mmap(mm, mm.task_size, page_size), -ENOMEM);
    EXPECT_EQ(this->mmap(mm, mm.task_size - page_size, 2 * page_size), -ENOMEM);
    EXPECT_THAT(areas(mm), IsEmpty());
    map<TypeParam>(mm, 0, 4);
    EXPECT_EQ(this->mmap(mm, page_at(3), 4 * page_size, false), -EEXIST);
    EXPECT_EQ(areas(mm), (Areas{{0, 4}}));
  });
}

TYPED_TEST(Calls, MmapOverReplacesWhatWasThere) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 10);
    fill<TypeParam>(mm, 0, 10);
    rig.flushes();
    map<TypeParam>(mm, 3, 4);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(4)));
    EXPECT_EQ(peek<TypeParam>(mm, 2), 3U);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 0U);
    EXPECT_EQ(peek<TypeParam>(mm, 6), 0U);
    EXPECT_EQ(peek<TypeParam>(mm, 7), 8U);
    EXPECT_EQ(areas(mm), (Areas{{0, 10}})) << "alike, so one area";
    map<TypeParam>(mm, 5, 20, VM_READ);
    EXPECT_EQ(areas(mm), (Areas{{0, 5}, {5, 20}}));
  });
}

TYPED_TEST(Calls, AreasOfOneKindAreJoined) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    map<TypeParam>(mm, 4, 2);
    EXPECT_EQ(areas(mm), (Areas{{0, 2}, {4, 2}}));
    map<TypeParam>(mm, 2, 2);
    EXPECT_EQ(areas(mm), (Areas{{0, 6}}));
    map<TypeParam>(mm, 6, 2, VM_READ);
    EXPECT_EQ(areas(mm), (Areas{{0, 6}, {6, 2}}));
    protect<TypeParam>(mm, 6, 2, rw);
    EXPECT_EQ(areas(mm), (Areas{{0, 8}}));
  });
}

TYPED_TEST(Calls, AreasOfFilesAreJoinedIfTheyGoOn) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* file = file_create();
    address_space* other = file_create();
    const auto map_file = [&](std::uint64_t page, std::uint64_t pgoff, address_space* from) {
      EXPECT_GT(do_mmap<TypeParam>(mm, {.address = page_at(page),
                                        .length = 2 * page_size,
                                        .flags = rw | VM_SHARED,
                                        .fixed = true,
                                        .file = from,
                                        .pgoff = pgoff}),
                0);
    };
    map_file(0, 10, file);
    map_file(2, 12, file);
    map_file(4, 12, file);
    map_file(6, 14, other);
    EXPECT_EQ(areas(mm), (Areas{{0, 4}, {4, 2}, {6, 2}}));
    unmap<TypeParam>(mm, 1, 1);
    fill<TypeParam>(mm, 2, 1, 70);
    EXPECT_EQ(peek<TypeParam>(mm, 4), 70U) << "page 12 of the file, after a split";
    put_file(*file);
    put_file(*other);
  });
}

// ---- munmap -------------------------------------------------------------------------------------

TYPED_TEST(Calls, MunmapCutsAreas) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 10);
    fill<TypeParam>(mm, 0, 10);
    EXPECT_EQ(unmap<TypeParam>(mm, 4, 2), 0);
    EXPECT_EQ(areas(mm), (Areas{{0, 4}, {6, 4}}));
    EXPECT_EQ(unmap<TypeParam>(mm, 0, 1), 0);
    EXPECT_EQ(unmap<TypeParam>(mm, 9, 5), 0);
    EXPECT_EQ(areas(mm), (Areas{{1, 3}, {6, 3}}));
    EXPECT_EQ(unmap<TypeParam>(mm, 2, 6), 0);
    EXPECT_EQ(areas(mm), (Areas{{1, 1}, {8, 1}}));
    EXPECT_EQ(peek<TypeParam>(mm, 1), 2U);
    EXPECT_EQ(peek<TypeParam>(mm, 8), 9U);
    EXPECT_EQ(peek<TypeParam>(mm, 2), unreadable);
    EXPECT_EQ(mm.rss.load(order::relaxed), 2);
  });
}

TYPED_TEST(Calls, MunmapMistakes) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    EXPECT_EQ(do_munmap<TypeParam>(mm, page_at(0), 0), -EINVAL);
    EXPECT_EQ(do_munmap<TypeParam>(mm, page_at(0) + 1, page_size), -EINVAL);
    EXPECT_EQ(do_munmap<TypeParam>(mm, page_at(0), ~0ULL), -EINVAL);
    EXPECT_EQ(do_munmap<TypeParam>(mm, mm.task_size, page_size), -EINVAL);
    EXPECT_EQ(do_munmap<TypeParam>(mm, mm.task_size + page_size, 0), -EINVAL);
    EXPECT_EQ(areas(mm), (Areas{{0, 2}}));
    EXPECT_EQ(unmap<TypeParam>(mm, 5, 5), 0) << "nothing there is no mistake";
    EXPECT_EQ(do_munmap<TypeParam>(mm, page_at(0), 1), 0);
    EXPECT_EQ(areas(mm), (Areas{{1, 1}}));
  });
}

// ---- mprotect -----------------------------------------------------------------------------------

TYPED_TEST(Calls, MprotectStopsAtAHoleAndKeepsWhatItDid) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    map<TypeParam>(mm, 4, 2);
    fill<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 4, 2);
    rig.flushes();
    EXPECT_EQ(protect<TypeParam>(mm, 0, 6, VM_READ), -ENOMEM);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(2)));
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(1), 0), AccessResult::sigsegv);
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(4), 0), AccessResult::done);
    EXPECT_EQ(protect<TypeParam>(mm, 2, 4, VM_READ), -ENOMEM) << "a hole at the start";
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(4), 0), AccessResult::done);
  });
}

TYPED_TEST(Calls, MprotectOfSeveralAreasIsOneFlush) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    map<TypeParam>(mm, 4, 4, rw | VM_EXEC);
    fill<TypeParam>(mm, 1, 7);
    rig.flushes();
    EXPECT_EQ(protect<TypeParam>(mm, 0, 8, VM_READ), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(7)));
    EXPECT_EQ(areas(mm), (Areas{{0, 8}}));
  });
}

TYPED_TEST(Calls, MprotectMistakes) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    EXPECT_EQ(do_mprotect<TypeParam>(mm, page_at(0) + 8, page_size, VM_READ), -EINVAL);
    EXPECT_EQ(do_mprotect<TypeParam>(mm, page_at(0), 0, VM_READ), 0);
    EXPECT_EQ(do_mprotect<TypeParam>(mm, page_at(0), ~0ULL, VM_READ), -ENOMEM);
    EXPECT_EQ(do_mprotect<TypeParam>(mm, mm.task_size, page_size, VM_READ), -ENOMEM);
    EXPECT_EQ(do_mprotect<TypeParam>(mm, page_at(9), page_size, VM_READ), -ENOMEM);
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(0), 1), AccessResult::done);
  });
}

// ---- madvise ------------------------------------------------------------------------------------

TYPED_TEST(Calls, DontneedOverAHoleDoesBothSides) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    fill<TypeParam>(mm, 0, 8);
    unmap<TypeParam>(mm, 3, 2);
    rig.flushes();
    EXPECT_EQ(dontneed<TypeParam>(mm, 1, 6), -ENOMEM);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(6)));
    EXPECT_EQ(peek<TypeParam>(mm, 0), 1U);
    EXPECT_EQ(peek<TypeParam>(mm, 2), 0U);
    EXPECT_EQ(peek<TypeParam>(mm, 6), 0U);
    EXPECT_EQ(peek<TypeParam>(mm, 7), 8U);
  });
}

TYPED_TEST(Calls, MadviseMistakes) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 0, 2);
    const auto both = [&](vaddr_t va, std::uint64_t length) {
      const std::int64_t error = do_madvise_dontneed<TypeParam>(mm, va, length);
      EXPECT_EQ(do_madvise_flags<TypeParam>(mm, va, length, VM_DONTCOPY, 0), error);
      return error;
    };
    EXPECT_EQ(both(page_at(0) + 8, page_size), -EINVAL);
    EXPECT_EQ(both(page_at(0), ~0ULL), -EINVAL);
    EXPECT_EQ(both(page_at(1), 0), 0);
    EXPECT_EQ(both(page_at(3), page_size), -ENOMEM);
    EXPECT_EQ(both(mm.task_size, page_size), -ENOMEM) << "unlike munmap: only unmapped";
    EXPECT_EQ(peek<TypeParam>(mm, 0), 1U);
  });
}

TYPED_TEST(Calls, AdviceThatIsAFlagCutsAndJoinsAreas) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    const auto advise = [&](std::uint64_t page, std::uint64_t pages, std::uint32_t set,
                            std::uint32_t clear) {
      return do_madvise_flags<TypeParam>(mm, page_at(page), pages * page_size, set, clear);
    };
    EXPECT_EQ(advise(2, 2, VM_DONTCOPY, 0), 0);
    EXPECT_EQ(areas(mm), (Areas{{0, 2}, {2, 2}, {4, 4}}));
    EXPECT_EQ(advise(0, 8, VM_DONTCOPY, 0), 0);
    EXPECT_EQ(areas(mm), (Areas{{0, 8}}));
    unmap<TypeParam>(mm, 3, 1);
    EXPECT_EQ(advise(1, 5, 0, VM_DONTCOPY), -ENOMEM) << "both sides of the hole are done";
    EXPECT_EQ(areas(mm), (Areas{{0, 1}, {1, 2}, {4, 2}, {6, 2}}));
  });
}

// ---- brk ----------------------------------------------------------------------------------------

template <class A>
class Brk : public testing::Test {
 protected:
  static vaddr_t brk(mm_struct& mm, std::uint64_t bytes) {
    return do_brk<A>(mm, test_base + bytes) - test_base;
  }
  static void start(mm_struct& mm) { mm.start_brk = mm.brk = test_base; }
};
TYPED_TEST_SUITE(Brk, Backends);

TYPED_TEST(Brk, GrowsAndShrinksByPages) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->start(mm);
    EXPECT_EQ(this->brk(mm, 100), 100U);
    EXPECT_EQ(areas(mm), (Areas{{0, 1}}));
    EXPECT_EQ(this->brk(mm, 10 * page_size), 10 * page_size);
    fill<TypeParam>(mm, 0, 10);
    rig.flushes();
    EXPECT_EQ(this->brk(mm, 9 * page_size + 1), 9 * page_size + 1);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "no page less";
    EXPECT_EQ(this->brk(mm, 4 * page_size), 4 * page_size);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(6)));
    EXPECT_EQ(this->brk(mm, 6 * page_size), 6 * page_size);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 4U);
    EXPECT_EQ(peek<TypeParam>(mm, 5), 0U) << "as new";
    EXPECT_EQ(this->brk(mm, 0), 0U);
    EXPECT_THAT(areas(mm), IsEmpty());
  });
}

TYPED_TEST(Brk, TellsWhereItIsIfItCannotMove) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->start(mm);
    this->brk(mm, 4 * page_size);
    map<TypeParam>(mm, 8, 1, VM_READ);
    fill<TypeParam>(mm, 0, 4);
    const vaddr_t now = test_base + 4 * page_size;
    EXPECT_EQ(do_brk<TypeParam>(mm, 0), now) << "a question";
    EXPECT_EQ(do_brk<TypeParam>(mm, test_base - 1), now) << "below the start";
    EXPECT_EQ(do_brk<TypeParam>(mm, page_at(9)), now) << "something is in the way";
    EXPECT_EQ(do_brk<TypeParam>(mm, page_at(8)), page_at(8)) << "up to it";
    EXPECT_EQ(do_brk<TypeParam>(mm, now), now);
    unmap<TypeParam>(mm, 8, 1);
    for (const vaddr_t silly : std::initializer_list<vaddr_t>{
             mm.task_size + page_size, vaddr_t{1} << 62, ~0ULL, ~0ULL - page_size})
      EXPECT_EQ(do_brk<TypeParam>(mm, silly), now) << silly;
    EXPECT_EQ(areas(mm), (Areas{{0, 4}}));
    EXPECT_EQ(peek<TypeParam>(mm, 0), 1U);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
