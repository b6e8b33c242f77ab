// SPDX-License-Identifier: GPL-2.0-or-later
// Reclaim: from a page to whoever maps it, what may be taken and what stays, and when it is flushed.
#include "mm/vmscan.h"

#include <cerrno>

#include "harness/instances/mm_entry.h"
#include "tests/mm/swapped_pages.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

template <class A>
class Vmscan : public SwappedPages<A> {
 protected:
  static std::int64_t pageout(mm_struct& mm, std::uint64_t at, std::uint64_t pages) {
    return do_madvise_pageout<A>(mm, page_at(at), pages * page_size);
  }
};
TYPED_TEST_SUITE(Vmscan, Backends);

// ---- who maps it ----------------------------------------------------------------------------------

TYPED_TEST(Vmscan, APageIsFoundInParentChildAndGrandchild) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 4, 10);
    mm_struct* child = dup_mm<TypeParam>(mm);
    use_mm<TypeParam>(*child);
    mm_struct* grandchild = dup_mm<TypeParam>(*child);
    EXPECT_EQ(this->out(*child, 1), 0);
    for (mm_struct* space : {&mm, child, grandchild}) EXPECT_TRUE(this->swapped(*space, 1));
    EXPECT_EQ(swap_count(TypeParam::pte_swap_entry(this->entry(mm, 1))), 3U);
    fill<TypeParam>(*child, 2, 1, 50);  // the child's own page from here on
    EXPECT_EQ(this->out(*child, 2), 0);
    EXPECT_FALSE(this->swapped(mm, 2));
    EXPECT_FALSE(this->swapped(*grandchild, 2));
    EXPECT_EQ(this->out(mm, 2), 0);
    EXPECT_TRUE(this->swapped(*grandchild, 2));
    EXPECT_EQ(peek<TypeParam>(*child, 2), 50U);
    this->end(*grandchild, *child);
    this->end(*child, mm);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 11U);
    EXPECT_EQ(peek<TypeParam>(mm, 2), 12U);
  });
}

TYPED_TEST(Vmscan, APageIsFoundWhereItHasMovedTo) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 8);
    fill<TypeParam>(mm, 0, 8, 10);
    move_to<TypeParam>(mm, 2, 3, 100);      // entry by entry
    protect<TypeParam>(mm, 6, 1, VM_READ);  // cuts the area
    map<TypeParam>(mm, 512, 512);
    fill<TypeParam>(mm, 512, 1, 70);
    move_to<TypeParam>(mm, 512, 512, 2048);  // the table
    for (const unsigned at : {0U, 100U, 102U, 5U, 6U, 7U, 2048U}) {
      page* p = this->mapped(mm, at);
      EXPECT_EQ(this->out(mm, at), 0) << at;
      EXPECT_TRUE(this->swapped(mm, at)) << at;
      EXPECT_EQ(p->refcount.load(order::relaxed), 0) << at;
    }
    EXPECT_EQ(peek<TypeParam>(mm, 100), 12U);
    EXPECT_EQ(peek<TypeParam>(mm, 2048), 70U);
    EXPECT_EQ(peek<TypeParam>(mm, 7), 17U);
  });
}

// The neighbour came later and took over the area's family when the two became one.
TYPED_TEST(Vmscan, APageIsFoundInAnAreaThatWasMerged) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 4, 4);
    fill<TypeParam>(mm, 4, 4, 10);
    map<TypeParam>(mm, 0, 4);
    EXPECT_EQ(vma_lookup(mm, page_at(0)), vma_lookup(mm, page_at(7)));
    fill<TypeParam>(mm, 0, 4, 20);
    EXPECT_EQ(this->out(mm, 5), 0);
    EXPECT_EQ(this->out(mm, 1), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 5), 11U);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 21U);
  });
}

// Two families: what is in both was written to before they became neighbours.
TYPED_TEST(Vmscan, AreasOfTwoFamiliesStayTwo) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    map<TypeParam>(mm, 3, 2);
    fill<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 3, 2);
    map<TypeParam>(mm, 2, 1);
    EXPECT_EQ(vma_lookup(mm, page_at(0)), vma_lookup(mm, page_at(2)));
    EXPECT_NE(vma_lookup(mm, page_at(2)), vma_lookup(mm, page_at(3)));
  });
}

// ---- what may be taken ----------------------------------------------------------------------------

TYPED_TEST(Vmscan, PageoutTakesWhatIsThere) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(64);
    map<TypeParam>(mm, 0, 16);
    fill<TypeParam>(mm, 0, 8, 10);
    EXPECT_EQ(peek<TypeParam>(mm, 9), 0U);  // the zero page
    const long frames = frames_in_use();
    rig.flushes();
    EXPECT_EQ(this->pageout(mm, 0, 16), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(AllOf(SizeIs(8), Each(1))));
    EXPECT_EQ(frames_in_use(), frames - 8);
    EXPECT_EQ(swap_slots_in_use(), 8U);
    EXPECT_EQ(this->pageout(mm, 0, 16), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    for (unsigned n = 0; n < 8; ++n) EXPECT_EQ(peek<TypeParam>(mm, n), 10U + n);
  });
}

TYPED_TEST(Vmscan, WhatStays) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    fill<TypeParam>(mm, 0, 8, 10);
    EXPECT_EQ(this->pageout(mm, 0, 8), 0) << "no swap: nothing happens";
    EXPECT_FALSE(this->swapped(mm, 0));
    swapon(64);
    do_mlock<TypeParam>(mm, page_at(0), page_size);
    EXPECT_EQ(this->pageout(mm, 0, 1), -EINVAL);
    EXPECT_EQ(this->out(mm, 0), -EBUSY) << "locked";
    page* p = nullptr;
    ASSERT_EQ((get_user_pages_fast<TypeParam>(mm, page_at(1), 1, FOLL_PIN, &p)), 1);
    EXPECT_EQ(this->pageout(mm, 1, 1), 0);
    EXPECT_EQ(this->mapped(mm, 1), p) << "pinned";
    unpin_user_page(p);
    mm_struct* child = dup_mm<TypeParam>(mm);
    EXPECT_EQ(this->pageout(mm, 2, 1), 0);
    EXPECT_FALSE(this->swapped(mm, 2)) << "the child's too";
    isolated_pages held;
    ASSERT_TRUE(held.isolate(this->mapped(mm, 3)));
    EXPECT_EQ(this->out(mm, 3), -EBUSY) << "another reclaimer's";
    isolated_pages::putback(held.take());
    EXPECT_EQ(this->out(mm, 3), 0);
    this->end(*child, mm);
  });
}

TYPED_TEST(Vmscan, WhatWasGivenUpIsDroppedUnlessItWasWritten) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(64);
    map<TypeParam>(mm, 0, 3);
    fill<TypeParam>(mm, 0, 3, 10);
    do_madvise_free<TypeParam>(mm, page_at(0), 3 * page_size);
    fill<TypeParam>(mm, 1, 1, 20);
    page* p = nullptr;
    ASSERT_EQ((get_user_pages_fast<TypeParam>(mm, page_at(2), 1, 0, &p)), 1);
    EXPECT_EQ(this->pageout(mm, 0, 3), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 0U);
    EXPECT_EQ(this->mapped(mm, 2), p) << "somebody holds it";
    EXPECT_EQ(peek<TypeParam>(mm, 1), 20U);
    EXPECT_TRUE(page_test(this->mapped(mm, 1), PG_swapbacked)) << "its contents count again";
    put_page(p);
    EXPECT_EQ(this->out(mm, 2), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 2), 0U);
    EXPECT_EQ(swap_slots_in_use(), 0U);
  });
}

TYPED_TEST(Vmscan, PagesOfFilesAreReadAgain) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* file = file_create(
        {.kind = FileKind::disk, .pages = 32, .contents = [](std::uint64_t index, std::size_t) {
           return index + 5;
         }});
    do_mmap<TypeParam>(mm, {.address = page_at(0),
                            .length = 32 * page_size,
                            .flags = rw | VM_SHARED,
                            .fixed = true,
                            .file = file});
    EXPECT_EQ(peek<TypeParam>(mm, 0), 5U);  // and the pages around it
    fill<TypeParam>(mm, 3, 1, 90);
    const long frames = frames_in_use();
    EXPECT_EQ(this->pageout(mm, 0, 32), 0);
    EXPECT_EQ(frames_in_use(), frames - 15) << "a dirty page stays in the cache";
    EXPECT_EQ(mm.rss.load(order::relaxed), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 4), 9U);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 90U);
    unmap<TypeParam>(mm, 0, 32);
    put_file(*file);
  });
}

// ---- when it is flushed ---------------------------------------------------------------------------

// Another CPU runs the program: x86 and others flush once, before anything is freed.
TYPED_TEST(Vmscan, TheFlushIsPutOffAndSaid) {
  if (!TypeParam::features.batched_unmap) GTEST_SKIP() << TypeParam::name << " flushes each page";
  MmRig<TypeParam> rig({.machine = {.cpus = 2}});
  rig.on(1, [&] { use_mm<TypeParam>(rig.mm()); });
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(64);
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 4, 10);
    EXPECT_EQ(mm.tlb_flush_batched.load(order::relaxed), 0U);
    EXPECT_EQ(this->out(mm, 0), 0);
    EXPECT_EQ(mm.tlb_flush_batched.load(order::relaxed), 1U) << "one unmapped, none known flushed";
    rig.flushes();
    EXPECT_EQ(protect<TypeParam>(mm, 1, 1, VM_READ), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush, 1))) << "what reclaim owed first";
    EXPECT_EQ(mm.tlb_flush_batched.load(order::relaxed), 1U | 1U << TLB_FLUSH_BATCH_FLUSHED_SHIFT);
    EXPECT_EQ(protect<TypeParam>(mm, 1, 1, rw), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
  });
  rig.on(1, [] { unuse_mm<TypeParam>(); });
}

TYPED_TEST(Vmscan, TheCountStartsAgainBeforeItIsFull) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    for (std::uint32_t n = 0; n < TLB_FLUSH_BATCH_PENDING_LARGE + 1; ++n) inc_tlb_flush_batched(mm);
    EXPECT_EQ(mm.tlb_flush_batched.load(order::relaxed), TLB_FLUSH_BATCH_PENDING_LARGE + 1);
    inc_tlb_flush_batched(mm);
    EXPECT_EQ(mm.tlb_flush_batched.load(order::relaxed), 1U);
  });
}

// ---- races ----------------------------------------------------------------------------------------

// Pages go out, come back and are written to, their areas cut, moved, forked and joined meanwhile.
TYPED_TEST(Vmscan, AgainstEverythingThatChangesAreas) {
  each_trial(2, 400, [this](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      swapon(8);
      map<TypeParam>(rig.mm(), 0, 4);
      fill<TypeParam>(rig.mm(), 0, 4, 10);
    });
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      for (unsigned n = 0; n < trial_rounds; ++n) {
        if (cpu == 1) {
          for (const unsigned at : {0U, 1U, 40U, 2U}) this->out(mm, at);
        } else {
          protect<TypeParam>(mm, 1, 1, VM_READ);
          move_to<TypeParam>(mm, 0, 1, 40);
          mm_struct* child = dup_mm<TypeParam>(mm);
          fill<TypeParam>(mm, 2, 1, 12);
          EXPECT_EQ(peek<TypeParam>(mm, 40), 10U);
          EXPECT_EQ(peek<TypeParam>(mm, 1), 11U);
          mmput<TypeParam>(*child);
          protect<TypeParam>(mm, 1, 1, rw);
          move_to<TypeParam>(mm, 40, 1, 0);
        }
      }
      unuse_mm<TypeParam>();
    });
    rig.run([&] {
      for (unsigned at = 0; at < 4; ++at) EXPECT_EQ(peek<TypeParam>(rig.mm(), at), 10U + at);
    });
  });
}

// Two reclaimers and faults on the same pages.
TYPED_TEST(Vmscan, TwoReclaimers) {
  each_trial(3, 400, [this](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      swapon(8);
      map<TypeParam>(rig.mm(), 0, 3);
      fill<TypeParam>(rig.mm(), 0, 3, 10);
    });
    rig.run_all([&](unsigned cpu) {
      for (unsigned n = 0; n < trial_rounds; ++n) {
        if (cpu != 0) {
          this->pageout(rig.mm(), 0, 3);
        } else {
          fill<TypeParam>(rig.mm(), 1, 1, 20 + n);
          EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 20U + n);
          EXPECT_EQ(peek<TypeParam>(rig.mm(), 2), 12U);
        }
      }
      unuse_mm<TypeParam>();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
