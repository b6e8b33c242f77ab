// SPDX-License-Identifier: GPL-2.0-or-later
// Blocks of 16 entries on arm64: when they are made, what a change of one of them costs, what is kept.
#include "mm/gup.tcc"
#include "tests/arch/arm64/contpte_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct OnArm64 {
  OnArm64() { chosen_arch::choose<arm64>(); }
  ~OnArm64() { static_cast<void>(arm64::set_option("")); }
  OnArm64(const OnArm64&) = delete;
  OnArm64& operator=(const OnArm64&) = delete;
};

class Contpte : public testing::Test {
 protected:
  OnArm64 chosen_;
  MmRig<Chosen> rig_{{.frames = 1 << 13}};
  mm_struct& mm() { return rig_.mm(); }
};

TEST(ContptePte, TheBitIsTheEntrysOwnAndNoProtection) {
  const pte_t pte = arm64::mk_pte(0x12340, VM_READ | VM_WRITE);
  const pte_t cont = arm64::pte_mkcont(pte);
  EXPECT_FALSE(arm64::pte_valid_cont(pte));
  EXPECT_TRUE(arm64::pte_valid_cont(cont));
  EXPECT_EQ(arm64::pte_mknoncont(cont), pte);
  EXPECT_EQ(arm64::pte_pfn(cont), 0x12340U);
  EXPECT_TRUE(arm64::pte_valid_cont(arm64::pte_wrprotect(arm64::pte_mkclean(cont))));
  EXPECT_FALSE(arm64::pte_valid_cont(arm64::pte_modify(cont, VM_READ))) << "made anew";
  EXPECT_FALSE(arm64::pte_valid_cont(arm64::pte_mkcont(arm64::mk_pte(16, 0)))) << "PROT_NONE";
  const pte_t swap = arm64::mk_swap_pte({SwapType::swap, (1ULL << 40) - 1});
  EXPECT_FALSE(arm64::pte_valid_cont(swap)) << "a bit of the offset";
}

TEST_F(Contpte, ASplitMakesBlocks) {
  rig_.run([&] {
    map_blocks(mm());
    for (unsigned block = 0; block < whole / CONT_PTES; ++block)
      EXPECT_EQ(cont_in_block(mm(), block), 16U) << block;
    for (unsigned page = 0; page < whole; ++page) EXPECT_EQ(peek<Chosen>(mm(), page), page + 1U);
  });
}

TEST_F(Contpte, WithoutItNoEntryEverSaysSo) {
  ASSERT_TRUE(arm64::set_option("no-contpte"));
  rig_.run([&] {
    map_blocks(mm());
    protect<Chosen>(mm(), 0, whole, VM_READ);
    for (unsigned block = 0; block < whole / CONT_PTES; ++block)
      EXPECT_EQ(cont_in_block(mm(), block), 0U);
    EXPECT_EQ(peek<Chosen>(mm(), 9), 10U);
    EXPECT_EQ(cached(0, 9, hw::contiguous_size), 0U);
    EXPECT_EQ(cached(0, 9, 0), 1U);
  });
}

// One read, and 16 pages can be had; an invalidate of any of them takes it.
TEST_F(Contpte, OneTranslationShowsTheBlock) {
  rig_.run([&] {
    map_blocks(mm());
    arm64::flush_tlb_mm(mm());
    EXPECT_EQ(peek<Chosen>(mm(), 37), 38U);
    for (unsigned page = 32; page < 48; ++page) {
      EXPECT_EQ(cached(0, page, hw::contiguous_size), 1U) << page;
      EXPECT_EQ(cached(0, page, 0), 0U) << page;
      EXPECT_EQ(peek<Chosen>(mm(), page), page + 1U);
    }
    EXPECT_EQ(cached(0, 31, hw::contiguous_size), 0U);
    EXPECT_EQ(cached(0, 48, hw::contiguous_size), 0U);
    arm64::flush_tlb_page(mm(), page_at(47));
    EXPECT_EQ(cached(0, 37, hw::contiguous_size), 0U);
  });
}

TEST_F(Contpte, AChangeOfOneUnfoldsItsBlockAlone) {
  rig_.run([&] {
    map_blocks(mm());
    rig_.flushes();
    EXPECT_EQ(dontneed<Chosen>(mm(), 100, 1), 0);
    EXPECT_THAT(rig_.flushes(), ElementsAre(16, 1)) << "break before make, then the page";
    EXPECT_EQ(cont_in_block(mm(), 6), 0U);
    EXPECT_EQ(cont_in_block(mm(), 5), 16U);
    EXPECT_EQ(cont_in_block(mm(), 7), 16U);
    for (unsigned page = 96; page < 112; ++page)
      EXPECT_EQ(peek<Chosen>(mm(), page), page == 100 ? 0U : page + 1U);
    EXPECT_EQ(cached(0, 101, 0), 1U);
    rig_.flushes();
    EXPECT_EQ(dontneed<Chosen>(mm(), 101, 1), 0);
    EXPECT_THAT(rig_.flushes(), ElementsAre(1)) << "nothing to unfold any more";
  });
}

// Whole blocks go as they are; of those at the ends a part stays.
TEST_F(Contpte, AZapUnfoldsOnlyAtItsEnds) {
  rig_.run([&] {
    map_blocks(mm());
    rig_.flushes();
    EXPECT_EQ(dontneed<Chosen>(mm(), 16, 32), 0);
    EXPECT_THAT(rig_.flushes(), ElementsAre(32));
    EXPECT_EQ(dontneed<Chosen>(mm(), 72, 32), 0);
    EXPECT_THAT(rig_.flushes(), ElementsAre(16, 16, 32));
    EXPECT_EQ(cont_in_block(mm(), 4), 0U);
    EXPECT_EQ(cont_in_block(mm(), 6), 0U);
    EXPECT_EQ(dontneed<Chosen>(mm(), 130, 4), 0);
    EXPECT_THAT(rig_.flushes(), ElementsAre(16, 4)) << "both ends in one block";
    EXPECT_EQ(peek<Chosen>(mm(), 71), 72U);
    EXPECT_EQ(peek<Chosen>(mm(), 72), 0U);
    EXPECT_EQ(peek<Chosen>(mm(), 103), 0U);
    EXPECT_EQ(peek<Chosen>(mm(), 104), 105U);
    EXPECT_EQ(peek<Chosen>(mm(), 134), 135U);
  });
}

// When the last of 16 is set and they agree again.
TEST_F(Contpte, MprotectFoldsWhatItHasWhole) {
  rig_.run([&] {
    map_blocks(mm());
    EXPECT_EQ(protect<Chosen>(mm(), 40, 4, VM_READ), 0);
    EXPECT_EQ(cont_in_block(mm(), 2), 0U);
    EXPECT_EQ(protect<Chosen>(mm(), 32, 16, VM_READ), 0);
    EXPECT_EQ(cont_in_block(mm(), 2), 16U);
    EXPECT_EQ(user_write<Chosen>(mm(), page_at(33), 1), AccessResult::sigsegv);
    EXPECT_EQ(peek<Chosen>(mm(), 40), 41U);
    EXPECT_EQ(protect<Chosen>(mm(), 32, 16, 0), 0);
    EXPECT_EQ(cont_in_block(mm(), 2), 0U) << "not valid: hardware sees no block";
    EXPECT_EQ(protect<Chosen>(mm(), 32, 16, rw), 0);
    EXPECT_EQ(cont_in_block(mm(), 2), 16U);
    fill<Chosen>(mm(), 32, 16, 900);
    EXPECT_EQ(cont_in_block(mm(), 2), 16U) << "writable at once: exclusive pages";
    EXPECT_EQ(peek<Chosen>(mm(), 47), 915U);
  });
}

// A page of another folio among them, or one of another place of the same.
TEST_F(Contpte, OnlyConsecutivePagesOfOneFolioAreFolded) {
  rig_.run([&] {
    map_blocks(mm());
    dontneed<Chosen>(mm(), 50, 1);
    fill<Chosen>(mm(), 50, 1);
    EXPECT_EQ(protect<Chosen>(mm(), 48, 16, VM_READ), 0);
    EXPECT_EQ(cont_in_block(mm(), 3), 0U);
    // To a place that is not aligned to it, and on to one that is.
    map<Chosen>(mm(), 2 * whole, 2 * whole);
    EXPECT_EQ(move_to<Chosen>(mm(), 128, 32, 2 * whole + 8),
              static_cast<std::int64_t>(page_at(2 * whole + 8)));
    for (unsigned block = 0; block < 3; ++block)
      EXPECT_EQ(cont_in_block(mm(), 2 * whole / 16 + block), 0U);
    EXPECT_EQ(move_to<Chosen>(mm(), 2 * whole + 8, 32, 3 * whole + 16),
              static_cast<std::int64_t>(page_at(3 * whole + 16)));
    EXPECT_EQ(cont_in_block(mm(), 3 * whole / 16 + 1), 16U);
    EXPECT_EQ(cont_in_block(mm(), 3 * whole / 16 + 2), 16U);
    for (unsigned page = 0; page < 32; ++page)
      EXPECT_EQ(peek<Chosen>(mm(), 3 * whole + 16 + page), 129U + page);
  });
}

// Hardware sets them in the entry that it walked; they are everybody's.
TEST_F(Contpte, YoungAndDirtyAreTheBlocks) {
  rig_.run([&] {
    map_blocks(mm());
    EXPECT_EQ(do_madvise_free<Chosen>(mm(), page_at(0), 16 * page_size), 0);
    ASSERT_EQ(cont_in_block(mm(), 0), 16U);
    const auto gathered = [&](unsigned page) {
      return ptep_gather<Chosen>(ref_of(mm(), page), page_at(page), pte_of(mm(), page));
    };
    EXPECT_FALSE(Chosen::pte_dirty(gathered(7)));
    EXPECT_FALSE(Chosen::pte_young(gathered(7)));
    fill<Chosen>(mm(), 3, 1, 33);
    EXPECT_TRUE(Chosen::pte_dirty(pte_of(mm(), 3)));
    EXPECT_FALSE(Chosen::pte_dirty(pte_of(mm(), 7))) << "the one that it walked";
    EXPECT_TRUE(Chosen::pte_dirty(gathered(7)));
    EXPECT_TRUE(Chosen::pte_young(gathered(7)));
    EXPECT_EQ(gathered(7), Chosen::contpte_gather(page_at(7), ref_of(mm(), 7).word(), gathered(7)));
    // Whoever takes one of them out keeps what the block knew.
    const pte_ref ref = ref_of(mm(), 9);
    lock_table(mm(), ref.table, 0);
    const pte_t was = ptep_clear_flush<Chosen>(mm(), ref, page_at(9));
    set_pte_at(mm(), ref, page_at(9), was);
    pte_unmap_unlock(mm(), ref);
    EXPECT_TRUE(Chosen::pte_dirty(was));
    EXPECT_EQ(cont_in_block(mm(), 0), 0U);
    EXPECT_TRUE(Chosen::pte_dirty(pte_of(mm(), 0)));
  });
}

TEST_F(Contpte, ALookForUseAsksAllSixteen) {
  rig_.run([&] {
    map_blocks(mm());
    EXPECT_EQ(do_madvise_cold<Chosen>(mm(), page_at(0), 16 * page_size), 0);
    EXPECT_EQ(cont_in_block(mm(), 0), 16U) << "A may go without a break";
    EXPECT_EQ(peek<Chosen>(mm(), 5), 6U);
    const pte_ref ref = ref_of(mm(), 11);
    EXPECT_FALSE(Chosen::pte_young(pte_of(mm(), 11)));
    lock_table(mm(), ref.table, 0);
    EXPECT_TRUE(Chosen::ptep_test_and_clear_young(mm(), page_at(11), ref.word()));
    EXPECT_FALSE(Chosen::ptep_test_and_clear_young(mm(), page_at(11), ref.word()));
    pte_unmap_unlock(mm(), ref);
    EXPECT_FALSE(Chosen::pte_young(pte_of(mm(), 5)));
    arm64::flush_tlb_mm(mm());
  });
}

// All of a block lose the right alike; the child's are set whole.
TEST_F(Contpte, ForkKeepsBlocks) {
  rig_.run([&] {
    map_blocks(mm());
    rig_.flushes();
    mm_struct* child = dup_mm<Chosen>(mm());
    ASSERT_NE(child, nullptr);
    EXPECT_THAT(rig_.flushes(), ElementsAre(full_flush)) << "nothing but the one at the end";
    for (unsigned block = 0; block < whole / CONT_PTES; ++block) {
      EXPECT_EQ(cont_in_block(mm(), block), 16U) << block;
      EXPECT_EQ(cont_in_block(*child, block), 16U) << block;
    }
    EXPECT_FALSE(Chosen::pte_write(pte_of(mm(), 33)));
    // The copy is made of one page; the block around it is unfolded.
    fill<Chosen>(mm(), 20, 1, 500);
    EXPECT_EQ(cont_in_block(mm(), 1), 0U);
    EXPECT_EQ(cont_in_block(mm(), 2), 16U);
    use_mm<Chosen>(*child);
    for (unsigned page = 0; page < whole; ++page) EXPECT_EQ(peek<Chosen>(*child, page), page + 1U);
    fill<Chosen>(*child, 32, 16, 700);
    use_mm<Chosen>(mm());
    EXPECT_EQ(peek<Chosen>(mm(), 40), 41U);
    EXPECT_EQ(peek<Chosen>(mm(), 20), 500U);
    mmput<Chosen>(*child);
  });
}

// An area that ends in a block: its part of it is copied, the block unfolded.
TEST_F(Contpte, ForkOfAPartUnfoldsIt) {
  rig_.run([&] {
    map_blocks(mm());
    EXPECT_EQ(do_madvise_flags<Chosen>(mm(), page_at(40), page_at(0) + pmd_size - page_at(40),
                                       VM_DONTCOPY, 0),
              0);
    mm_struct* child = dup_mm<Chosen>(mm());
    ASSERT_NE(child, nullptr);
    EXPECT_EQ(cont_in_block(mm(), 1), 16U);
    EXPECT_EQ(cont_in_block(mm(), 2), 0U);
    EXPECT_EQ(cont_in_block(mm(), 3), 16U) << "not copied";
    EXPECT_FALSE(Chosen::pte_write(pte_of(mm(), 39)));
    EXPECT_TRUE(Chosen::pte_write(pte_of(mm(), 40)));
    EXPECT_EQ(cont_in_block(*child, 1), 16U);
    EXPECT_EQ(cont_in_block(*child, 2), 0U);
    mmput<Chosen>(*child);
  });
}

// The right to write is added to one page.
TEST_F(Contpte, AWriteFaultUnfolds) {
  rig_.run([&] {
    map_blocks(mm());
    mm_struct* child = dup_mm<Chosen>(mm());
    ASSERT_NE(child, nullptr);
    mmput<Chosen>(*child);
    ASSERT_EQ(cont_in_block(mm(), 1), 16U);
    rig_.flushes();
    fill<Chosen>(mm(), 20, 1, 500);
    EXPECT_EQ(cont_in_block(mm(), 1), 0U);
    EXPECT_THAT(rig_.flushes(), ElementsAre(16, 1)) << "in place";
    for (unsigned page = 16; page < 32; ++page)
      EXPECT_EQ(peek<Chosen>(mm(), page), page == 20 ? 500U : page + 1U);
  });
}

TEST_F(Contpte, APinKnowsThePageInTheBlock) {
  rig_.run([&] {
    map_blocks(mm());
    page* pages[20];
    ASSERT_EQ(get_user_pages_fast<Chosen>(mm(), page_at(10), 20, FOLL_PIN | FOLL_WRITE, pages), 20);
    for (unsigned n = 0; n < 20; ++n)
      EXPECT_EQ(*static_cast<const std::uint64_t*>(pages[n]->frame), 11U + n);
    unpin_user_pages(pages, 20);
    EXPECT_EQ(cont_in_block(mm(), 0), 16U);
  });
}

// A whole table moves and takes its blocks along.
TEST_F(Contpte, ATableKeepsItsBlocksWhenItMoves) {
  rig_.run([&] {
    map_blocks(mm());
    EXPECT_EQ(move_to<Chosen>(mm(), 0, whole, 4 * whole),
              static_cast<std::int64_t>(page_at(4 * whole)));
    EXPECT_EQ(cont_in_block(mm(), 4 * whole / 16 + 3), 16U);
    for (unsigned page = 0; page < whole; ++page)
      EXPECT_EQ(peek<Chosen>(mm(), 4 * whole + page), page + 1U);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
