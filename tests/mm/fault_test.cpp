// SPDX-License-Identifier: GPL-2.0-or-later
// Page faults of one address space: what they put there, who may do what, and the A and D bits.
#include "mm/page_cache.h"
#include "mm/pgtable.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
class Fault : public testing::Test {
 protected:
  static pte_t pte(MmRig<A>& rig, std::uint64_t page) {
    return peek_pte<A>(rig.mm(), page_at(page));
  }
  static pfn_t frame(MmRig<A>& rig, std::uint64_t page) { return A::pte_pfn(pte(rig, page)); }
  static AccessResult touch(MmRig<A>& rig, std::uint64_t page, Access access) {
    return user_touch<A>(rig.mm(), page_at(page), access);
  }
};
TYPED_TEST_SUITE(Fault, Backends);

constexpr std::uint32_t rwx = rw | VM_EXEC;

TYPED_TEST(Fault, AReadOfFreshMemoryShowsTheZeroPage) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 0U);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 0U);
    EXPECT_EQ(this->frame(rig, 0), zero_page()->pfn);
    EXPECT_EQ(this->frame(rig, 1), zero_page()->pfn);
    EXPECT_FALSE(TypeParam::pte_write(this->pte(rig, 0)));
    EXPECT_EQ(rig.mm().rss.load(order::relaxed), 0) << "the zero page is nobody's";
  });
}

TYPED_TEST(Fault, AWriteGetsAPageOfItsOwn) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 2);
    fill<TypeParam>(rig.mm(), 0, 2, 5);
    EXPECT_NE(this->frame(rig, 0), this->frame(rig, 1));
    EXPECT_NE(this->frame(rig, 0), zero_page()->pfn);
    EXPECT_TRUE(TypeParam::pte_write(this->pte(rig, 0)));
    EXPECT_TRUE(TypeParam::pte_dirty(this->pte(rig, 0)));
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 5U);
    std::uint64_t rest = 1;
    EXPECT_EQ(user_read<TypeParam>(rig.mm(), page_at(0) + page_size - 8, rest), AccessResult::done);
    EXPECT_EQ(rest, 0U) << "the rest of the page is zero";
    EXPECT_EQ(rig.mm().rss.load(order::relaxed), 2);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

// Data rule 10: over the zero page, one flush of one page; and no trace of an earlier owner.
TYPED_TEST(Fault, AWriteOverTheZeroPageFlushesOnePage) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 10, 4);
    fill<TypeParam>(rig.mm(), 10, 4, 77);
    unmap<TypeParam>(rig.mm(), 10, 4);
    map<TypeParam>(rig.mm(), 0, 2);
    this->touch(rig, 0, Access::read);
    rig.flushes();
    EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(0) + 8, 9), AccessResult::done);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 0U);
    EXPECT_EQ(rig.mm().rss.load(order::relaxed), 1);
  });
}

TYPED_TEST(Fault, GivenBackMemoryIsZeroAgain) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 8);
    fill<TypeParam>(rig.mm(), 0, 8);
    dontneed<TypeParam>(rig.mm(), 2, 3);
    for (const std::uint64_t page : {2U, 3U, 4U}) EXPECT_EQ(peek<TypeParam>(rig.mm(), page), 0U);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 2U);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 5), 6U);
  });
}

TYPED_TEST(Fault, NothingMappedIsSigsegv) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 1, 1);
    for (const Access access : {Access::read, Access::write, Access::exec}) {
      EXPECT_EQ(this->touch(rig, 0, access), AccessResult::sigsegv);
      EXPECT_EQ(this->touch(rig, 2, access), AccessResult::sigsegv);
    }
    EXPECT_EQ(rig.mm().pgtables.load(order::relaxed), 0) << "and no table is made for it";
  });
}

// Addresses of which the tables would only see the lower bits.
TYPED_TEST(Fault, AboveTheAddressSpaceIsSigsegv) {
  for (const unsigned top_level : {3U, 4U}) {
    MmRig<TypeParam> rig({.machine = {}, .top_level = top_level});
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 1);
      fill<TypeParam>(rig.mm(), 0, 1);
      const vaddr_t beyond = 1ULL << level_shift(top_level + 1);
      std::uint64_t value = 0;
      for (const vaddr_t va : {rig.mm().task_size, test_base + beyond, test_base - beyond,
                               beyond - page_size, 0 - page_size}) {
        EXPECT_EQ(user_read<TypeParam>(rig.mm(), va, value), AccessResult::sigsegv) << va;
        EXPECT_EQ(user_write<TypeParam>(rig.mm(), va, 2), AccessResult::sigsegv) << va;
      }
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 1U);
    });
  }
}

// What each protection allows, before and after the page is there.
TYPED_TEST(Fault, RightsOfAnArea) {
  struct Row {
    std::uint32_t prot;
    bool read, write, exec;
  };
  // As the hardware of most machines: what may be written or fetched may be read.
  static constexpr Row rows[] = {{0, false, false, false},
                                 {VM_READ, true, false, false},
                                 {rw, true, true, false},
                                 {VM_READ | VM_EXEC, true, false, true},
                                 {rwx, true, true, true}};
  const auto expected = [](bool allowed) {
    return allowed ? AccessResult::done : AccessResult::sigsegv;
  };
  for (const bool present : {false, true})
    for (const Row& row : rows) {
      MmRig<TypeParam> rig;
      rig.run([&] {
        map<TypeParam>(rig.mm(), 0, 3, present ? rwx : row.prot);
        if (present) {
          fill<TypeParam>(rig.mm(), 0, 3);
          for (std::uint64_t page = 0; page < 3; ++page) this->touch(rig, page, Access::exec);
          EXPECT_EQ(protect<TypeParam>(rig.mm(), 0, 3, row.prot), 0);
        }
        EXPECT_EQ(this->touch(rig, 0, Access::read), expected(row.read)) << row.prot << present;
        EXPECT_EQ(this->touch(rig, 1, Access::write), expected(row.write)) << row.prot << present;
        EXPECT_EQ(this->touch(rig, 2, Access::exec), expected(row.exec)) << row.prot << present;
        // Once more, now that the first has perhaps put something there.
        EXPECT_EQ(this->touch(rig, 0, Access::write), expected(row.write)) << row.prot << present;
        EXPECT_EQ(this->touch(rig, 0, Access::exec), expected(row.exec)) << row.prot << present;
      });
    }
}

TYPED_TEST(Fault, NoAccessAndBackKeepsTheContents) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 3);
    fill<TypeParam>(rig.mm(), 0, 3, 40);
    rig.flushes();
    protect<TypeParam>(rig.mm(), 0, 3, 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(3)));
    EXPECT_TRUE(TypeParam::pte_protnone(this->pte(rig, 1)));
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), unreadable);
    protect<TypeParam>(rig.mm(), 0, 3, VM_READ);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "no TLB had anything (data rule 9)";
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 41U);
    protect<TypeParam>(rig.mm(), 0, 3, 0);
    protect<TypeParam>(rig.mm(), 0, 3, rw);
    EXPECT_EQ(this->touch(rig, 1, Access::write), AccessResult::done);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 2), 42U);
  });
}

TYPED_TEST(Fault, ReadOnlyAndBackIsWritableWithoutACopy) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 2);
    fill<TypeParam>(rig.mm(), 0, 2);
    const pfn_t before = this->frame(rig, 0);
    protect<TypeParam>(rig.mm(), 0, 2, VM_READ);
    EXPECT_EQ(this->touch(rig, 0, Access::write), AccessResult::sigsegv);
    protect<TypeParam>(rig.mm(), 0, 2, rw);
    EXPECT_TRUE(TypeParam::pte_write(this->pte(rig, 0))) << "its only owner need not fault";
    rig.flushes();
    EXPECT_EQ(this->touch(rig, 0, Access::write), AccessResult::done);
    EXPECT_EQ(this->frame(rig, 0), before);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

TYPED_TEST(Fault, TheZeroPageIsNotMadeWritable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 2, VM_READ);
    this->touch(rig, 0, Access::read);
    rig.flushes();
    protect<TypeParam>(rig.mm(), 0, 2, rw);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "data rule 9";
    EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(0), 3), AccessResult::done);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 0U);
    EXPECT_EQ(*static_cast<const std::uint64_t*>(zero_page()->frame), 0U);
  });
}

// ---- A and D ------------------------------------------------------------------------------------

// Shared memory, so that a read alone makes a writable entry that is clean.
TYPED_TEST(Fault, TheFirstWriteThroughACleanTranslationSetsDirty) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = file_create();
    do_mmap<TypeParam>(rig.mm(), {.address = page_at(0),
                                  .length = page_size,
                                  .flags = rw | VM_SHARED,
                                  .fixed = true,
                                  .file = file});
    put_file(*file);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 0U);
    EXPECT_TRUE(TypeParam::pte_young(this->pte(rig, 0)));
    EXPECT_TRUE(TypeParam::pte_write(this->pte(rig, 0)));
    EXPECT_FALSE(TypeParam::pte_dirty(this->pte(rig, 0)));
    EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(0), 8), AccessResult::done);
    EXPECT_TRUE(TypeParam::pte_dirty(this->pte(rig, 0)));
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 8U);
  });
}

// D32. The entry is taken away behind everybody's back: no flush, as between the steps of a zap.
TYPED_TEST(Fault, AWriteThroughACleanTranslationLooksAtTheEntryAgain) {
  if (flushes_with_entries()) GTEST_SKIP() << "nothing is cached that the entry does not say";
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = file_create();
    do_mmap<TypeParam>(rig.mm(), {.address = page_at(0),
                                  .length = page_size,
                                  .flags = rw | VM_SHARED,
                                  .fixed = true,
                                  .file = file});
    put_file(*file);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 0U);
    const pte_ref ref = pte_offset_map_lock<TypeParam>(rig.mm(), page_at(0));
    const pte_t was = ptep_get_and_clear<TypeParam>(rig.mm(), ref, page_at(0));
    pte_unmap_unlock(rig.mm(), ref);
    {
      const access_window_of<TypeParam> window;
      EXPECT_NE(TypeParam::translate(page_at(0), Access::read).host, nullptr) << "still cached";
      EXPECT_EQ(TypeParam::translate(page_at(0), Access::write).host, nullptr);
    }
    EXPECT_EQ(ref.word().load(order::relaxed), 0U) << "and no bit of it comes back";
    set_pte_at(rig.mm(), ref, page_at(0), was);
    EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(0), 1), AccessResult::done);
  });
}

TYPED_TEST(Fault, DirtyGoesFromTheEntryToThePageOfAFile) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = file_create();
    do_mmap<TypeParam>(rig.mm(), {.address = page_at(0),
                                  .length = 2 * page_size,
                                  .flags = rw | VM_SHARED,
                                  .fixed = true,
                                  .file = file});
    this->touch(rig, 0, Access::read);
    this->touch(rig, 1, Access::write);
    dontneed<TypeParam>(rig.mm(), 0, 2);
    page* clean = file_get_page(*file, 0);
    page* dirty = file_get_page(*file, 1);
    EXPECT_FALSE(page_test(clean, PG_dirty));
    EXPECT_TRUE(page_test(dirty, PG_dirty));
    put_page(clean);
    put_page(dirty);
    put_file(*file);
  });
}

// ---- several CPUs at one page -------------------------------------------------------------------

TYPED_TEST(Fault, TwoCpusAtOnceGetOnePage) {
  for (const bool read_first : {false, true})
    each_trial(3, 100, [read_first](const MachineOptions& options) {
      MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
      Meeting meeting;
      rig.run_all([&](unsigned cpu) {
        if (cpu == 0) map<TypeParam>(rig.mm(), 0, 1);
        meeting.meet();
        if (read_first) user_touch<TypeParam>(rig.mm(), page_at(0), Access::read);
        EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(0) + 8 * cpu, cpu + 1),
                  AccessResult::done);
        meeting.meet();
        for (unsigned other = 0; other < nr_cpu_ids(); ++other) {
          std::uint64_t value = 0;
          EXPECT_EQ(user_read<TypeParam>(rig.mm(), page_at(0) + 8 * other, value),
                    AccessResult::done);
          EXPECT_EQ(value, other + 1) << "written to another page";
        }
        unuse_mm<TypeParam>();
      });
      EXPECT_EQ(rig.mm().rss.load(order::relaxed), 1);
    });
}

TYPED_TEST(Fault, TwoCpusMakeTheTablesOfAPlaceOnce) {
  each_trial(3, 100, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) map<TypeParam>(rig.mm(), 0, 1024);
      meeting.meet();
      fill<TypeParam>(rig.mm(), 511 + cpu, 1);  // two PTE tables, one of all else
      meeting.meet();
      if (cpu == 0) {
        EXPECT_EQ(rig.mm().pgtables.load(order::relaxed), 4);
      }
      unuse_mm<TypeParam>();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
