// SPDX-License-Identifier: GPL-2.0-or-later
// Mappings of files: what they show, which pages are mapped around a fault, when a page is dirty,
// what write-back and holes do to those who map it.
#include <cerrno>

#include "tests/mm/backends.h"
#include "tests/mm/file_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
class File : public testing::Test {};
TYPED_TEST_SUITE(File, Backends);

TYPED_TEST(File, ShowsWhatItHeld) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    for (address_space* file : {disk_file(8), memfd(8)})
      for (const std::uint32_t flags : {rw, rw_shared}) {
        map_file<TypeParam>(rig.mm(), file, 0, 4, flags, 2);
        for (std::uint64_t n = 0; n < 4; ++n)
          EXPECT_EQ(peek<TypeParam>(rig.mm(), n), initial_word(n + 2, 0));
        if (flags == rw_shared) put_file(*file);
      }
  });
}

TYPED_TEST(File, APrivateWriteDoesNotReachTheFile) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(4);
    map_file<TypeParam>(rig.mm(), file, 0, 4, rw);
    map_file<TypeParam>(rig.mm(), file, 10, 4);
    fill<TypeParam>(rig.mm(), 1, 1, 7);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 7U);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 11), initial_word(1, 0));
    EXPECT_FALSE(is_dirty(*file, 1));
    put_file(*file);
  });
}

TYPED_TEST(File, AnAccessBeyondTheEndIsABusError) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(2);
    map_file<TypeParam>(rig.mm(), file, 0, 4);
    std::uint64_t value = 0;
    EXPECT_EQ(user_read<TypeParam>(rig.mm(), page_at(1), value), AccessResult::done);
    EXPECT_EQ(user_read<TypeParam>(rig.mm(), page_at(2), value), AccessResult::sigbus);
    EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(3), 1), AccessResult::sigbus);
    put_file(*file);
  });
}

// ---- fault-around -------------------------------------------------------------------------------

TYPED_TEST(File, AReadMapsTheWindowOfSixteen) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(64);
    map_file<TypeParam>(rig.mm(), file, 0, 64);
    peek<TypeParam>(rig.mm(), 20);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 14, 20), "--xxxxxxxxxxxxxxxx--");
    EXPECT_EQ(rig.mm().rss.load(order::relaxed), 16);
    put_file(*file);
  });
}

TYPED_TEST(File, AWriteMapsItsPageAlone) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(64);
    for (const std::uint32_t flags : {rw, rw_shared}) {
      map_file<TypeParam>(rig.mm(), file, 0, 64, flags);
      fill<TypeParam>(rig.mm(), 20, 1);
      EXPECT_EQ(present<TypeParam>(rig.mm(), 18, 4), "--x-");
    }
    put_file(*file);
  });
}

// The window is cut where the area begins and moves with it: kernel, do_fault_around.
TYPED_TEST(File, TheWindowIsCutToTheAreaAndToTheTable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(64);
    map_file<TypeParam>(rig.mm(), file, 3, 64);
    peek<TypeParam>(rig.mm(), 4);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 3, 17), "xxxxxxxxxxxxxxxx-");
    map_file<TypeParam>(rig.mm(), file, 103, 5);
    peek<TypeParam>(rig.mm(), 104);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 103, 6), "xxxxx-");
    map_file<TypeParam>(rig.mm(), file, 507, 10);
    peek<TypeParam>(rig.mm(), 508);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 507, 10), "xxxxx-----");
    put_file(*file);
  });
}

TYPED_TEST(File, OnlyWhatIsCachedAndFreeIsMappedAround) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = file_create();
    map_file<TypeParam>(rig.mm(), file, 0, 16);
    fill<TypeParam>(rig.mm(), 2, 2, 5);
    dontneed<TypeParam>(rig.mm(), 0, 16);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 8), 0U);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 16), "--xx----x-------");
    put_file(*file);
    address_space* full = memfd(16);
    map_file<TypeParam>(rig.mm(), full, 0, 16, rw);
    fill<TypeParam>(rig.mm(), 5, 1, 77);
    peek<TypeParam>(rig.mm(), 0);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 16), "xxxxxxxxxxxxxxxx");
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 5), 77U) << "the private copy stays";
    put_file(*full);
  });
}

// ---- clean and dirty ----------------------------------------------------------------------------

TYPED_TEST(File, ACleanPageOfADiskIsReadOnlyUntilItsFirstWrite) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(4);
    map_file<TypeParam>(rig.mm(), file, 0, 4);
    peek<TypeParam>(rig.mm(), 0);
    EXPECT_FALSE(TypeParam::pte_write(pte_of<TypeParam>(rig.mm(), 0)));
    EXPECT_FALSE(is_dirty(*file, 0));
    rig.flushes();
    fill<TypeParam>(rig.mm(), 0, 1, 9);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_TRUE(TypeParam::pte_write(pte_of<TypeParam>(rig.mm(), 0)));
    EXPECT_TRUE(is_dirty(*file, 0));
    EXPECT_FALSE(is_dirty(*file, 1));
    put_file(*file);
  });
}

TYPED_TEST(File, ACleanPageOfSharedMemoryIsWritableAtOnce) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = memfd(4);
    map_file<TypeParam>(rig.mm(), file, 0, 4);
    peek<TypeParam>(rig.mm(), 0);
    EXPECT_TRUE(TypeParam::pte_write(pte_of<TypeParam>(rig.mm(), 0)));
    put_file(*file);
  });
}

// Data rule 9: granting the right to write leaves clean entries as they are, and flushes nothing.
TYPED_TEST(File, MprotectLeavesTheFirstWriteToTheFault) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(4);
    map_file<TypeParam>(rig.mm(), file, 0, 4);
    peek<TypeParam>(rig.mm(), 0);
    fill<TypeParam>(rig.mm(), 3, 1, 9);
    protect<TypeParam>(rig.mm(), 0, 3, VM_READ);
    protect<TypeParam>(rig.mm(), 3, 1, VM_READ);
    rig.flushes();
    protect<TypeParam>(rig.mm(), 0, 3, rw);
    EXPECT_FALSE(TypeParam::pte_write(pte_of<TypeParam>(rig.mm(), 0)));
    if (!TypeParam::pte_needs_flush({}, {})) {
      EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    }
    protect<TypeParam>(rig.mm(), 3, 1, rw);
    EXPECT_TRUE(TypeParam::pte_write(pte_of<TypeParam>(rig.mm(), 3))) << "had its fault";
    fill<TypeParam>(rig.mm(), 0, 1, 5);
    EXPECT_TRUE(is_dirty(*file, 0));
    put_file(*file);
  });
}

// Data rule 8: at the end of every table.
TYPED_TEST(File, DirtyPagesAreFlushedBeforeTheirTableIsLeft) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(8);
    map_file<TypeParam>(rig.mm(), file, 508, 8);
    fill<TypeParam>(rig.mm(), 509, 6);
    rig.flushes();
    dontneed<TypeParam>(rig.mm(), 508, 8);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(3, 3)));
    for (std::uint64_t index = 0; index < 8; ++index)
      EXPECT_EQ(is_dirty(*file, index), index >= 1 && index < 7);
    put_file(*file);
  });
}

// ---- write-back ---------------------------------------------------------------------------------

TYPED_TEST(File, WriteBackMakesPagesCleanAndReadOnly) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(4);
    map_file<TypeParam>(rig.mm(), file, 0, 4);
    fill<TypeParam>(rig.mm(), 0, 3, 7);
    rig.flushes();
    EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1, 1, 1))) << "each at once, under its PTL";
    for (std::uint64_t n = 0; n < 3; ++n) {
      EXPECT_FALSE(is_dirty(*file, n));
      EXPECT_FALSE(TypeParam::pte_write(pte_of<TypeParam>(rig.mm(), n)));
      EXPECT_FALSE(TypeParam::pte_dirty(pte_of<TypeParam>(rig.mm(), n)));
    }
    EXPECT_EQ(page_cache_check_clean(*file), 0U);
    fill<TypeParam>(rig.mm(), 1, 1, 20);
    EXPECT_TRUE(is_dirty(*file, 1)) << "the write fault has told the file";
    EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "nothing is dirty";
    EXPECT_EQ(page_cache_check_clean(*file), 0U);
    put_file(*file);
  });
}

TYPED_TEST(File, MkcleanReachesEveryMappingOfEveryProgram) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(4);
    map_file<TypeParam>(rig.mm(), file, 0, 4);
    map_file<TypeParam>(rig.mm(), file, 600, 2, rw_shared, 2);
    map_file<TypeParam>(rig.mm(), file, 700, 4, rw);
    mm_struct* child = dup_mm<TypeParam>(rig.mm());
    for (mm_struct* mm : {&rig.mm(), child}) {
      use_mm<TypeParam>(*mm);
      fill<TypeParam>(*mm, 2, 1, 5);
      fill<TypeParam>(*mm, 600, 1, 6);
    }
    peek<TypeParam>(*child, 702);
    page* p = find_get_page(*file, 2);
    ASSERT_NE(p, nullptr);
    lock_page(p);
    EXPECT_EQ(page_mkclean<TypeParam>(p), 4U);
    EXPECT_EQ(page_mkclean<TypeParam>(p), 0U);
    unlock_page(p);
    put_page(p);
    EXPECT_EQ(peek<TypeParam>(*child, 702), 6U) << "a private mapping of it stays";
    use_mm<TypeParam>(rig.mm());
    mmput<TypeParam>(*child);
    put_file(*file);
  });
}

// Areas that were cut, joined, moved and grown are still found.
TYPED_TEST(File, TheAreasOfAFileFollowItsMappings) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(16);
    map_file<TypeParam>(rig.mm(), file, 0, 8);
    unmap<TypeParam>(rig.mm(), 2, 1);
    protect<TypeParam>(rig.mm(), 5, 1, VM_READ);
    EXPECT_EQ(file->i_mmap.size(), 4U);
    protect<TypeParam>(rig.mm(), 5, 1, rw);
    EXPECT_EQ(file->i_mmap.size(), 2U);
    EXPECT_GT(move_to<TypeParam>(rig.mm(), 3, 5, 100), 0);
    EXPECT_EQ(do_mremap<TypeParam>(rig.mm(), {.old_address = page_at(100),
                                              .old_length = 5 * page_size,
                                              .new_length = 9 * page_size}),
              static_cast<std::int64_t>(page_at(100)));
    EXPECT_EQ(file->i_mmap.size(), 2U);
    fill<TypeParam>(rig.mm(), 0, 2, 1);
    fill<TypeParam>(rig.mm(), 100, 9, 10);
    EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
    for (const std::uint64_t n : {0U, 1U, 100U, 104U, 108U})
      EXPECT_FALSE(TypeParam::pte_write(pte_of<TypeParam>(rig.mm(), n))) << n;
    EXPECT_EQ(page_cache_check_clean(*file), 0U);
    unmap<TypeParam>(rig.mm(), 0, 200);
    EXPECT_TRUE(file->i_mmap.empty());
    put_file(*file);
  });
}

TYPED_TEST(File, ADroppedPageComesBackFromTheDisk) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(4);
    map_file<TypeParam>(rig.mm(), file, 0, 4);
    fill<TypeParam>(rig.mm(), 1, 1, 42);
    unmap<TypeParam>(rig.mm(), 0, 4);
    page* p = find_get_page(*file, 1);
    lock_page(p);
    EXPECT_FALSE(remove_mapping(p)) << "dirty";
    unlock_page(p);
    EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
    lock_page(p);
    get_page(p);
    EXPECT_FALSE(remove_mapping(p)) << "somebody else holds it";
    put_page(p);
    EXPECT_TRUE(remove_mapping(p));
    unlock_page(p);
    put_page(p);
    EXPECT_FALSE(is_cached(*file, 1));
    map_file<TypeParam>(rig.mm(), file, 0, 4);
    peek<TypeParam>(rig.mm(), 0);
    EXPECT_EQ(present<TypeParam>(rig.mm(), 0, 4), "x-xx") << "around, only what is cached";
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 42U);
    EXPECT_EQ(page_cache_check_clean(*file), 0U);
    put_file(*file);
  });
}

TYPED_TEST(File, WithoutRoomOnTheDiskPagesStayDirty) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = disk_file(2);
    map_file<TypeParam>(rig.mm(), file, 0, 2);
    fill<TypeParam>(rig.mm(), 0, 2, 3);
    rig.allocations.fail(AllocSite::object, 1);
    EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), -ENOMEM);
    rig.allocations.fail_none();
    EXPECT_TRUE(is_dirty(*file, 0));
    EXPECT_FALSE(is_dirty(*file, 1));
    EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
    EXPECT_EQ(page_cache_check_clean(*file), 0U);
    put_file(*file);
  });
}

TYPED_TEST(File, AFileNeedsMemoryForItsPages) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    for (unsigned nth = 1; nth <= 5; ++nth) {
      rig.allocations.fail(std::nullopt, nth);
      EXPECT_EQ(file_create({.pages = 2, .contents = &initial_word}), nullptr) << nth;
      EXPECT_TRUE(rig.allocations.failed());
    }
    rig.allocations.fail_none();
  });
}

// ---- holes --------------------------------------------------------------------------------------

TYPED_TEST(File, AHoleReadsAsZerosEverywhere) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    for (address_space* file : {disk_file(8), memfd(8)}) {
      map_file<TypeParam>(rig.mm(), file, 0, 8);
      map_file<TypeParam>(rig.mm(), file, 20, 8, rw);
      fill<TypeParam>(rig.mm(), 3, 1, 9);
      fill<TypeParam>(rig.mm(), 24, 1, 8);  // a private copy
      peek<TypeParam>(rig.mm(), 20);
      EXPECT_EQ(filemap_write_and_wait<TypeParam>(*file), 0);
      EXPECT_EQ(do_madvise_remove<TypeParam>(rig.mm(), page_at(2), 3 * page_size), 0);
      for (const std::uint64_t n : {2U, 3U, 4U}) EXPECT_FALSE(is_cached(*file, n));
      EXPECT_EQ(present<TypeParam>(rig.mm(), 20, 8), "xx--xxxx") << "the copy stays";
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), initial_word(1, 0));
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 2), 0U);
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 3), 0U);
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 23), 0U);
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 24), 8U);
      EXPECT_EQ(page_cache_check_clean(*file), 0U);
      put_file(*file);
    }
  });
}

TYPED_TEST(File, RemoveWantsASharedFile) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = memfd(4);
    map<TypeParam>(rig.mm(), 0, 4);
    EXPECT_EQ(do_madvise_remove<TypeParam>(rig.mm(), page_at(0), page_size), -EINVAL);
    map_file<TypeParam>(rig.mm(), file, 0, 4, rw);
    EXPECT_EQ(do_madvise_remove<TypeParam>(rig.mm(), page_at(0), page_size), -EACCES);
    map_file<TypeParam>(rig.mm(), file, 0, 4);
    EXPECT_EQ(do_madvise_remove<TypeParam>(rig.mm(), page_at(0), 5 * page_size), -ENOMEM);
    EXPECT_FALSE(is_cached(*file, 0)) << "what came before the end of the area is gone";
    EXPECT_EQ(do_mlock<TypeParam>(rig.mm(), page_at(0), page_size), 0);
    EXPECT_EQ(do_madvise_remove<TypeParam>(rig.mm(), page_at(0), page_size), -EINVAL);
    put_file(*file);
  });
}

TYPED_TEST(File, WillneedReadsAhead) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = file_create({.kind = FileKind::disk, .pages = 8});
    map_file<TypeParam>(rig.mm(), file, 0, 16);
    EXPECT_EQ(do_madvise_willneed<TypeParam>(rig.mm(), page_at(2), 10 * page_size), 0);
    for (std::uint64_t n = 0; n < 8; ++n) EXPECT_EQ(is_cached(*file, n), n >= 2) << n;
    EXPECT_FALSE(is_cached(*file, 8)) << "beyond the end";
    EXPECT_EQ(do_madvise_willneed<TypeParam>(rig.mm(), page_at(20), page_size), -ENOMEM);
    put_file(*file);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
