// SPDX-License-Identifier: GPL-2.0-or-later
// When a gather flushes, how much, and what it forgets afterwards.
#include "tests/mm/gather_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
class GatherFlush : public testing::Test {};
TYPED_TEST_SUITE(GatherFlush, Backends);

TYPED_TEST(GatherFlush, NothingGatheredNothingFlushed) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    EXPECT_EQ(rig.mm().tlb_flush_pending.load(order::relaxed), 1);
    tlb_flush_mmu(gather.tlb);
    tlb_finish_mmu(gather.tlb);
    EXPECT_EQ(rig.mm().tlb_flush_pending.load(order::relaxed), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

// T2: the bits decide, not start and end.
TYPED_TEST(GatherFlush, ARangeWithoutALevelFlushesNothing) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    gather.tlb.adjust(page_at(3), page_size);
    tlb_flush_mmu_tlbonly(gather.tlb);
    EXPECT_EQ(gather.tlb.start, page_at(3)) << "nothing was flushed, so nothing is forgotten";
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

TYPED_TEST(GatherFlush, TheRangeIsFromTheFirstToTheLastEntry) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    for (const std::uint64_t page : {20U, 3U, 7U}) {
      tlb_remove_tlb_entries(gather.tlb, page_at(page), 1);
      EXPECT_LE(gather.tlb.start, page_at(page));
      EXPECT_GE(gather.tlb.end, page_at(page + 1));
    }
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(18)));
  });
}

// T58: a size that does not fit into 32 bits.
TYPED_TEST(GatherFlush, AnEntryMayCoverMoreThan4GiB) {
  gather_range range;
  tlb_flush_level_range(range, terabyte_half, 16 * gib, 3);
  EXPECT_EQ(range.start, terabyte_half);
  EXPECT_EQ(range.end, terabyte_half + 16 * gib);
}

// T37.
TYPED_TEST(GatherFlush, TheStrideIsTheSmallestLevelCleared) {
  const auto shift_after = [](std::initializer_list<unsigned> levels) {
    gather_range range;
    for (const unsigned level : levels) tlb_flush_level_range(range, test_base, page_size, level);
    return range.unmap_shift();
  };
  EXPECT_EQ(shift_after({}), 12U);
  EXPECT_EQ(shift_after({0}), 12U);
  EXPECT_EQ(shift_after({1}), 21U);
  EXPECT_EQ(shift_after({2}), 30U);
  EXPECT_EQ(shift_after({3}), 39U);
  EXPECT_EQ(shift_after({3, 2, 1}), 21U);
  EXPECT_EQ(shift_after({1, 0, 3}), 12U);
  EXPECT_EQ(shift_after({4}), 12U) << "the top of five levels has no bit";
}

// T5.
TYPED_TEST(GatherFlush, AResetKeepsWhatDescribesTheArea) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 1, VM_READ | VM_EXEC | VM_HUGETLB | VM_PFNMAP);
    const vm_area_struct& vma = *vma_lookup(rig.mm(), test_base);
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    tlb_start_vma(gather.tlb, vma);
    gather.tlb.need_flush_all = true;
    gather.queue();
    tlb_flush_mmu_tlbonly(gather.tlb);
    EXPECT_FALSE(gather.tlb.recorded());
    EXPECT_EQ(gather.tlb.end, 0U);
    EXPECT_TRUE(gather.tlb.vma_exec && gather.tlb.vma_huge && gather.tlb.vma_pfn);
    EXPECT_TRUE(gather.tlb.need_flush_all);
    tlb_finish_mmu(gather.tlb);
  });
}

TYPED_TEST(GatherFlush, NeedFlushAllFlushesAll) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    gather.tlb.need_flush_all = true;
    tlb_flush_mmu_tlbonly(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "nothing was recorded";
    gather.queue();
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
  });
}

TYPED_TEST(GatherFlush, AFullmmGatherFlushesAllAndKeepsItsRange) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    tlb_gather_mmu_fullmm(gather.tlb, rig.mm());
    EXPECT_EQ(gather.tlb.start, ~0ULL);
    EXPECT_EQ(gather.tlb.end, ~0ULL);
    gather.queue();
    tlb_flush_mmu(gather.tlb);
    EXPECT_TRUE(gather.tlb.fullmm);
    EXPECT_EQ(gather.tlb.end, ~0ULL);
    gather.queue();
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush, full_flush)));
    EXPECT_EQ(frames_in_use(), 1);
  });
}

TYPED_TEST(GatherFlush, AFullmmGatherHasNoAreas) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 1, VM_READ | VM_PFNMAP);
    HandGather<TypeParam> gather(rig.mm());
    tlb_gather_mmu_fullmm(gather.tlb, rig.mm());
    tlb_start_vma(gather.tlb, *vma_lookup(rig.mm(), test_base));
    EXPECT_FALSE(gather.tlb.vma_pfn);
    gather.queue();
    tlb_end_vma(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    tlb_finish_mmu(gather.tlb);
  });
}

// ---- areas --------------------------------------------------------------------------------------

// D39: whoever revokes a page without a count finds it by the area alone.
TYPED_TEST(GatherFlush, AnAreaOfPagesWithoutCountsIsFlushedAtItsEnd) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 1, VM_READ | VM_PFNMAP);
    map<TypeParam>(rig.mm(), 8, 1, VM_READ);
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    tlb_start_vma(gather.tlb, *vma_lookup(rig.mm(), test_base));
    tlb_remove_tlb_entries(gather.tlb, page_at(0), 1);
    tlb_end_vma(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    tlb_start_vma(gather.tlb, *vma_lookup(rig.mm(), page_at(8)));
    tlb_remove_tlb_entries(gather.tlb, page_at(8), 1);
    tlb_end_vma(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "areas are merged";
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
  });
}

TYPED_TEST(GatherFlush, WithoutMergingEveryAreaIsFlushedAtItsEnd) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 1, VM_READ);
    const ChangedFeatures changed(flushes_each_vma);
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    tlb_start_vma(gather.tlb, *vma_lookup(rig.mm(), test_base));
    tlb_end_vma(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    gather.queue();
    tlb_end_vma(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    EXPECT_EQ(frames_in_use(), TypeParam::features.no_gather ? 1 : 2)
        << "flushed, and not freed yet";
    tlb_finish_mmu(gather.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

TYPED_TEST(GatherFlush, AGatherOfOneAreaKnowsItFromTheStart) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 2, 3, VM_READ | VM_EXEC);
    HandGather<TypeParam> gather(rig.mm());
    tlb_gather_mmu_vma(gather.tlb, *vma_lookup(rig.mm(), page_at(2)));
    EXPECT_TRUE(gather.tlb.vma_exec);
    EXPECT_EQ(gather.tlb.request_start, page_at(2));
    EXPECT_EQ(gather.tlb.request_end, page_at(5));
    tlb_finish_mmu(gather.tlb);
  });
}

// ---- sizes --------------------------------------------------------------------------------------

TYPED_TEST(GatherFlush, AChangeOfPageSizeFlushesAndFrees) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    const ChangedFeatures changed(tracks_page_size);
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    tlb_change_page_size(gather.tlb, page_shift);
    gather.queue();
    tlb_change_page_size(gather.tlb, page_shift);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    tlb_change_page_size(gather.tlb, page_shift + 9);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    EXPECT_EQ(frames_in_use(), 1);
    tlb_change_page_size(gather.tlb, page_shift);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "nothing was recorded since";
    tlb_finish_mmu(gather.tlb);
  });
}

TYPED_TEST(GatherFlush, AGatherThatWillFlushAllTakesAnySize) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    const ChangedFeatures changed(tracks_page_size);
    HandGather<TypeParam> whole(rig.mm());
    tlb_gather_mmu_fullmm(whole.tlb, rig.mm());
    tlb_change_page_size(whole.tlb, page_shift);
    whole.queue();
    tlb_change_page_size(whole.tlb, page_shift + 9);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    tlb_finish_mmu(whole.tlb);
    rig.flushes();
    HandGather<TypeParam> all(rig.mm());
    all.begin();
    all.tlb.need_flush_all = true;
    tlb_change_page_size(all.tlb, page_shift);
    all.queue();
    tlb_change_page_size(all.tlb, page_shift + 9);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    tlb_finish_mmu(all.tlb);
  });
}

TYPED_TEST(GatherFlush, SizesDoNotMatterWhereNobodyAsks) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> gather(rig.mm());
    gather.begin();
    tlb_change_page_size(gather.tlb, page_shift);
    gather.queue();
    tlb_change_page_size(gather.tlb, page_shift + 9);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    tlb_finish_mmu(gather.tlb);
  });
}

// ---- two gathers of one mm ----------------------------------------------------------------------

TYPED_TEST(GatherFlush, TheFirstToFinishOfTwoFlushesEverything) {
  for (const bool second_first : {false, true}) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      HandGather<TypeParam> one(rig.mm()), two(rig.mm());
      one.begin();
      EXPECT_FALSE(mm_tlb_flush_nested(rig.mm()));
      two.begin();
      EXPECT_TRUE(mm_tlb_flush_nested(rig.mm()) && mm_tlb_flush_parallel(rig.mm()));
      (second_first ? one : two).queue();
      tlb_finish_mmu((second_first ? two : one).tlb);
      EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)))
          << "it had recorded nothing itself";
      tlb_finish_mmu((second_first ? one : two).tlb);
      EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    });
  }
}

// D6: what it has recorded itself is part of everything, not a reason to do less.
TYPED_TEST(GatherFlush, ANestedGatherWithPagesOfItsOwnFlushesEverythingToo) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> one(rig.mm()), two(rig.mm());
    one.begin();
    two.begin();
    two.queue();
    tlb_finish_mmu(two.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    EXPECT_EQ(frames_in_use(), 1);
    tlb_finish_mmu(one.tlb);
  });
}

// A flush in between does not look (T69).
TYPED_TEST(GatherFlush, OnlyTheEndLooksForOthers) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> one(rig.mm()), two(rig.mm());
    one.begin();
    two.begin();
    tlb_flush_mmu(two.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    two.queue();
    tlb_flush_mmu(two.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    tlb_finish_mmu(two.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    tlb_finish_mmu(one.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

TYPED_TEST(GatherFlush, GathersOfTwoAddressSpacesAreNoNest) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct* other = mm_alloc<TypeParam>(3);
    HandGather<TypeParam> here(rig.mm()), there(*other);
    here.begin();
    there.begin();
    here.queue();
    tlb_finish_mmu(here.tlb);
    tlb_finish_mmu(there.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    mmput<TypeParam>(*other);
  });
}

// T3: the other gather may have freed tables, so CPUs that only hold the mm lazily are told too.
TYPED_TEST(GatherFlush, ANestedFlushReachesLazyCpus) {
  if (!is_x86()) GTEST_SKIP() << "nobody is interrupted, or everybody";
  MmRig<TypeParam> rig({.machine = {.cpus = 2}});
  rig.on(1, [&] {
    use_mm<TypeParam>(rig.mm());
    unuse_mm<TypeParam>();
  });
  rig.run([&] {
    HandGather<TypeParam> one(rig.mm()), two(rig.mm());
    one.begin();
    one.queue();
    tlb_finish_mmu(one.tlb);
    EXPECT_EQ(rig.machine().counters(0).ipis_sent, 0U) << "pages are no reason to wake anybody";
    one.begin();
    two.begin();
    tlb_finish_mmu(two.tlb);
    EXPECT_EQ(rig.machine().counters(0).ipis_sent, 1U);
    tlb_finish_mmu(one.tlb);
  });
  EXPECT_EQ(rig.machine().counters(1).interrupts, 1U);
}

TYPED_TEST(GatherFlush, WithoutTheFixOfNestedFlushNobodyLooks) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    rig.mm().fixes.nested_flush = false;
    HandGather<TypeParam> one(rig.mm()), two(rig.mm());
    one.begin();
    one.queue();
    two.begin();
    tlb_finish_mmu(two.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    tlb_finish_mmu(one.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
  });
}

// D3: looked for after the last change and before the own decrement.
TYPED_TEST(GatherFlush, AGatherThatBeganDuringAnotherIsSeenByIt) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    HandGather<TypeParam> one(rig.mm()), two(rig.mm());
    one.begin();
    one.queue();
    tlb_flush_mmu(one.tlb);
    rig.flushes();
    two.begin();
    tlb_finish_mmu(one.tlb);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    tlb_finish_mmu(two.tlb);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
