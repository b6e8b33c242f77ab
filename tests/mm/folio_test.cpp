// SPDX-License-Identifier: GPL-2.0-or-later
// Folios of more than one page: what they are made of, who counts, and what becomes of the frames.
#include <cstdint>

#include "mm/page_alloc.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr RigOptions roomy{.machine = {}, .frames = 1 << 12};

int references(const page* p) {
  return folio_of(const_cast<page*>(p))->refcount.load(order::relaxed);
}

TEST(Folio, IsOneRunOfFramesAndOfHostMemory) {
  MmRig<chosen_arch> rig(roomy);
  rig.run([&] {
    for (unsigned order = 1; order <= max_folio_order; ++order) {
      const long before = frames_in_use();
      page* head = alloc_folio(AllocSite::user_page, order);
      ASSERT_NE(head, nullptr) << order;
      EXPECT_EQ(folio_nr_pages(head), 1U << order);
      EXPECT_EQ(head->pfn % (1U << order), 0U);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(head->frame) % (page_size << order), 0U);
      EXPECT_EQ(frames_in_use() - before, 1L << order);
      for (unsigned n = 0; n < 1U << order; ++n) {
        EXPECT_EQ(head[n].pfn, head->pfn + n);
        EXPECT_EQ(folio_of(head + n), head);
        EXPECT_EQ(head[n].frame, static_cast<std::byte*>(head->frame) + n * page_size);
      }
      put_page(head + 1);  // any page will do
      EXPECT_EQ(frames_in_use(), before);
    }
  });
}

TEST(Folio, ZeroedIsZeroToTheLastByte) {
  MmRig<chosen_arch> rig(roomy);
  rig.run([&] {
    page* head = alloc_folio(AllocSite::user_page, max_folio_order);
    std::memset(head->frame, 0xff, page_size << max_folio_order);
    put_page(head);
    head = alloc_zeroed_folio(max_folio_order);
    const auto* bytes = static_cast<const unsigned char*>(head->frame);
    EXPECT_EQ(bytes[0], 0);
    EXPECT_EQ(std::memcmp(bytes, bytes + 1, (page_size << max_folio_order) - 1), 0);
    put_page(head);
  });
}

TEST(Folio, TheHeadCountsAndHasTheFlags) {
  MmRig<chosen_arch> rig(roomy);
  rig.run([&] {
    page* head = alloc_folio(AllocSite::user_page, 2);
    get_page(head + 3);
    folio_ref_add(head + 1, 2);
    EXPECT_EQ(references(head + 2), 4);
    page_set(head + 3, PG_anon | PG_dirty);
    EXPECT_TRUE(page_test(head, PG_anon));
    EXPECT_TRUE(page_test(head + 1, PG_dirty));
    page_set(head + 3, PG_anon | PG_anon_exclusive);
    EXPECT_TRUE(page_test(head + 3, PG_anon_exclusive));
    EXPECT_FALSE(page_test(head, PG_anon_exclusive)) << "that one is each page's own";
    page_clear(head + 2, PG_dirty);
    EXPECT_FALSE(page_test(head, PG_dirty));
    folio_put_refs(head, 3);
    EXPECT_EQ(references(head), 1);
    put_page(head);
  });
}

TEST(Folio, MappingsOfAPageAreItsOwnAndTheWhole) {
  MmRig<chosen_arch> rig(roomy);
  rig.run([&] {
    page* head = alloc_folio(AllocSite::user_page, max_folio_order);
    folio_add_rmap_pmd(head);
    folio_add_rmap_ptes(head + 2, 3);
    EXPECT_EQ(page_mapcount(head), 1);
    EXPECT_EQ(page_mapcount(head + 4), 2);
    EXPECT_EQ(page_mapcount(head + 5), 1);
    EXPECT_EQ(head->large_mapcount.load(order::relaxed), 4);
    folio_remove_rmap_pmd(head);
    folio_remove_rmap_ptes(head + 2, 3);
    put_page(head);
  });
}

TEST(Folio, EveryPageBeginsANewLifeWhenItIsFreed) {
  MmRig<chosen_arch> rig(roomy);
  rig.run([&] {
    rig.log().keep_all(true);
    page* head = alloc_folio(AllocSite::user_page, 3);
    std::uint32_t before[8];
    for (unsigned n = 0; n < 8; ++n) before[n] = head[n].generation.load(order::relaxed);
    put_page(head);
    EXPECT_EQ(rig.log().count(EventKind::page_free), 8U);
    for (unsigned n = 0; n < 8; ++n)
      EXPECT_EQ(head[n].generation.load(order::relaxed), before[n] + 1);
  });
}

TEST(Folio, FreeRunsAreCutWhenSingleFramesAreUsedUp) {
  MmRig<chosen_arch> rig({.machine = {}, .frames = 2048});
  rig.run([&] {
    std::vector<page*> taken;
    while (page* head = alloc_folio(AllocSite::user_page, max_folio_order)) taken.push_back(head);
    ASSERT_EQ(taken.size(), 3U) << "what the rig needs is in the fourth";
    for (page* head : taken) put_page(head);
    taken.clear();
    const long before = frames_in_use();
    while (page* p = alloc_page(AllocSite::user_page)) taken.push_back(p);
    EXPECT_EQ(frames_in_use(), static_cast<long>(taken.size()) + before);
    EXPECT_GE(taken.size(), 3U * 512);
    for (const page* p : taken) EXPECT_EQ(p->head, p);
    for (page* p : taken) put_page(p);
    EXPECT_EQ(alloc_folio(AllocSite::user_page, max_folio_order), nullptr)
        << "memory is in pieces now";
  });
}

TEST(Folio, ARefusalLeavesNothingBehind) {
  MmRig<chosen_arch> rig(roomy);
  rig.run([&] {
    const long before = frames_in_use();
    rig.allocations.fail(AllocSite::user_page, FailingAllocations::always);
    EXPECT_EQ(alloc_folio(AllocSite::user_page, max_folio_order), nullptr);
    EXPECT_EQ(alloc_zeroed_folio(2), nullptr);
    EXPECT_EQ(huge_zero_folio(), nullptr);
    rig.allocations.fail_none();
    EXPECT_EQ(frames_in_use(), before);
    EXPECT_NE(huge_zero_folio(), nullptr) << "a refusal is not for ever";
    EXPECT_EQ(huge_zero_folio(), huge_zero_folio());
    EXPECT_EQ(frames_in_use(), before) << "not counted, as the zero page is not";
  });
}

// The last reference may go on another CPU than the one that has the run.
TEST(Folio, RunsGoFromCpuToCpu) {
  each_trial(2, 30, [](const MachineOptions& options) {
    MmRig<chosen_arch> rig({.machine = options, .frames = 4096});
    Meeting meeting;
    page* shared = nullptr;
    rig.on_all([&](unsigned cpu) {
      for (unsigned round = 0; round < 4; ++round) {
        if (cpu == 0) {
          shared = alloc_folio(AllocSite::user_page, 9 - round);
          get_page(shared);
        }
        meeting.meet();
        put_page(shared);
        meeting.meet();
        page* mine = alloc_folio(AllocSite::user_page, 9 - round);
        EXPECT_NE(mine, nullptr);
        if (mine != nullptr) put_page(mine);
        meeting.meet();
      }
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
