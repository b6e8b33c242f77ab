// SPDX-License-Identifier: GPL-2.0-or-later
// Collapse: what becomes one huge page and what stays as it was, what is left of the small pages, and who
// may be at them meanwhile.
#include "mm/khugepaged.h"

#include <cerrno>

#include "mm/gup.h"
#include "mm/huge_memory.tcc"
#include "mm/userfaultfd.h"
#include "tests/mm/swapped_pages.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;

constexpr std::uint64_t whole = hpage_pmd_nr;

template <class A>
class Khugepaged : public SwappedPages<A> {
 public:
  static constexpr RigOptions roomy{.machine = {}, .frames = 1 << 13};

  static void advise(mm_struct& mm, std::uint64_t at = 0, std::uint64_t pages = whole) {
    EXPECT_EQ(do_madvise_flags<A>(mm, page_at(at), pages * page_size, VM_HUGEPAGE, VM_NOHUGEPAGE),
              0);
  }
  // Pages [from, from + pages) of the first PMD, small ones, with values from `value` on.
  static void small_pages(mm_struct& mm, std::uint64_t from, std::uint64_t pages) {
    map<A>(mm, 0, whole);
    fill<A>(mm, from, pages, 1);
    advise(mm);
  }
  static std::int64_t collapse(mm_struct& mm, std::uint64_t at = 0) {
    return collapse_huge_page<A>(mm, page_at(at));
  }
  static bool is_huge(mm_struct& mm, std::uint64_t at = 0) {
    return detail::is_huge<A>(mm, page_at(at));
  }
  static page* folio_at(mm_struct& mm, std::uint64_t at = 0) {
    const pte_t pmd = ptep_get(entry_in(find_table<A>(mm, page_at(at), 1), page_at(at), 1));
    return pfn_to_page(A::pte_pfn(pmd));
  }
  static long rss(const mm_struct& mm) { return mm.rss.load(order::relaxed); }
  // Nothing changed, and all can be used.
  static void expect_small(mm_struct& mm, std::uint64_t from, std::uint64_t pages) {
    EXPECT_FALSE(is_huge(mm));
    for (std::uint64_t n = 0; n < pages; ++n) EXPECT_EQ(peek<A>(mm, from + n), n + 1) << n;
  }
};
TYPED_TEST_SUITE(Khugepaged, Backends);

TYPED_TEST(Khugepaged, SmallPagesBecomeOneHugePage) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->small_pages(mm, 0, whole);
    const long frames = frames_in_use(), tables = mm.pgtables.load(order::relaxed);
    rig.flushes();
    EXPECT_EQ(this->collapse(mm, 77), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
    EXPECT_TRUE(this->is_huge(mm));
    EXPECT_EQ(frames_in_use(), frames) << "512 for 512";
    EXPECT_EQ(mm.pgtables.load(order::relaxed), tables) << "the table is laid by";
    EXPECT_EQ(this->rss(mm), 512);
    for (std::uint64_t n = 0; n < whole; ++n) EXPECT_EQ(peek<TypeParam>(mm, n), n + 1) << n;
    page* head = this->folio_at(mm);
    EXPECT_TRUE(page_test(head, PG_anon_exclusive));
    EXPECT_EQ(head->refcount.load(order::relaxed), 1);
    EXPECT_EQ(head->entire_mapcount.load(order::relaxed), 1);
    fill<TypeParam>(mm, 0, whole, 1000);
    EXPECT_EQ(peek<TypeParam>(mm, 511), 1511U);
    EXPECT_THAT(rig.flushes(), as_on_x86(testing::IsEmpty())) << "written in place";
    EXPECT_EQ(this->collapse(mm), -ENOENT) << "it is one already";
  });
}

TYPED_TEST(Khugepaged, WhatIsMissingReadsAsZero) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->small_pages(mm, 100, 3);
    EXPECT_EQ(peek<TypeParam>(mm, 200), 0U);  // the zero page
    EXPECT_EQ(this->rss(mm), 3);
    const long frames = frames_in_use();
    EXPECT_EQ(this->collapse(mm), 0);
    EXPECT_EQ(frames_in_use(), frames + 512 - 3);
    EXPECT_EQ(this->rss(mm), 512);
    for (std::uint64_t n = 0; n < whole; ++n)
      EXPECT_EQ(peek<TypeParam>(mm, n), n >= 100 && n < 103 ? n - 99 : 0) << n;
  });
}

TYPED_TEST(Khugepaged, OnlyWhereTheAreaWantsOne) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, whole);
    EXPECT_EQ(this->collapse(mm), -EINVAL) << "nobody asked";
    this->advise(mm);
    EXPECT_EQ(this->collapse(mm), -EINVAL) << "never a page";
    EXPECT_EQ(this->collapse(mm, 2 * whole), -EINVAL) << "no area";
    map<TypeParam>(mm, 4 * whole, 2 * whole);
    fill<TypeParam>(mm, 4 * whole, 1, 5);
    this->advise(mm, 4 * whole, 2 * whole);
    EXPECT_EQ(this->collapse(mm, 5 * whole), -ENOENT) << "no table";
    EXPECT_EQ(this->collapse(mm, 4 * whole), 0);
    map<TypeParam>(mm, 8 * whole, whole - 1);
    fill<TypeParam>(mm, 8 * whole, 1, 5);
    this->advise(mm, 8 * whole, whole - 1);
    EXPECT_EQ(this->collapse(mm, 8 * whole), -EINVAL) << "no room";
    EXPECT_EQ(peek<TypeParam>(mm, 8 * whole), 5U);
  });
}

TYPED_TEST(Khugepaged, APinnedPageKeepsItsPlace) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->small_pages(mm, 0, 8);
    page* pinned = nullptr;
    ASSERT_EQ(get_user_pages_fast<TypeParam>(mm, page_at(5), 1, FOLL_PIN | FOLL_WRITE, &pinned), 1);
    const long frames = frames_in_use();
    EXPECT_EQ(this->collapse(mm), -EBUSY);
    EXPECT_EQ(frames_in_use(), frames);
    this->expect_small(mm, 0, 8);
    EXPECT_EQ(this->mapped(mm, 5), pinned);
    fill<TypeParam>(mm, 0, 8, 1);  // nothing was left locked, or read-only
    unpin_user_page(pinned);
    EXPECT_EQ(this->collapse(mm), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 5), 6U);
  });
}

TYPED_TEST(Khugepaged, LeavesWhatIsNotPlainlyThere) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    this->small_pages(mm, 0, 8);
    ASSERT_EQ(this->out(mm, 3), 0);
    EXPECT_EQ(this->collapse(mm), -EBUSY) << "swapped out";
    EXPECT_TRUE(this->swapped(mm, 3));
    this->expect_small(mm, 0, 8);
    EXPECT_EQ(this->collapse(mm), 0) << "swapped in";
    EXPECT_EQ(peek<TypeParam>(mm, 3), 4U);
    EXPECT_EQ(swap_slots_in_use(), 0U);
  });
}

TYPED_TEST(Khugepaged, LeavesWhatMayNotBeWritten) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->small_pages(mm, 0, 8);
    EXPECT_EQ(protect<TypeParam>(mm, 0, whole, VM_READ), 0);
    EXPECT_EQ(this->collapse(mm), -EBUSY) << "read-only";
    EXPECT_EQ(protect<TypeParam>(mm, 0, whole, rw), 0);
    ASSERT_EQ(do_uffd_register<TypeParam>(mm, page_at(0), pmd_size, VM_UFFD_WP), 0);
    EXPECT_EQ(this->collapse(mm), -EBUSY) << "missing pages would be told";
    this->expect_small(mm, 0, 8);
    fill<TypeParam>(mm, 0, whole, 1);
    ASSERT_EQ(do_uffd_writeprotect<TypeParam>(mm, page_at(9), page_size, true), 0);
    EXPECT_EQ(this->collapse(mm), -EBUSY) << "write-protected";
    ASSERT_EQ(do_uffd_writeprotect<TypeParam>(mm, page_at(9), page_size, false), 0);
    EXPECT_EQ(this->collapse(mm), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 9), 10U);
  });
}

TYPED_TEST(Khugepaged, AChildKeepsTheSmallPages) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->small_pages(mm, 0, 4);
    mm_struct* child = dup_mm<TypeParam>(mm);
    ASSERT_NE(child, nullptr);
    fill<TypeParam>(mm, 3, 1, 40);  // one of its own, writable
    EXPECT_EQ(this->collapse(mm), 0);
    fill<TypeParam>(mm, 0, 1, 10);
    use_mm<TypeParam>(*child);
    this->expect_small(*child, 0, 4);
    EXPECT_EQ(page_mapcount(this->mapped(*child, 1)), 1);
    use_mm<TypeParam>(mm);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 10U);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 2U);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 40U);
    this->end(*child, mm);
  });
}

// The pages of a folio that was split are one to be locked; the table that was laid by serves again.
TYPED_TEST(Khugepaged, AfterASplitAndBack) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->small_pages(mm, 0, whole);
    const long frames = frames_in_use();
    for (unsigned round = 0; round < 3; ++round) {
      EXPECT_EQ(this->collapse(mm), 0);
      const page* head = this->folio_at(mm);
      split_huge_pmd<TypeParam>(mm, page_at(0));
      EXPECT_EQ(this->mapped(mm, 9), head + 9);
      EXPECT_EQ(peek<TypeParam>(mm, 9), 10U);
      EXPECT_EQ(frames_in_use(), frames);
    }
    dontneed<TypeParam>(mm, 3, 1);
    fill<TypeParam>(mm, 3, 1, 99);  // a small page among those of the folio
    EXPECT_EQ(this->collapse(mm), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 2), 3U);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 99U);
    EXPECT_EQ(frames_in_use(), frames);
    dontneed<TypeParam>(mm, 0, whole);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 0U);
    EXPECT_EQ(this->rss(mm), 0);
  });
}

TYPED_TEST(Khugepaged, WithoutMemoryAllStays) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->small_pages(mm, 0, 8);
    for (unsigned nth = 1;; ++nth) {
      rig.allocations.fail({}, nth);
      const std::int64_t result = this->collapse(mm);
      const bool failed = rig.allocations.failed();
      rig.allocations.fail_none();
      if (!failed) {
        EXPECT_EQ(result, 0);
        break;
      }
      EXPECT_EQ(result, -ENOMEM) << nth;
      this->expect_small(mm, 0, 8);
    }
    EXPECT_EQ(peek<TypeParam>(mm, 7), 8U);
  });
}

// T60: at no time two sizes for one address.
TYPED_TEST(Khugepaged, FlushesBeforeTheFolioCanBeSeen) {
  MmRig<TypeParam> rig(this->roomy);
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->small_pages(mm, 0, 2);
    const pfn_t pmds = find_table<TypeParam>(mm, page_at(0), 1)->pfn;
    rig.log().keep_all(true);
    rig.log().clear();
    EXPECT_EQ(this->collapse(mm), 0);
    std::string order;
    for (const trace_event& e : rig.log().events()) {
      const bool of_pmd = e.kind == EventKind::pte_change && e.a >> table_bits == pmds;
      if (e.kind == EventKind::copy_begin) order += "copy ";
      if (of_pmd) order += TypeParam::pte_none({e.c}) ? "none " : "huge ";
      if (e.kind == EventKind::page_free) order += "free ";
    }
    EXPECT_EQ(order, "none copy copy free free huge ");
    rig.log().keep_all(false);
  });
}

// ---- everybody at once --------------------------------------------------------------------------

TYPED_TEST(Khugepaged, NoWriteIsLost) {
  each_trial(3, 40, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = 8192, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      if (cpu == 0) Khugepaged<TypeParam>::small_pages(mm, 0, 4);
      meeting.meet();
      if (cpu == 0) {
        EXPECT_EQ(Khugepaged<TypeParam>::collapse(mm), 0);
      } else {
        for (std::uint64_t n = 0; n < 3; ++n) {
          const std::uint64_t page = 2 * n + cpu - 1, value = 100 * cpu + n;
          fill<TypeParam>(mm, page, 1, value);
          EXPECT_EQ(peek<TypeParam>(mm, page), value);
        }
      }
      meeting.meet();
      for (std::uint64_t page = 0; page < 6; ++page)
        EXPECT_EQ(peek<TypeParam>(mm, page), 100 * (page % 2 + 1) + page / 2);
      unuse_mm<TypeParam>();
    });
  });
}

// Whoever gets a pin has the page that the address shows, whether it was made huge or not.
TYPED_TEST(Khugepaged, APinIsOnThePageThatStays) {
  each_trial(2, 150, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = 8192, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      page* pinned = nullptr;
      if (cpu == 0) Khugepaged<TypeParam>::small_pages(mm, 0, 1);
      meeting.meet();
      if (cpu == 0) {
        const std::int64_t result = Khugepaged<TypeParam>::collapse(mm);
        EXPECT_TRUE(result == 0 || result == -EBUSY) << result;
      } else {
        EXPECT_EQ(get_user_pages_fast<TypeParam>(mm, page_at(0), 1, FOLL_PIN | FOLL_WRITE, &pinned),
                  1);
      }
      meeting.meet();
      if (pinned != nullptr) {
        fill<TypeParam>(mm, 0, 1, 77);
        EXPECT_EQ(read_once(*static_cast<const std::uint64_t*>(pinned->frame)), 77U);
        unpin_user_page(pinned);
      }
      unuse_mm<TypeParam>();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
