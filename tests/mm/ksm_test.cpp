// SPDX-License-Identifier: GPL-2.0-or-later
// KSM: which pages become one, that nobody writes to it, and who is left alone.
#include "mm/ksm.h"

#include <cerrno>

#include "mm/gup.h"
#include "tests/mm/swapped_pages.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

template <class A>
class Ksm : public SwappedPages<A> {
 protected:
  static void mergeable(mm_struct& mm, std::uint64_t at, std::uint64_t pages) {
    ASSERT_EQ(do_madvise_flags<A>(mm, page_at(at), pages * page_size, VM_MERGEABLE, 0), 0);
  }
  // Pages 0 and 1, alike.
  static void twins(mm_struct& mm) {
    map<A>(mm, 0, 4);
    mergeable(mm, 0, 4);
    fill<A>(mm, 0, 1, 7);
    fill<A>(mm, 1, 1, 7);
  }
  static std::int64_t merge(mm_struct& mm, std::uint64_t kept, std::uint64_t at) {
    return ksm_merge_pages<A>(mm, page_at(kept), page_at(at));
  }
  static bool writable(mm_struct& mm, std::uint64_t at) {
    return A::pte_write(peek_pte<A>(mm, page_at(at)));
  }
};
TYPED_TEST_SUITE(Ksm, Backends);

TYPED_TEST(Ksm, TwoPagesBecomeOneAndTwoAgain) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->twins(mm);
    const long frames = frames_in_use();
    EXPECT_EQ(this->merge(mm, 0, 1), 0);
    EXPECT_EQ(frames_in_use(), frames - 1);
    EXPECT_EQ(this->mapped(mm, 0), this->mapped(mm, 1));
    for (const std::uint64_t at : {0U, 1U}) {
      EXPECT_FALSE(this->writable(mm, at));
      EXPECT_EQ(peek<TypeParam>(mm, at), 7U);
    }
    EXPECT_EQ(this->merge(mm, 0, 1), 0);  // nothing is left to do
    fill<TypeParam>(mm, 1, 1, 8);
    EXPECT_EQ(frames_in_use(), frames);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 8U);
    fill<TypeParam>(mm, 0, 1, 9);  // alone, and copied all the same
    EXPECT_FALSE(page_test(this->mapped(mm, 0), PG_ksm));
    EXPECT_EQ(frames_in_use(), frames);
  });
}

TYPED_TEST(Ksm, WhatDiffersStaysAndCanBeWritten) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->twins(mm);
    fill<TypeParam>(mm, 1, 1, 8);
    EXPECT_EQ(this->merge(mm, 0, 1), -EAGAIN);
    EXPECT_NE(this->mapped(mm, 0), this->mapped(mm, 1));
    fill<TypeParam>(mm, 1, 1, 7);
    EXPECT_EQ(this->merge(mm, 0, 1), 0);
  });
}

TYPED_TEST(Ksm, APinnedPageIsLeftAlone) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->twins(mm);
    page* pinned = nullptr;
    ASSERT_EQ(get_user_pages_fast<TypeParam>(mm, page_at(1), 1, FOLL_PIN | FOLL_WRITE, &pinned), 1);
    EXPECT_EQ(this->merge(mm, 0, 1), -EBUSY);
    EXPECT_EQ(this->mapped(mm, 1), pinned);
    EXPECT_TRUE(page_test(pinned, PG_anon_exclusive));
    EXPECT_EQ(this->merge(mm, 1, 0), -EBUSY);  // nor is it made the one
    unpin_user_page(pinned);
    EXPECT_EQ(this->merge(mm, 0, 1), 0);
  });
}

TYPED_TEST(Ksm, TakesOnlyWhatItMay) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->twins(mm);
    map<TypeParam>(mm, 8, 1);
    fill<TypeParam>(mm, 8, 1, 7);
    EXPECT_EQ(this->merge(mm, 0, 8), -EINVAL);
    EXPECT_EQ(this->merge(mm, 0, 100), -EINVAL);
    EXPECT_EQ(this->merge(mm, 0, 2), -ENOENT);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 0U);
    EXPECT_EQ(this->merge(mm, 0, 3), -ENOENT);  // the zero page
  });
}

TYPED_TEST(Ksm, ReclaimLeavesItAndForkSharesIt) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    this->twins(mm);
    ASSERT_EQ(this->merge(mm, 0, 1), 0);
    EXPECT_EQ(this->out(mm, 0), -EBUSY);
    EXPECT_EQ(swap_slots_in_use(), 0U);
    mm_struct* child = dup_mm<TypeParam>(mm);
    use_mm<TypeParam>(*child);
    EXPECT_EQ(this->mapped(*child, 1), this->mapped(mm, 0));
    fill<TypeParam>(*child, 0, 1, 50);
    EXPECT_EQ(peek<TypeParam>(*child, 1), 7U);
    this->end(*child, mm);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
  });
}

// The area of the page's first place goes; the page is found by no list of that area any more.
TYPED_TEST(Ksm, OutlivesItsFirstArea) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->twins(mm);
    ASSERT_EQ(this->merge(mm, 0, 1), 0);
    EXPECT_EQ(do_munmap<TypeParam>(mm, page_at(0), page_size), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 7U);
    fill<TypeParam>(mm, 1, 1, 8);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 8U);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
