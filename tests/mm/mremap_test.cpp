// SPDX-License-Identifier: GPL-2.0-or-later
// mremap: contents go along, nothing is left behind, nothing is lost when it fails.
#include "mm/mremap.tcc"

#include <cerrno>

#include "mm/page_cache.h"
#include "mm/vma.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
class Mremap : public testing::Test {
 protected:
  // In pages; `to`: a fixed place.
  static std::int64_t resize(mm_struct& mm,
                             std::uint64_t page,
                             std::uint64_t old_pages,
                             std::uint64_t new_pages,
                             bool may_move = true,
                             std::optional<std::uint64_t> to = {}) {
    return do_mremap<A>(mm, {.old_address = page_at(page),
                             .old_length = old_pages * page_size,
                             .new_length = new_pages * page_size,
                             .may_move = may_move,
                             .fixed = to.has_value(),
                             .new_address = to.has_value() ? page_at(*to) : 0});
  }
  static std::int64_t at(std::uint64_t page) { return static_cast<std::int64_t>(page_at(page)); }
  static void expect_run(mm_struct& mm, vaddr_t va, std::uint64_t first, std::uint64_t pages) {
    for (std::uint64_t n = 0; n < pages; ++n) {
      std::uint64_t value = 0;
      EXPECT_EQ(user_read<A>(mm, va + n * page_size, value), AccessResult::done);
      EXPECT_EQ(value, first + n);
    }
  }
};
TYPED_TEST_SUITE(Mremap, Backends);

TYPED_TEST(Mremap, ShrinksInPlace) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 8);
    fill<TypeParam>(rig.mm(), 0, 8);
    rig.flushes();
    EXPECT_EQ(this->resize(rig.mm(), 0, 8, 3, false), this->at(0));
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(5)));
    this->expect_run(rig.mm(), page_at(0), 1, 3);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 3), unreadable);
    EXPECT_EQ(this->resize(rig.mm(), 0, 3, 3, false), this->at(0)) << "as long as before";
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

// Shrinking does not ask how long the area is: it only unmaps (script `errors`).
TYPED_TEST(Mremap, ShrinksFromBeyondTheEnd) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4);
    fill<TypeParam>(rig.mm(), 0, 4);
    EXPECT_EQ(this->resize(rig.mm(), 0, 10, 10), this->at(0));
    EXPECT_EQ(this->resize(rig.mm(), 0, 10, 2), this->at(0));
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 2U);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 2), unreadable);
  });
}

TYPED_TEST(Mremap, GrowsInPlaceIfThereIsRoom) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4);
    map<TypeParam>(rig.mm(), 10, 4, VM_READ);
    fill<TypeParam>(rig.mm(), 0, 4);
    EXPECT_EQ(this->resize(rig.mm(), 0, 4, 10, false), this->at(0));
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 9), 0U);
    EXPECT_EQ(this->resize(rig.mm(), 0, 10, 11, false), -ENOMEM);
    EXPECT_EQ(this->resize(rig.mm(), 2, 2, 3, false), -ENOMEM) << "not the end of its area";
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

TYPED_TEST(Mremap, GrowsElsewhereIfItMay) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    map<TypeParam>(mm, 4, 4, VM_READ);
    fill<TypeParam>(mm, 0, 4, 30);
    rig.flushes();
    const std::int64_t place = this->resize(mm, 0, 4, 6);
    ASSERT_GT(place, 0);
    EXPECT_EQ(place, static_cast<std::int64_t>(mm.mmap_base - 6 * page_size));
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(4)))
        << "the entries; their table still serves others";
    this->expect_run(mm, static_cast<vaddr_t>(place), 30, 4);
    EXPECT_EQ(peek<TypeParam>(mm, 0), unreadable);
    EXPECT_EQ(mm.rss.load(order::relaxed), 4);
  });
}

TYPED_TEST(Mremap, GrowsJustBelowItself) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    const auto top =
        static_cast<vaddr_t>(do_mmap<TypeParam>(mm, {.length = 8 * page_size, .flags = rw}));
    for (unsigned n = 0; n < 8; ++n)
      EXPECT_EQ(user_write<TypeParam>(mm, top + n * page_size, 60 + n), AccessResult::done);
    // The free place is the one right below, of the same kind: both are one area for a moment.
    const std::int64_t place = do_mremap<TypeParam>(mm, {.old_address = top,
                                                         .old_length = 4 * page_size,
                                                         .new_length = 5 * page_size,
                                                         .may_move = true});
    EXPECT_EQ(place, static_cast<std::int64_t>(top - 5 * page_size));
    this->expect_run(mm, static_cast<vaddr_t>(place), 60, 4);
    this->expect_run(mm, top + 4 * page_size, 64, 4);
    std::uint64_t value = 0;
    EXPECT_EQ(user_read<TypeParam>(mm, top, value), AccessResult::sigsegv);
    EXPECT_EQ(user_read<TypeParam>(mm, top - page_size, value), AccessResult::done);
    EXPECT_EQ(value, 0U);
  });
}

TYPED_TEST(Mremap, MovesToAFixedPlaceOverWhatIsThere) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    map<TypeParam>(mm, 100, 8);
    fill<TypeParam>(mm, 0, 4, 10);
    fill<TypeParam>(mm, 100, 8, 20);
    rig.flushes();
    EXPECT_EQ(this->resize(mm, 0, 4, 4, true, 102), this->at(102));
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(4, 4)));
    this->expect_run(mm, page_at(102), 10, 4);
    EXPECT_EQ(peek<TypeParam>(mm, 101), 21U);
    EXPECT_EQ(peek<TypeParam>(mm, 106), 26U);
    EXPECT_EQ(peek<TypeParam>(mm, 0), unreadable);
  });
}

TYPED_TEST(Mremap, MovesAndGrowsOrShrinksAtOnce) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 4, 10);
    EXPECT_EQ(this->resize(mm, 0, 4, 6, true, 50), this->at(50));
    this->expect_run(mm, page_at(50), 10, 4);
    EXPECT_EQ(peek<TypeParam>(mm, 55), 0U);
    EXPECT_EQ(this->resize(mm, 50, 6, 2, true, 0), this->at(0));
    this->expect_run(mm, page_at(0), 10, 2);
    EXPECT_EQ(peek<TypeParam>(mm, 2), unreadable);
    EXPECT_EQ(peek<TypeParam>(mm, 52), unreadable);
    EXPECT_EQ(mm.rss.load(order::relaxed), 2) << "what was cut off is gone, not moved";
  });
}

TYPED_TEST(Mremap, ThePartOfAnAreaMoves) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 10);
    fill<TypeParam>(mm, 0, 10);
    EXPECT_EQ(this->resize(mm, 3, 4, 4, true, 40), this->at(40));
    this->expect_run(mm, page_at(0), 1, 3);
    this->expect_run(mm, page_at(40), 4, 4);
    this->expect_run(mm, page_at(7), 8, 3);
    EXPECT_EQ(peek<TypeParam>(mm, 3), unreadable);
  });
}

// A page at every odd place of source and destination: stretches end at tables of either side.
TYPED_TEST(Mremap, MovesAcrossTheBordersOfTables) {
  for (const std::uint64_t to : {1024U + 100U, 2048U, 1024U + 511U}) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      mm_struct& mm = rig.mm();
      constexpr std::uint64_t from = 500, pages = 530;
      map<TypeParam>(mm, from, pages);
      fill<TypeParam>(mm, from, pages, 1);
      EXPECT_EQ(this->resize(mm, from, pages, pages, true, to), this->at(to));
      this->expect_run(mm, page_at(to), 1, pages);
      EXPECT_EQ(peek<TypeParam>(mm, from), unreadable);
    });
  }
}

// Both places in one table: its lock is taken once.
TYPED_TEST(Mremap, MovesWithinOneTable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4);
    fill<TypeParam>(rig.mm(), 0, 4);
    for (const std::uint64_t to : {4U, 0U, 200U, 508U})
      EXPECT_EQ(move_to<TypeParam>(rig.mm(),
                                   to == 4     ? 0U
                                   : to == 0   ? 4U
                                   : to == 200 ? 0U
                                               : 200U,
                                   4, to),
                this->at(to));
    this->expect_run(rig.mm(), page_at(508), 1, 4);
  });
}

TYPED_TEST(Mremap, UntouchedMemoryMovesWithoutAFlush) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 600);
    EXPECT_EQ(move_to<TypeParam>(rig.mm(), 0, 600, 2048), this->at(2048));
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_EQ(rig.mm().pgtables.load(order::relaxed), 0);
  });
}

TYPED_TEST(Mremap, AMovedFileStillShowsTheSamePages) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* file = file_create();
    do_mmap<TypeParam>(mm, {.address = page_at(0),
                            .length = 6 * page_size,
                            .flags = rw | VM_SHARED,
                            .fixed = true,
                            .file = file});
    put_file(*file);
    fill<TypeParam>(mm, 0, 6, 80);
    EXPECT_EQ(this->resize(mm, 2, 3, 4, true, 50), this->at(50));
    this->expect_run(mm, page_at(50), 82, 4);
    dontneed<TypeParam>(mm, 50, 3);
    this->expect_run(mm, page_at(50), 82, 3);
  });
}

TYPED_TEST(Mremap, Mistakes) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    fill<TypeParam>(mm, 0, 8);
    EXPECT_EQ(this->resize(mm, 20, 2, 3), -EFAULT) << "nothing there";
    EXPECT_EQ(this->resize(mm, 6, 4, 5), -EFAULT) << "beyond the area";
    EXPECT_EQ(this->resize(mm, 0, 8, 0), -EINVAL);
    EXPECT_EQ(this->resize(mm, 0, 4, 4, true, 2), -EINVAL) << "onto itself";
    EXPECT_EQ(this->resize(mm, 4, 4, 4, true, 1), -EINVAL);
    EXPECT_EQ(this->resize(mm, 0, 4, 4, false, 20), -EINVAL) << "fixed, and may not move";
    EXPECT_EQ(this->resize(mm, 0, 4, 6, true, 3), -EINVAL);
    EXPECT_EQ(this->resize(mm, 0, 4, 4, true, 4), this->at(4)) << "next to itself";
    const auto raw = [&](vaddr_t from, std::uint64_t old_length, std::uint64_t new_length,
                         vaddr_t to, bool fixed) {
      return do_mremap<TypeParam>(mm, {.old_address = from,
                                       .old_length = old_length,
                                       .new_length = new_length,
                                       .may_move = true,
                                       .fixed = fixed,
                                       .new_address = to});
    };
    const vaddr_t here = page_at(4);
    EXPECT_EQ(raw(here + 8, page_size, page_size, 0, false), -EINVAL);
    EXPECT_EQ(raw(here, page_size, page_size, here + 8 * page_size + 8, true), -EINVAL);
    EXPECT_EQ(raw(here, page_size, page_size, mm.task_size, true), -EINVAL);
    for (const std::uint64_t silly : {~0ULL, ~0ULL - page_size, 1ULL << 63, 1ULL << 60})
      EXPECT_EQ(raw(here, 4 * page_size, silly, 0, false), -EINVAL) << silly;
    EXPECT_EQ(raw(here, 4 * page_size, mm.task_size - page_size, 0, false), -ENOMEM);
    this->expect_run(mm, page_at(4), 1, 4);
  });
}

TYPED_TEST(Mremap, DoesNotGrowOverTheTop) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    const vaddr_t last = mm.task_size - page_size;
    do_mmap<TypeParam>(mm, {.address = last, .length = page_size, .flags = rw, .fixed = true});
    EXPECT_EQ(do_mremap<TypeParam>(
                  mm, {.old_address = last, .old_length = page_size, .new_length = 2 * page_size}),
              -ENOMEM);
    EXPECT_EQ(vma_lookup(mm, last)->vm_end, mm.task_size);
  });
}

// The old place is flushed before anybody can free the page by its new place (T53): a reader of
// the old place sees what was there, or nothing, never somebody else's page.
TYPED_TEST(Mremap, AReaderOfTheOldPlaceSeesTheOldPageOrNone) {
  each_trial(3, 120, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      if (cpu == 0) {
        map<TypeParam>(mm, 0, 1);
        map<TypeParam>(mm, 10, 1);
        fill<TypeParam>(mm, 0, 1, 5);
      }
      meeting.meet();
      for (unsigned n = 0; n < trial_rounds; ++n) {
        if (cpu == 0) {
          static_cast<void>(move_to<TypeParam>(mm, n % 2 == 0 ? 0 : 20, 1, n % 2 == 0 ? 20 : 0));
        } else if (cpu == 1) {
          const std::uint64_t seen = peek<TypeParam>(mm, 0);
          EXPECT_TRUE(seen == 5 || seen == 0 || seen == unreadable) << seen;
        } else {
          dontneed<TypeParam>(mm, 20, 1);
          EXPECT_EQ(user_write<TypeParam>(mm, page_at(10), 1000 + n), AccessResult::done);
          dontneed<TypeParam>(mm, 10, 1);
        }
      }
      unuse_mm<TypeParam>();
    });
  });
}

// ---- whole tables -------------------------------------------------------------------------------

template <class A>
class MoveTables : public testing::Test {
 protected:
  static constexpr std::uint64_t table = ptrs_per_table;  // pages
  static constexpr std::uint64_t giant = gib / page_size;
  static constexpr std::uint64_t keeper = 500 * giant;  // upper tables stay
  static void keep(mm_struct& mm) {
    map<A>(mm, keeper, 1);
    fill<A>(mm, keeper, 1);
  }
  static page* table_of(mm_struct& mm, std::uint64_t page, unsigned level) {
    return find_table<A>(mm, page_at(page), level);
  }
  static bool tables_stay() { return !A::features.move_tables; }
};
TYPED_TEST_SUITE(MoveTables, Backends);

TYPED_TEST(MoveTables, AnAlignedTableChangesItsPlace) {
  if (this->tables_stay()) GTEST_SKIP() << TypeParam::name << " moves page by page";
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->keep(mm);
    map<TypeParam>(mm, 0, this->table);
    fill<TypeParam>(mm, 3, 2, 30);
    page* moved = this->table_of(mm, 0, 0);
    rig.flushes();
    EXPECT_EQ(move_to<TypeParam>(mm, 0, this->table, this->giant),
              static_cast<std::int64_t>(page_at(this->giant)));
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush, 0)))
        << "the move; then the old PMD table";
    EXPECT_EQ(this->table_of(mm, this->giant, 0), moved);
    EXPECT_EQ(peek<TypeParam>(mm, this->giant + 4), 31U);
    EXPECT_EQ(peek<TypeParam>(mm, 4), unreadable);
  });
}

TYPED_TEST(MoveTables, AWholeGigabyteGoesAsOne) {
  if (this->tables_stay()) GTEST_SKIP() << TypeParam::name << " moves page by page";
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->keep(mm);
    map<TypeParam>(mm, 0, this->giant + this->table);
    for (const std::uint64_t page : {0UL, 5 * this->table + 7, this->giant - 1, this->giant + 3})
      fill<TypeParam>(mm, page, 1, page + 1);
    page* moved = this->table_of(mm, 0, 1);
    const std::uint64_t to = 4 * this->giant;
    rig.flushes();
    EXPECT_EQ(move_to<TypeParam>(mm, 0, this->giant + this->table, to),
              static_cast<std::int64_t>(page_at(to)));
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush, full_flush, 0)))
        << "the PUD, the PMD behind it, what is left of the tables";
    EXPECT_EQ(this->table_of(mm, to, 1), moved);
    for (const std::uint64_t page : {0UL, 5 * this->table + 7, this->giant - 1, this->giant + 3})
      EXPECT_EQ(peek<TypeParam>(mm, to + page), page + 1);
    EXPECT_EQ(peek<TypeParam>(mm, to + 1), 0U);
  });
}

// An area that begins in the middle of a PMD, nothing below it, moves with its first table whole.
TYPED_TEST(MoveTables, TheStartIsRoundedDownWhereNothingIsMapped) {
  if (this->tables_stay()) GTEST_SKIP() << TypeParam::name << " moves page by page";
  for (const bool neighbour : {false, true}) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      mm_struct& mm = rig.mm();
      this->keep(mm);
      if (neighbour) map<TypeParam>(mm, this->giant + 1, 1, VM_READ);
      map<TypeParam>(mm, 5, this->table);
      fill<TypeParam>(mm, 5, this->table, 100);
      const page* first = this->table_of(mm, 5, 0);
      rig.flushes();
      EXPECT_EQ(move_to<TypeParam>(mm, 5, this->table, this->giant + 5),
                static_cast<std::int64_t>(page_at(this->giant + 5)));
      EXPECT_EQ(this->table_of(mm, this->giant + 5, 0) == first, !neighbour);
      for (std::uint64_t n = 0; n < this->table; ++n)
        ASSERT_EQ(peek<TypeParam>(mm, this->giant + 5 + n), 100 + n);
    });
  }
}

TYPED_TEST(MoveTables, PageByPageWhereTablesStay) {
  using A = TypeParam;
  const ChangedFeatures changed(moves_pages_only);
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    this->keep(mm);
    map<TypeParam>(mm, 0, this->table);
    fill<TypeParam>(mm, 0, this->table, 100);
    const page* first = this->table_of(mm, 0, 0);
    EXPECT_EQ(move_to<A>(mm, 0, this->table, this->giant),
              static_cast<std::int64_t>(page_at(this->giant)));
    EXPECT_NE(this->table_of(mm, this->giant, 0), first);
    for (std::uint64_t n = 0; n < this->table; ++n)
      ASSERT_EQ(peek<TypeParam>(mm, this->giant + n), 100 + n);
  });
}

TYPED_TEST(MoveTables, NothingIsLostWhicheverAllocationFails) {
  unsigned nth = 1;
  for (;; ++nth) {
    MmRig<TypeParam> rig;
    bool failed = false;
    rig.run([&] {
      mm_struct& mm = rig.mm();
      const std::uint64_t to = 4 * this->giant - 2 * this->table;  // over a border of PMD tables
      map<TypeParam>(mm, 0, 4 * this->table + 3);
      for (std::uint64_t n = 0; n < 5; ++n) fill<TypeParam>(mm, n * this->table + 1, 1, n + 1);
      rig.allocations.fail({}, nth);
      const std::int64_t result = move_to<TypeParam>(mm, 0, 4 * this->table + 3, to);
      failed = rig.allocations.failed();
      rig.allocations.fail_none();
      const std::uint64_t base = result < 0 ? 0 : to;
      for (std::uint64_t n = 0; n < 5; ++n)
        EXPECT_EQ(peek<TypeParam>(mm, base + n * this->table + 1), n + 1) << nth;
    });
    if (!failed) break;
  }
  EXPECT_GT(nth, 3U) << "tables and areas were asked for";
}

// T53: another CPU has the old addresses in its TLB and its walk cache.
TYPED_TEST(MoveTables, NobodyWritesThroughTheOldPlace) {
  each_trial(2, 60, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      const std::uint64_t to = 4 * ptrs_per_table;
      if (cpu == 0) map<TypeParam>(mm, 0, ptrs_per_table);
      if (cpu == 0) fill<TypeParam>(mm, 0, 2, 1);
      meeting.meet();
      if (cpu == 0) {
        EXPECT_EQ(peek<TypeParam>(mm, 0), 1U);
        move_to<TypeParam>(mm, 0, ptrs_per_table, to);
        fill<TypeParam>(mm, to, 1, 77);
      } else {
        while (user_write<TypeParam>(mm, page_at(1), 5) == AccessResult::done) cpu_relax();
        EXPECT_EQ(peek<TypeParam>(mm, 1), unreadable);
      }
      meeting.meet();
      EXPECT_EQ(peek<TypeParam>(mm, to), 77U);
      unuse_mm<TypeParam>();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
