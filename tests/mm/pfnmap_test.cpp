// SPDX-License-Identifier: GPL-2.0-or-later
// Memory of a device: who may map it, that nobody counts it, and that it is gone when the driver says so.
#include "mm/pfnmap.h"

#include <cerrno>

#include "mm/gup.h"
#include "mm/rmap.tcc"
#include "tests/mm/backends.h"
#include "tests/mm/file_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

address_space* device_of(std::uint64_t pages) {
  address_space* device = file_create({.kind = FileKind::device, .pages = pages});
  EXPECT_NE(device, nullptr);
  return device;
}

template <class A>
class Pfnmap : public testing::Test {};
TYPED_TEST_SUITE(Pfnmap, Backends);

TYPED_TEST(Pfnmap, TwoMappingsShowTheDevicesFrame) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* device = device_of(2);
    map_file<TypeParam>(mm, device, 0, 2);
    map_file<TypeParam>(mm, device, 8, 1, rw_shared, 1);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 0U);
    const long frames = frames_in_use();  // with the page tables
    fill<TypeParam>(mm, 1, 1, 7);
    EXPECT_EQ(peek<TypeParam>(mm, 8), 7U);
    EXPECT_EQ(frames_in_use(), frames);
    EXPECT_EQ(mm.rss.load(order::relaxed), 0);
    EXPECT_EQ(
        pfn_to_page(TypeParam::pte_pfn(pte_of<TypeParam>(mm, 1)))->mapcount.load(order::relaxed),
        0);
    EXPECT_EQ(do_munmap<TypeParam>(mm, page_at(0), 2 * page_size), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 8), 7U) << "the driver's, mapped or not";
    put_file(*device);
  });
}

TYPED_TEST(Pfnmap, WhatTheDriverTakesBackIsFatal) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* device = device_of(2);
    map_file<TypeParam>(mm, device, 0, 2);
    map_file<TypeParam>(mm, device, 8, 2);
    for (const std::uint64_t at : {0U, 1U, 8U}) fill<TypeParam>(mm, at, 1, at + 1);
    const long frames = frames_in_use();
    device_revoke<TypeParam>(*device, 0);
    EXPECT_EQ(frames_in_use(), frames - 1);
    std::uint64_t value = 0;
    for (const std::uint64_t at : {0U, 8U}) {
      EXPECT_TRUE(TypeParam::pte_none(pte_of<TypeParam>(mm, at)));
      EXPECT_EQ(user_read<TypeParam>(mm, page_at(at), value), AccessResult::sigbus);
      EXPECT_EQ(user_write<TypeParam>(mm, page_at(at), 1), AccessResult::sigbus);
    }
    EXPECT_EQ(peek<TypeParam>(mm, 9), 2U) << "the other frame stays";
    device_revoke<TypeParam>(*device, 0);  // taken already
    EXPECT_EQ(frames_in_use(), frames - 1);
    put_file(*device);
  });
}

TYPED_TEST(Pfnmap, HasRulesOfItsOwn) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* device = device_of(2);
    EXPECT_EQ(do_mmap<TypeParam>(mm, {.address = page_at(0),
                                      .length = page_size,
                                      .flags = rw,
                                      .fixed = true,
                                      .file = device}),
              -EINVAL);
    map_file<TypeParam>(mm, device, 0, 1);
    map_file<TypeParam>(mm, device, 1, 1, rw_shared, 1);
    EXPECT_EQ(vma_lookup(mm, page_at(0))->vm_end, page_at(1)) << "never one area with the next";
    fill<TypeParam>(mm, 0, 1, 7);
    page* got = nullptr;
    EXPECT_EQ(get_user_pages_fast<TypeParam>(mm, page_at(0), 1, FOLL_PIN, &got), -EFAULT);
    EXPECT_EQ(do_madvise_dontneed<TypeParam>(mm, page_at(0), page_size), -EINVAL);
    EXPECT_EQ(do_madvise_remove<TypeParam>(mm, page_at(0), page_size), -ENODEV);
    put_file(*device);
  });
}

TYPED_TEST(Pfnmap, RightsComeAndGo) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* device = device_of(1);
    map_file<TypeParam>(mm, device, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    EXPECT_EQ(do_mprotect<TypeParam>(mm, page_at(0), page_size, VM_READ), 0);
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(0), 1), AccessResult::sigsegv);
    EXPECT_EQ(do_mprotect<TypeParam>(mm, page_at(0), page_size, VM_READ | VM_WRITE), 0);
    fill<TypeParam>(mm, 0, 1, 8);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 8U);
    put_file(*device);
  });
}

TYPED_TEST(Pfnmap, AChildSeesTheFrameToo) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* device = device_of(1);
    map_file<TypeParam>(mm, device, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    mm_struct* child = dup_mm<TypeParam>(mm);
    use_mm<TypeParam>(*child);
    EXPECT_EQ(peek<TypeParam>(*child, 0), 7U);
    fill<TypeParam>(*child, 0, 1, 8);
    use_mm<TypeParam>(mm);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 8U);
    device_revoke<TypeParam>(*device, 0);
    EXPECT_TRUE(TypeParam::pte_none(pte_of<TypeParam>(*child, 0)));
    mmput<TypeParam>(*child);
    put_file(*device);
  });
}

// An area of a device is flushed as soon as it is zapped, whatever the gather does for others.
TYPED_TEST(Pfnmap, IsFlushedBeforeItsAreaGoes) {
  for (const bool first : {true, false}) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      mm_struct& mm = rig.mm();
      mm.fixes.pfnmap_flush_first = first;
      map<TypeParam>(mm, 0, 1, VM_READ | VM_PFNMAP);
      mmu_gather<TypeParam> tlb;
      tlb_gather_mmu(tlb, mm);
      tlb_start_vma(tlb, *vma_lookup(mm, page_at(0)));
      tlb_flush_pte_range(tlb, page_at(0), page_size);
      tlb_end_vma(tlb);
      EXPECT_EQ(tlb.recorded(), !first && TypeParam::features.merge_vmas);
      tlb_finish_mmu(tlb);
    });
  }
}

// Each allocation on the way fails once; nothing is left behind.
TYPED_TEST(Pfnmap, WithoutMemory) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    bool failed = true;
    for (unsigned nth = 1; failed && nth < 50; ++nth) {
      rig.allocations.fail(std::nullopt, nth);
      address_space* device = file_create({.kind = FileKind::device, .pages = 2});
      if (device != nullptr) {
        const std::int64_t mapped = do_mmap<TypeParam>(mm, {.address = page_at(0),
                                                            .length = 2 * page_size,
                                                            .flags = rw_shared,
                                                            .fixed = true,
                                                            .file = device});
        std::uint64_t value = 0;
        if (mapped > 0 && user_read<TypeParam>(mm, page_at(1), value) == AccessResult::done) {
          EXPECT_EQ(value, 0U);
          device_revoke<TypeParam>(*device, 1);
          EXPECT_EQ(user_read<TypeParam>(mm, page_at(1), value), AccessResult::sigbus);
        }
        put_file(*device);
      }
      failed = rig.allocations.failed();
      rig.allocations.fail_none();
      EXPECT_EQ(do_munmap<TypeParam>(mm, page_at(0), 2 * page_size), 0);
    }
    EXPECT_FALSE(failed) << "the last time nothing failed";
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
