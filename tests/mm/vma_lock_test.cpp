// SPDX-License-Identifier: GPL-2.0-or-later
// Per-VMA locks: faults that need no mmap_lock, writers that keep them out, areas that go away
// while a fault looks for them.
#include "mm/vma_lock.h"

#include "mm/userfaultfd.h"
#include "mm/vma.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

template <class A>
class VmaLock : public testing::Test {};
TYPED_TEST_SUITE(VmaLock, Backends);

TYPED_TEST(VmaLock, TheSecondFaultNeedsNoMmapLock) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    EXPECT_EQ(lock_vma_under_rcu(mm, page_at(0)), nullptr);  // nobody has faulted there
    fill<TypeParam>(mm, 0, 1);
    mm.mmap_lock.down_write();
    fill<TypeParam>(mm, 1, 7);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 1U);
    mmap_write_unlock(mm);
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(8), 1), AccessResult::sigsegv);
  });
}

TYPED_TEST(VmaLock, AWriterKeepsReadersOutUntilItUnlocks) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    map<TypeParam>(mm, 16, 8);
    fill<TypeParam>(mm, 0, 1);
    vm_area_struct* vma = lock_vma_under_rcu(mm, page_at(0));
    ASSERT_NE(vma, nullptr);
    EXPECT_EQ(vma->vm_start, page_at(0));
    vma_end_read(*vma);
    mm.mmap_lock.down_write();
    vma_start_write(*vma);
    vma_start_write(*vma);  // once more is nothing
    EXPECT_EQ(lock_vma_under_rcu(mm, page_at(0)), nullptr);
    mmap_write_unlock(mm);
    vma = lock_vma_under_rcu(mm, page_at(0));
    ASSERT_NE(vma, nullptr);
    vma_end_read(*vma);
    EXPECT_EQ(lock_vma_under_rcu(mm, page_at(16)), nullptr);  // same slot, other area
  });
}

TYPED_TEST(VmaLock, AnAreaThatIsGoneIsNotFound) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1024);
    fill<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 600, 1);  // two slots
    unmap<TypeParam>(mm, 0, 1024);
    EXPECT_EQ(lock_vma_under_rcu(mm, page_at(0)), nullptr);
    EXPECT_EQ(lock_vma_under_rcu(mm, page_at(600)), nullptr);
    map<TypeParam>(mm, 0, 8);
    fill<TypeParam>(mm, 0, 1);
    unmap<TypeParam>(mm, 4, 4);  // the rest stays
    vm_area_struct* vma = lock_vma_under_rcu(mm, page_at(3));
    ASSERT_NE(vma, nullptr);
    EXPECT_EQ(vma->vm_end, page_at(4));
    vma_end_read(*vma);
    EXPECT_EQ(lock_vma_under_rcu(mm, page_at(4)), nullptr);
  });
}

TYPED_TEST(VmaLock, WritingAnAreaWithoutMmapLockIsFound) {
  expect_broken("area_written_without_mmap_lock", [](Machine& machine) {
    machine.run([](unsigned cpu) {
      if (cpu != 0) return;
      Session<TypeParam> session({.frames = 64, .tlb = tiny_tlb});
      session.start();
      mm_struct* mm = mm_alloc<TypeParam>(3);
      map<TypeParam>(*mm, 0, 1);
      vma_start_write(*vma_lookup(*mm, page_at(0)));
    });
  });
}

// ---- races ---------------------------------------------------------------------------------------

// A fault that has the area's lock is waited for by whoever changes the area.
TYPED_TEST(VmaLock, TheWriterWaitsForTheReader) {
  each_trial(2, 300, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 2);
      fill<TypeParam>(rig.mm(), 0, 1);
    });
    Atomic<bool> inside{false};
    rig.on_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      for (unsigned n = 0; n < trial_rounds; ++n) {
        if (cpu == 1) {
          mm.mmap_lock.down_write();
          vma_start_write(*vma_lookup(mm, page_at(0)));
          EXPECT_FALSE(inside.load(order::relaxed));
          mmap_write_unlock(mm);
        } else if (vm_area_struct* vma = lock_vma_under_rcu(mm, page_at(0)); vma != nullptr) {
          inside.store(true, order::relaxed);
          inside.store(false, order::relaxed);
          vma_end_read(*vma);
        }
      }
    });
  });
}

// Faults beside calls that cut, join, empty, move and copy the areas they are in. Each page keeps
// what was written to it, or is empty where it was emptied.
template <class A, class Change>
void faults_beside(unsigned schedules, Change change) {
  each_trial(2, schedules, [&](const MachineOptions& options) {
    MmRig<A> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      map<A>(rig.mm(), 0, 16);
      fill<A>(rig.mm(), 0, 1);
    });
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      for (unsigned n = 0; n < trial_rounds; ++n) {
        if (cpu == 1) {
          change(mm);
          continue;
        }
        const vaddr_t va = page_at(n % 16);
        std::uint64_t value = 0;
        const bool written = user_write<A>(mm, va, n) == AccessResult::done;
        const bool seen = user_read<A>(mm, va, value) == AccessResult::done;
        EXPECT_TRUE(!written || !seen || value == n || value == 0) << value << " for " << n;
      }
      unuse_mm<A>();
    });
    EXPECT_EQ(rig.mm().tlb_flush_pending.load(order::relaxed), 0);
  });
}
TYPED_TEST(VmaLock, FaultsBesideMunmap) {
  faults_beside<TypeParam>(300, [](mm_struct& mm) {
    unmap<TypeParam>(mm, 2, 6);
    map<TypeParam>(mm, 2, 6);
  });
}
TYPED_TEST(VmaLock, FaultsBesideMprotect) {
  faults_beside<TypeParam>(300, [](mm_struct& mm) {
    protect<TypeParam>(mm, 1, 4, VM_READ);
    protect<TypeParam>(mm, 1, 4, rw);
  });
}
TYPED_TEST(VmaLock, FaultsBesideMremap) {
  faults_beside<TypeParam>(300, [](mm_struct& mm) {
    move_to<TypeParam>(mm, 1, 4, 1024);
    move_to<TypeParam>(mm, 1024, 4, 1);
  });
}
TYPED_TEST(VmaLock, FaultsBesideUserfaultfd) {
  faults_beside<TypeParam>(300, [](mm_struct& mm) {
    do_uffd_register<TypeParam>(mm, page_at(0), 8 * page_size, VM_UFFD_WP);
    do_uffd_writeprotect<TypeParam>(mm, page_at(0), 8 * page_size, true);
    do_uffd_unregister<TypeParam>(mm, page_at(0), 8 * page_size);
  });
}
TYPED_TEST(VmaLock, FaultsBesideFork) {
  faults_beside<TypeParam>(300, [](mm_struct& mm) {
    mm_struct* child = dup_mm<TypeParam>(mm);
    if (child != nullptr) mmput<TypeParam>(*child);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
