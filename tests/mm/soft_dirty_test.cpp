// SPDX-License-Identifier: GPL-2.0-or-later
// Soft-dirty marks: what sets them, what takes them away, and what they outlive.
#include "mm/soft_dirty.h"

#include <cerrno>

#include "mm/gup.h"
#include "mm/huge_memory.tcc"
#include "mm/userfaultfd.h"
#include "mm/vma_lock.h"
#include "tests/mm/file_rig.h"
#include "tests/mm/swapped_pages.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
class SoftDirty : public SwappedPages<A> {
 protected:
  static bool marked(mm_struct& mm, std::uint64_t at) {
    return page_soft_dirty<A>(mm, page_at(at));
  }
  static void clear(mm_struct& mm, clear_refs_types type = CLEAR_REFS_SOFT_DIRTY) {
    ASSERT_EQ(do_clear_refs<A>(mm, type), 0);
  }
  // Pages 0 to 3, written, and the marks gone.
  static void cleared_pages(mm_struct& mm) {
    map<A>(mm, 0, 4);
    fill<A>(mm, 0, 4, 10);
    clear(mm);
  }
  static bool writable(mm_struct& mm, std::uint64_t at) {
    return A::pte_write(peek_pte<A>(mm, page_at(at)));
  }
};
TYPED_TEST_SUITE(SoftDirty, Backends);

TYPED_TEST(SoftDirty, TheBitIsABitOfItsOwn) {
  using A = TypeParam;
  const pte_t clean = A::mk_pte(7, rw), dirty = A::pte_mkdirty(clean);
  EXPECT_FALSE(A::pte_soft_dirty(clean));
  EXPECT_TRUE(A::pte_soft_dirty(dirty) && A::pte_dirty(dirty));
  EXPECT_FALSE(A::pte_dirty(A::pte_mksoft_dirty(clean)));
  EXPECT_EQ(A::pte_clear_soft_dirty(A::pte_mksoft_dirty(clean)), clean);
  for (const pte_t kept :
       {A::pte_mkclean(dirty), A::pte_mkold(dirty), A::pte_wrprotect(dirty), A::pte_mkwrite(dirty),
        A::pte_mkuffd_wp(dirty), A::pte_modify(dirty, VM_READ), A::pte_modify(dirty, 0),
        A::pmd_mkhuge(dirty), A::pmd_mkinvalid(A::pmd_mkhuge(dirty))})
    EXPECT_TRUE(A::pte_soft_dirty(kept));
  const swp_entry_t entry{SwapType::swap, 0x12345};
  const pte_t plain = A::mk_swap_pte(entry), marked = A::pte_swp_mksoft_dirty(plain);
  EXPECT_TRUE(!A::pte_swp_soft_dirty(plain) && A::pte_swp_soft_dirty(marked));
  EXPECT_FALSE(A::pte_present(marked) || A::pte_none(marked) || A::hw_present(marked));
  EXPECT_FALSE(A::pte_swp_exclusive(marked) || A::pte_swp_uffd_wp(marked));
  EXPECT_EQ(A::pte_swap_entry(marked), entry);
  EXPECT_EQ(A::pte_swp_clear_soft_dirty(marked), plain);
}

TYPED_TEST(SoftDirty, ANewAreaCountsAsWrittenUntilTheFirstClear) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    EXPECT_FALSE(this->marked(mm, 0)) << "nothing there";
    map<TypeParam>(mm, 0, 4);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 0U);
    for (const std::uint64_t at : {0U, 1U}) EXPECT_TRUE(this->marked(mm, at));
    this->clear(mm);
    for (const std::uint64_t at : {0U, 1U}) EXPECT_FALSE(this->marked(mm, at));
    EXPECT_EQ(peek<TypeParam>(mm, 2), 0U);
    EXPECT_FALSE(this->marked(mm, 2)) << "read";
    fill<TypeParam>(mm, 2, 1);
    fill<TypeParam>(mm, 3, 1);
    for (const std::uint64_t at : {2U, 3U}) EXPECT_TRUE(this->marked(mm, at));
    EXPECT_FALSE(this->marked(mm, 1));
    this->clear(mm);
    for (const std::uint64_t at : {2U, 3U}) EXPECT_FALSE(this->marked(mm, at));
  });
}

TYPED_TEST(SoftDirty, TheNextStoreToEachPageMarksItOnce) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->cleared_pages(mm);
    const pfn_t frame = this->mapped(mm, 1)->pfn;
    EXPECT_FALSE(this->writable(mm, 1));
    fill<TypeParam>(mm, 1, 1, 20);
    EXPECT_TRUE(this->writable(mm, 1));
    EXPECT_EQ(this->mapped(mm, 1)->pfn, frame) << "its own: not copied";
    for (const std::uint64_t at : {0U, 2U, 3U}) EXPECT_FALSE(this->marked(mm, at));
    EXPECT_TRUE(this->marked(mm, 1));
    EXPECT_EQ(peek<TypeParam>(mm, 1), 20U);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 10U);
  });
}

TYPED_TEST(SoftDirty, IsFlushedOnceForTheWholeProcess) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 4);
    rig.flushes();
    this->clear(mm);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    this->clear(mm);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush))) << "nothing left to take";
    mm.fixes.clear_refs = ClearRefsForm::read_flush;
    this->clear(mm);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    mm.fixes.clear_refs = ClearRefsForm::gather;
    this->clear(mm);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "nothing was recorded";
    EXPECT_EQ(mm.tlb_flush_pending.load(order::relaxed), 0);
  });
}

TYPED_TEST(SoftDirty, EachFormGivesItsLocksBack) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    for (const auto form :
         {ClearRefsForm::gather, ClearRefsForm::read_flush, ClearRefsForm::write_flush}) {
      mm.fixes.clear_refs = form;
      map<TypeParam>(mm, 0, 2);
      fill<TypeParam>(mm, 0, 2);
      this->clear(mm);  // the area's mark too
      this->clear(mm);
      for (const std::uint64_t at : {0U, 1U}) EXPECT_FALSE(this->marked(mm, at));
      mm.mmap_lock.down_write();
      mmap_write_unlock(mm);
      EXPECT_EQ(unmap<TypeParam>(mm, 0, 2), 0);
    }
  });
}

TYPED_TEST(SoftDirty, GoesThroughSwap) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    this->cleared_pages(mm);
    fill<TypeParam>(mm, 0, 2, 20);
    for (const std::uint64_t at : {0U, 1U, 2U, 3U}) ASSERT_EQ(this->out(mm, at), 0);
    for (const std::uint64_t at : {0U, 1U}) EXPECT_TRUE(this->marked(mm, at));
    for (const std::uint64_t at : {2U, 3U}) EXPECT_FALSE(this->marked(mm, at));
    EXPECT_EQ(peek<TypeParam>(mm, 0), 20U);
    EXPECT_TRUE(this->marked(mm, 0));
    EXPECT_EQ(peek<TypeParam>(mm, 2), 12U);
    EXPECT_FALSE(this->marked(mm, 2));
    EXPECT_FALSE(this->writable(mm, 2)) << "a write has to fault";
    fill<TypeParam>(mm, 2, 2, 30);
    for (const std::uint64_t at : {2U, 3U}) EXPECT_TRUE(this->marked(mm, at));
    ASSERT_TRUE(this->swapped(mm, 1));
    this->clear(mm);
    EXPECT_TRUE(this->swapped(mm, 1));
    EXPECT_FALSE(this->marked(mm, 1));
    EXPECT_EQ(peek<TypeParam>(mm, 1), 21U);
    EXPECT_FALSE(this->marked(mm, 1));
  });
}

TYPED_TEST(SoftDirty, AChildInheritsIt) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    this->cleared_pages(mm);
    fill<TypeParam>(mm, 1, 2, 20);
    ASSERT_EQ(this->out(mm, 2), 0);
    ASSERT_EQ(this->out(mm, 3), 0);
    mm_struct* child = dup_mm<TypeParam>(mm);
    for (mm_struct* one : {&mm, child}) {
      for (const std::uint64_t at : {1U, 2U}) EXPECT_TRUE(this->marked(*one, at));
      for (const std::uint64_t at : {0U, 3U}) EXPECT_FALSE(this->marked(*one, at));
    }
    use_mm<TypeParam>(*child);
    fill<TypeParam>(*child, 0, 1, 30);
    this->clear(mm);
    for (const std::uint64_t at : {0U, 1U, 2U}) EXPECT_TRUE(this->marked(*child, at));
    EXPECT_FALSE(this->marked(mm, 0));
    EXPECT_FALSE(this->marked(mm, 2));
    this->end(*child, mm);
  });
}

TYPED_TEST(SoftDirty, DoesNotKeepAreasApart) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->cleared_pages(mm);
    map<TypeParam>(mm, 4, 2);
    EXPECT_EQ(mm.vmas.size(), 1U);
    EXPECT_TRUE(this->marked(mm, 5)) << "what was there before is another thing";
    this->clear(mm);
    EXPECT_FALSE(this->marked(mm, 5));
    unmap<TypeParam>(mm, 2, 1);
    map<TypeParam>(mm, 2, 1);
    EXPECT_EQ(mm.vmas.size(), 1U);
    EXPECT_TRUE(this->marked(mm, 2));
  });
}

TYPED_TEST(SoftDirty, AChangeOfRightsLeavesTheFault) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->cleared_pages(mm);
    fill<TypeParam>(mm, 1, 1, 20);
    protect<TypeParam>(mm, 0, 4, VM_READ);
    protect<TypeParam>(mm, 0, 4, rw);
    EXPECT_FALSE(this->writable(mm, 0)) << "no store without a fault";
    EXPECT_TRUE(this->writable(mm, 1)) << "marked already";
    EXPECT_TRUE(this->marked(mm, 1));
    fill<TypeParam>(mm, 0, 1, 30);
    EXPECT_TRUE(this->marked(mm, 0));
    EXPECT_FALSE(this->marked(mm, 2));
  });
}

TYPED_TEST(SoftDirty, SharedMemoryIsWatchedToo) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* file = memfd(4);
    map_file<TypeParam>(mm, file, 0, 4);
    fill<TypeParam>(mm, 0, 2, 10);
    this->clear(mm);
    EXPECT_FALSE(this->marked(mm, 0));
    EXPECT_EQ(peek<TypeParam>(mm, 3), initial_word(3, 0));
    EXPECT_FALSE(this->writable(mm, 3));
    fill<TypeParam>(mm, 0, 1, 20);
    fill<TypeParam>(mm, 3, 1, 30);
    for (const std::uint64_t at : {0U, 3U}) EXPECT_TRUE(this->marked(mm, at));
    for (const std::uint64_t at : {1U, 2U}) EXPECT_FALSE(this->marked(mm, at));
    EXPECT_TRUE(is_dirty(*file, 3));
    unmap<TypeParam>(mm, 0, 4);
    put_file(*file);
  });
}

TYPED_TEST(SoftDirty, APinnedPageKeepsItsMarkAndItsRight) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 0, 2);
    page* pinned = nullptr;
    ASSERT_EQ(get_user_pages_fast<TypeParam>(mm, page_at(1), 1, FOLL_PIN | FOLL_WRITE, &pinned), 1);
    this->clear(mm);
    EXPECT_FALSE(this->marked(mm, 0));
    EXPECT_TRUE(this->marked(mm, 1));
    EXPECT_TRUE(this->writable(mm, 1));
    unpin_user_page(pinned);
    this->clear(mm);
    EXPECT_FALSE(this->marked(mm, 1));
  });
}

TYPED_TEST(SoftDirty, AHugePageIsOneMark) {
  constexpr std::uint64_t whole = hpage_pmd_nr;
  MmRig<TypeParam> rig({.frames = 8192});
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, whole);
    ASSERT_EQ(do_madvise_flags<TypeParam>(mm, page_at(0), pmd_size, VM_HUGEPAGE, VM_NOHUGEPAGE), 0);
    fill<TypeParam>(mm, 3, 1, 10);
    ASSERT_TRUE(detail::is_huge<TypeParam>(mm, page_at(0)));
    this->clear(mm);
    EXPECT_TRUE(detail::is_huge<TypeParam>(mm, page_at(0)));
    EXPECT_FALSE(this->marked(mm, 3));
    EXPECT_EQ(peek<TypeParam>(mm, 3), 10U);
    this->clear(mm, CLEAR_REFS_ANON);
    fill<TypeParam>(mm, 5, 1, 20);
    EXPECT_TRUE(detail::is_huge<TypeParam>(mm, page_at(0))) << "its own: written in place";
    EXPECT_TRUE(this->marked(mm, 3));
    split_huge_pmd<TypeParam>(mm, page_at(0));
    EXPECT_TRUE(this->marked(mm, 3));
    this->clear(mm);
    fill<TypeParam>(mm, 3, 1, 30);
    EXPECT_TRUE(this->marked(mm, 3));
    EXPECT_FALSE(this->marked(mm, 5));
    mm_struct* child = dup_mm<TypeParam>(mm);
    for (const std::uint64_t at : {0U, 2U, 4U, 5U}) EXPECT_FALSE(this->marked(*child, at));
    EXPECT_TRUE(this->marked(*child, 3)) << "not one run with the others";
    this->end(*child, mm);
  });
}

TYPED_TEST(SoftDirty, WhatUserfaultfdMovesCountsAsWritten) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 2);
    map<TypeParam>(mm, 8, 2);
    ASSERT_EQ(do_uffd_register<TypeParam>(mm, page_at(8), 2 * page_size, VM_UFFD_MISSING), 0);
    fill<TypeParam>(mm, 0, 2, 10);
    this->clear(mm);
    ASSERT_EQ(this->out(mm, 1), 0);
    ASSERT_EQ(do_uffd_move<TypeParam>(mm, page_at(8), page_at(0), 2 * page_size), 0);
    for (const std::uint64_t at : {8U, 9U}) EXPECT_TRUE(this->marked(mm, at));
    EXPECT_EQ(peek<TypeParam>(mm, 9), 11U);
  });
}

TYPED_TEST(SoftDirty, WhatMremapMovesCountsAsWritten) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    this->cleared_pages(mm);
    ASSERT_EQ(this->out(mm, 1), 0);
    const std::int64_t moved = do_mremap<TypeParam>(mm, {.old_address = page_at(0),
                                                         .old_length = 2 * page_size,
                                                         .new_length = 2 * page_size,
                                                         .may_move = true,
                                                         .fixed = true,
                                                         .new_address = page_at(8)});
    ASSERT_EQ(moved, static_cast<std::int64_t>(page_at(8)));
    for (const std::uint64_t at : {8U, 9U}) EXPECT_TRUE(this->marked(mm, at));
    for (const std::uint64_t at : {2U, 3U}) EXPECT_FALSE(this->marked(mm, at));
    EXPECT_EQ(peek<TypeParam>(mm, 9), 11U);
  });
}

TYPED_TEST(SoftDirty, OtherTypesTakeTheAgeOfPagesAndNothingElse) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* file = memfd(1);
    map_file<TypeParam>(mm, file, 8, 1);
    const auto young = [&](std::uint64_t at) {
      return TypeParam::pte_young(peek_pte<TypeParam>(mm, page_at(at)));
    };
    const auto use = [&] {
      fill<TypeParam>(mm, 0, 1, 10);
      fill<TypeParam>(mm, 8, 1, 20);
      rig.flushes();
    };
    map<TypeParam>(mm, 0, 1);
    use();
    ASSERT_TRUE(young(0) && young(8));
    this->clear(mm, CLEAR_REFS_ANON);
    EXPECT_TRUE(!young(0) && young(8));
    this->clear(mm, CLEAR_REFS_MAPPED);
    EXPECT_FALSE(young(0) || young(8));
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    unmap<TypeParam>(mm, 0, 1);  // with it what TLBs know of the page
    unmap<TypeParam>(mm, 8, 1);
    map<TypeParam>(mm, 0, 1);
    map_file<TypeParam>(mm, file, 8, 1);
    use();
    ASSERT_TRUE(young(0) && young(8));
    this->clear(mm, CLEAR_REFS_ALL);
    EXPECT_FALSE(young(0) || young(8));
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    for (const std::uint64_t at : {0U, 8U}) {
      EXPECT_TRUE(this->marked(mm, at));
      EXPECT_TRUE(this->writable(mm, at));
    }
    for (const int type : {0, 5})
      EXPECT_EQ(do_clear_refs<TypeParam>(mm, static_cast<clear_refs_types>(type)), -EINVAL);
    unmap<TypeParam>(mm, 8, 1);
    put_file(*file);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
